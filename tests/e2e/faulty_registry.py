"""A registry that misbehaves: a proxy of ours before a real one, which counts what is asked and which a test tells what
goes wrong. It also pages tag lists, which docker-registry does not, and sends clients to another host for contents."""

import contextlib
import dataclasses
import http.server
import json
import re
import socket
import threading
import time
import urllib.parse

from fault_proxy import Cut, Delay

HTML = b"<!DOCTYPE html><html><head><title>Corporate proxy</title></head><body>Please log in</body></html>"
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_KINDS = (
    ("ping", re.compile(r"^/v2/?$")),
    ("list", re.compile(r"^/v2/.+/tags/list$")),
    ("manifest", re.compile(r"^/v2/.+/manifests/([^/]+)$")),
    ("blob", re.compile(r"^/v2/.+/blobs/([^/]+)$")),
    ("referrers", re.compile(r"^/v2/.+/referrers/([^/]+)$")),
)


@dataclasses.dataclass(frozen=True)
class Request:
    at: float
    kind: str  # ping, list, head (of a manifest), manifest, blob, referrers, other
    reference: str  # tag or digest, where the kind has one
    path: str  # with the query
    headers: dict  # names in lower case
    fault: str  # what was done to it; empty: nothing


@dataclasses.dataclass
class Answer:
    """In place of the registry's."""
    status: int
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)

    def __str__(self):
        return str(self.status)


@dataclasses.dataclass
class Without:
    """The registry's answer, but for this header."""
    header: str


class Hang:
    """No answer until the proxy stops."""


@dataclasses.dataclass
class _Rule:
    kind: str
    fault: object
    times: float
    reference: str

    def matches(self, request):
        return (self.times > 0 and self.kind in ("*", request.kind)
                and self.reference in (None, request.reference))


TOO_MANY = Answer(429, b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "slow down, injected"}]}',
                  {"Content-Type": "application/json", "Retry-After": "1"})
UNAVAILABLE = Answer(503, b"injected: the registry is being restarted", {"Content-Type": "text/plain"})
GARBAGE = Answer(200, HTML, {"Content-Type": "text/html"})
NO_SUCH_MANIFEST = Answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}',
                          {"Content-Type": "application/json"})


