"""A token server as big registries have one beside them: checks who asks, and signs short-lived tokens that
docker-registry then verifies with our certificate."""

import base64
import dataclasses
import hmac
import http.server
import json
import ssl
import threading
import time
import urllib.parse
import uuid

from certificates import openssl, server_certificate
from registry_server import PASSWORD, USER, basic

ISSUER = "tests' tokens"
SERVICE = "registry of tests"
# Stands for USER and PASSWORD; docker calls it an identity token.
REFRESH_TOKEN = "refresh-0f1e2d3c4b5a69788796a5b4c3d2e1f0"


@dataclasses.dataclass(frozen=True)
class TokenRequest:
    method: str
    user: str  # empty: nobody
    scopes: tuple
    parameters: dict


class TokenServer:
    """Works while a `with` lasts, or from start() to stop(). Everybody gets a token; without credentials it allows
    what is in repositories whose name starts with `public/`, and nothing else.

    seconds: how long a token is good, and is said to be."""

    def __init__(self, seconds=300):
        self.seconds = seconds
        self.requests = []
        self.issued = []
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))

    def start(self):
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def configuration(self):
        """What docker-registry has to know."""
        return {"realm": "http://127.0.0.1:%d/token" % self._server.server_port, "service": SERVICE, "issuer": ISSUER,
                "rootcertbundle": str(server_certificate("rsa") / "crt")}

    def forget(self):
        with self._lock:
            self.requests.clear()

    def token(self, access, user=USER):
        """A signed token that allows this: [{type, name, actions}]."""
        certificate = ssl.PEM_cert_to_DER_cert((server_certificate("rsa") / "crt").read_text())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(certificate).decode()]}
        now = int(time.time())
        # docker-registry accepts a token for 60 s more than it says.
        claims = {"iss": ISSUER, "sub": user, "aud": SERVICE, "iat": now, "nbf": now - 60,
                  "exp": now + self.seconds - 60, "jti": uuid.uuid4().hex, "access": access}
        text = _encode(json.dumps(header).encode()) + "." + _encode(json.dumps(claims).encode())
        signature = openssl("dgst", "-sha256", "-sign", server_certificate("rsa") / "key", data=text.encode())
        token = text + "." + _encode(signature)
        with self._lock:
            self.issued.append(token)
        return token

    # ---- For the connections

    def answer(self, method, parameters, authorization):
        """HTTP status and object."""
        try:
            user = self._user(method, parameters, authorization)
        except PermissionError:
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "incorrect username or password"}]}
        scopes = tuple(scope for text in parameters.get("scope", []) for scope in text.split())
        first = {name: values[0] for name, values in parameters.items()}
        with self._lock:
            self.requests.append(TokenRequest(method, user, scopes, first))
        if first.get("service") != SERVICE:
            return 400, {"errors": [{"code": "DENIED", "message": "unknown service"}]}
        token = self.token([access for access in map(_access, scopes) if access and _allowed(access, user)], user)
        answer = {"access_token": token, "expires_in": self.seconds}
        if method == "GET":
            answer["token"] = token
        if user and first.get("offline_token") == "true":
            answer["refresh_token"] = REFRESH_TOKEN
        return 200, answer

    @staticmethod
    def _user(method, parameters, authorization):
        if method == "POST":
            grant = parameters.get("grant_type", [""])[0]
            if grant == "refresh_token" and parameters.get("refresh_token") == [REFRESH_TOKEN]:
                return USER
            if grant == "password" and (parameters.get("username"), parameters.get("password")) == ([USER], [PASSWORD]):
                return USER
            raise PermissionError
        if not authorization:
            return ""
        if hmac.compare_digest(authorization, "Basic " + basic()):
            return USER
        raise PermissionError


def _encode(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _access(scope):
    """repository:team/web:pull,push"""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")} if name else None


def _allowed(access, user):
    return bool(user) or (access["name"].startswith("public/") and access["actions"] == ["pull"])


def _handler_of(server):

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            self._answer(urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query))

        def do_POST(self):
            self._answer(urllib.parse.parse_qs(b"".join(self._body()).decode()))

        def _body(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
                return
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _answer(self, parameters):
            status, answer = server.answer(self.command, parameters, self.headers.get("Authorization", ""))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    return Handler
