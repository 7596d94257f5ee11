"""An API server that misbehaves: a proxy of ours before the real one, which a test tells what goes wrong."""

import base64
import contextlib
import dataclasses
import http.client
import http.server
import json
import re
import socket
import ssl
import threading
import time
import urllib.parse

from kubernetes_cluster import kubectl
from local_tls import TlsServer, authority

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}
_PATH = re.compile(r"^/api(?:s/[^/]+)?/[^/]+/(?:namespaces/[^/]+/)?([^/]+)(?:/[^/]+)?$")


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as the provider sent it. Its verb is the one that RBAC knows, for reads too."""
    at: float
    method: str
    verb: str
    resource: str
    dry_run: bool
    fault: str  # what was done to it; empty: nothing


@dataclasses.dataclass
class _Rule:
    verb: str
    resource: str
    fault: object
    times: float
    when: object

    def matches(self, request):
        return (self.times > 0 and request.verb == self.verb and self.resource in ("*", request.resource)
                and self.when(request))


class Answer:
    """In place of the API server's: a Status as it would send it."""

    def __init__(self, status, reason, message="injected", **headers):
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                       "message": message, "reason": reason, "code": status}

    def __str__(self):
        return str(self.status)


class ErrorEvent(Answer):
    """A watch that begins, and ends with this event."""


@dataclasses.dataclass
class Cut:
    """The connection ends after so many bytes of the answer's body. The request has been done."""
    after: int = 0


@dataclasses.dataclass
class Delay:
    seconds: float


@dataclasses.dataclass
class Meanwhile:
    """Something happens in the middle of the request, whose answer is lost: before the API server hears of it, or once
    it has been `done`."""
    happens: object
    done: bool = True


CONFLICT = Answer(409, "Conflict", "the object has been modified; please apply your changes to the latest version")
GONE = Answer(410, "Expired", "too old resource version: 1 (2)")
ERROR_EVENT_GONE = ErrorEvent(410, "Expired", "too old resource version: 1 (2)")
INTERNAL_ERROR = Answer(500, "InternalError", "etcdserver: leader changed, injected")
UNAVAILABLE = Answer(503, "ServiceUnavailable", "the server is currently unable to handle the request, injected")


def too_many_requests(seconds):
    return Answer(429, "TooManyRequests", "too many requests, injected", Retry_After=str(seconds))


class FaultProxy:
    """Works while a `with` lasts."""

    def __init__(self):
        config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
        cluster = config["clusters"][0]["cluster"]
        url = urllib.parse.urlparse(cluster["server"])
        self._address = (url.hostname, url.port)
        self._tls = ssl.create_default_context(cadata=_certificate_of(cluster))
        self._lock = threading.Lock()
        self._rules = []
        self._requests = []
        self._sockets = set()

    def __enter__(self):
        self._server = TlsServer(_handler_of(self))
        self._server.start()
        return self

    def __exit__(self, *_):
        self._server.stop()
        with self._lock:
            sockets = list(self._sockets)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def edit_kubeconfig(self, config):
        """Leads it through the proxy."""
        for cluster in config["clusters"]:
            cluster["cluster"].update({"server": self._server.url, "certificate-authority-data": authority()})

    def inject(self, verb, resource, fault, times=float("inf"), when=lambda request: True):
        """Does this to the next requests of this kind; resource "*" is any."""
        with self._lock:
            self._rules.append(_Rule(verb, resource, fault, times, when))

    def mend(self):
        with self._lock:
            self._rules.clear()

    def requests(self, verb=None, resource=None):
        with self._lock:
            return [request for request in self._requests
                    if verb in (None, request.verb) and resource in (None, request.resource)]

    def injected(self):
        """How often a fault has met a request."""
        return sum(1 for request in self.requests() if request.fault)

    # ---- For the connections

    def note(self, method, path):
        """The fault that this request meets, or None."""
        url = urllib.parse.urlparse(path)
        query = urllib.parse.parse_qs(url.query)
        named = _PATH.match(url.path)
        request = Request(time.monotonic(), method, _verb(method, url.path, query), named[1] if named else "",
                          "dryRun" in query, "")
        with self._lock:
            rule = next((rule for rule in self._rules if rule.matches(request)), None)
            if rule is not None:
                rule.times -= 1
                request = dataclasses.replace(request, fault=str(rule.fault))
            self._requests.append(request)
        return rule.fault if rule else None

    def connect(self):
        upstream = http.client.HTTPSConnection(*self._address, context=self._tls)
        upstream.connect()
        self.track(upstream.sock)
        return upstream

    def track(self, connection):
        with self._lock:
            self._sockets.add(connection)

    def forget(self, connection):
        with self._lock:
            self._sockets.discard(connection)


def _handler_of(proxy):

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            super().setup()
            self._upstream = None
            proxy.track(self.connection)

        def finish(self):
            proxy.forget(self.connection)
            if self._upstream is not None:
                proxy.forget(self._upstream.sock)
                self._upstream.close()
            super().finish()

        def _serve(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            fault = proxy.note(self.command, self.path)
            if isinstance(fault, ErrorEvent):
                return self._send(200, {}, _line({"type": "ERROR", "object": fault.object}))
            if isinstance(fault, Answer):
                return self._send(fault.status, fault.headers, json.dumps(fault.object).encode())
            if isinstance(fault, Delay):
                time.sleep(fault.seconds)
            if isinstance(fault, Meanwhile):
                return self._relay_meanwhile(body, fault)
            self._relay(body, fault.after if isinstance(fault, Cut) else None)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

        def _send(self, status, headers, body):
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _relay_meanwhile(self, body, fault):
            if fault.done:
                self._ask(body).read()
            fault.happens()
            self._cut()

        def _ask(self, body):
            if self._upstream is None:
                self._upstream = proxy.connect()
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
            self._upstream.request(self.command, self.path, body, headers)
            return self._upstream.getresponse()

        def _relay(self, body, most):
            answer = self._ask(body)
            if most == 0:
                return self._cut()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while data := answer.read1(65536):
                if most is not None:
                    data, most = data[:most], most - len(data)
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                if most is not None and most <= 0:
                    return self._cut()
            answer.close()  # or the connection would wait for the rest of it
            self.wfile.write(b"0\r\n\r\n")

        def _cut(self):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *_):
            pass

    return Handler


def _verb(method, path, query):
    if method != "GET":
        return {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[method]
    if query.get("watch") == ["true"]:
        return "watch"
    # A collection's path ends with a resource, an object's with a name: /api/v1/namespaces/x/pods[/y]
    steps = path.strip("/").split("/")
    rest = steps[2:] if steps[0] == "api" else steps[3:]
    return "list" if len(rest) % 2 else "get"


def _line(event):
    return json.dumps(event).encode() + b"\n"


def _certificate_of(cluster):
    return base64.b64decode(cluster["certificate-authority-data"]).decode()