class FaultyRegistry:
    """Works while a `with` lasts. Each client is passed on to the registry `server` with its own credentials."""

    def __init__(self, server):
        self._upstream = server
        self._lock = threading.Lock()
        self._rules = []
        self._requests = []
        self._sockets = set()
        self._stopped = threading.Event()
        self.page_size = None  # tags in an answer, at most
        self.page_link = "{path}?{query}"  # what Link says; {host} is ours
        self.redirects = {}  # kind => the ContentHost that has these contents

    def __enter__(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.handle_error = lambda *_: None  # a client that went away
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        with self._lock:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def host(self):
        return "127.0.0.1:%d" % self._server.server_port

    # ---- For tests

    def inject(self, kind, fault, times=float("inf"), reference=None):
        """Does this to the next requests of this kind ("*": any), or of this kind for this tag or digest."""
        with self._lock:
            self._rules.append(_Rule(kind, fault, times, reference))

    def mend(self):
        with self._lock:
            self._rules.clear()

    def forget(self):
        """Counts from now on."""
        with self._lock:
            self._requests.clear()

    def requests(self, *kinds):
        with self._lock:
            return [request for request in self._requests if not kinds or request.kind in kinds]

    def counts(self):
        """kind => how many of it there were."""
        counted = {}
        for request in self.requests():
            counted[request.kind] = counted.get(request.kind, 0) + 1
        return counted

    def injected(self):
        """How often a fault has met a request."""
        return sum(1 for request in self.requests() if request.fault)

    # ---- For the connections

    def note(self, method, path, headers):
        """The kind of the request, and the fault that it meets or None."""
        kind, reference = _kind(method, urllib.parse.urlparse(path).path)
        request = Request(time.monotonic(), kind, reference, path,
                          {name.lower(): value for name, value in headers.items()}, "")
        with self._lock:
            rule = next((rule for rule in self._rules if rule.matches(request)), None)
            if rule is not None:
                rule.times -= 1
                request = dataclasses.replace(request, fault=str(rule.fault))
            self._requests.append(request)
        return kind, rule.fault if rule else None

    def connect(self):
        return self._upstream.connect()

    def wait_for_stop(self):
        self._stopped.wait(60)

    def track(self, connection):
        with self._lock:
            self._sockets.add(connection)

    def forget_connection(self, connection):
        with self._lock:
            self._sockets.discard(connection)


def _kind(method, path):
    for kind, pattern in _KINDS:
        match = pattern.match(path)
        if match:
            reference = match[1] if pattern.groups else ""
            return ("head" if kind == "manifest" and method == "HEAD" else kind), reference
    return "other", ""


def _page(proxy, path, body):
    """The part of the tag list that this request asks for, and Link or None."""
    url = urllib.parse.urlparse(path)
    query = dict(urllib.parse.parse_qsl(url.query))
    listed = json.loads(body)
    tags = sorted(tag for tag in listed["tags"] or [] if tag > query.get("last", ""))
    size = min(proxy.page_size, int(query.get("n", proxy.page_size)))
    link = None
    if len(tags) > size:
        more = urllib.parse.urlencode({"last": tags[size - 1], "n": size})
        link = '<%s>; rel="next"' % proxy.page_link.format(path=url.path, query=more, host=proxy.host)
    return json.dumps({**listed, "tags": tags[:size]}).encode(), link


def _handler_of(proxy):

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            self._upstream = proxy.connect()
            proxy.track(self.connection)

        def finish(self):
            proxy.forget_connection(self.connection)
            self._upstream.close()
            super().finish()

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kind, fault = proxy.note(self.command, self.path, self.headers)
            if isinstance(fault, Answer):
                return self._send(fault.status, fault.headers, fault.body)
            if isinstance(fault, Hang):
                proxy.wait_for_stop()
                return self._cut()
            if isinstance(fault, Delay):
                time.sleep(fault.seconds)
            self._relay(kind, body, fault)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _relay(self, kind, body, fault):
            answer, data = self._ask(kind, body)
            headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            if answer.status == 200 and kind in proxy.redirects:
                return self._send(307, {"Location": proxy.redirects[kind].place(data, headers)}, b"")
            if answer.status == 200 and kind == "list" and proxy.page_size:
                data, link = _page(proxy, self.path, data)
                headers.update({"Link": link} if link else {})
            if isinstance(fault, Without):
                headers = {name: value for name, value in headers.items() if name.lower() != fault.header.lower()}
            length = int(answer.headers.get("Content-Length", 0)) if self.command == "HEAD" else len(data)
            self._send(answer.status, headers, data, length, fault.after if isinstance(fault, Cut) else None)

        def _ask(self, kind, body):
            path = self.path
            if kind == "list" and proxy.page_size:
                path = urllib.parse.urlparse(path).path
            self._upstream.putrequest(self.command, path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():  # a name may come several times
                if name.lower() not in _HOP:
                    self._upstream.putheader(name, value)
            self._upstream.putheader("Content-Length", str(len(body)))
            self._upstream.endheaders(body)
            answer = self._upstream.getresponse()
            return answer, answer.read()

        def _send(self, status, headers, body, length=None, most=None):
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body if most is None else body[:most])
            if most is not None:
                self._cut()

        def _cut(self):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_):
            pass

    return Handler


class ContentHost:
    """Where a registry sends its clients for contents: another host, with a signed address of its own as clouds have
    it. Works while a `with` lasts."""

    SIGNATURE = "5ig-0a1b2c3d4e5f60718293a4b5c6d7e8f9"

    def __init__(self):
        self.requests = []  # headers of each, names in lower case
        self._contents = {}
        host = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                host.requests.append({name.lower(): value for name, value in self.headers.items()})
                body, headers = host.find(self.path)
                self.send_response(200 if headers else 404)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def place(self, body, headers):
        """Keeps the content, and returns its address."""
        path = "/contents/%d?X-Signature=%s" % (len(self._contents), self.SIGNATURE)
        self._contents[path] = (body, headers)
        return "http://localhost:%d%s" % (self._server.server_port, path)

    def find(self, path):
        return self._contents.get(path, (b"", {}))
