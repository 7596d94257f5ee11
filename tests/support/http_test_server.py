"""A small HTTP(S) server, and HTTP proxy, for tests of HTTP clients on real sockets.

Prints one line of JSON when it listens: {"port": ..., "ca": PEM, "client_cert": PEM, "client_key":
PEM, "other_ca": PEM} (the PEM texts with --tls only). Ends when its standard input ends, so that it
never outlives the test that started it.

  /status/<code>     that status with a small JSON body and two headers of one name
  /echo              the request as JSON
  /bytes/<n>         n bytes
  /stream            "one\n", and nothing more until the client hangs up
  /drip/<n>/<ms>     n lines, one every so many milliseconds
  /silent            no answer at all
  /reset             the connection is closed without an answer
  /truncated         fewer bytes than Content-Length says
  /redirect          302 to /status/200
  /hints             an interim 103 answer, then 200
  /stats             {"requests", "connects", "hang_ups"} so far
"""

import argparse
import http.server
import json
import os
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

SERVER_NAME = "server.test.example"


class Certificates:
    """Throw-away authorities and certificates, made with the openssl command."""

    def __init__(self, folder):
        self.folder = folder
        self.authority("ca")
        self.authority("other_ca")
        self.issue("server", f"subjectAltName=DNS:{SERVER_NAME},DNS:localhost")
        self.issue("client", "extendedKeyUsage=clientAuth")

    def path(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self.path(name), encoding="ascii") as file:
            return file.read()

    def run(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)

    def key_arguments(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-keyout", self.path(name + ".key"), "-subj", f"/CN={name}"]

    def authority(self, name):
        self.run("req", "-x509", *self.key_arguments(name), "-out", self.path(name + ".crt"),
                 "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE")

    def issue(self, name, extension):
        self.run("req", *self.key_arguments(name), "-out", self.path(name + ".csr"))
        with open(self.path(name + ".ext"), "w", encoding="ascii") as file:
            file.write(extension + "\n")
        self.run("x509", "-req", "-in", self.path(name + ".csr"), "-CA", self.path("ca.crt"),
                 "-CAkey", self.path("ca.key"), "-CAcreateserial", "-days", "2",
                 "-extfile", self.path(name + ".ext"), "-out", self.path(name + ".crt"))

    def context(self, require_client_certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path("server.crt"), self.path("server.key"))
        if require_client_certificate:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.path("ca.crt"))
        return context


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = True

    def __init__(self, address, context):
        super().__init__(address, Handler)
        self.context = context
        self.lock = threading.Lock()
        self.counts = {"requests": 0, "connects": 0, "hang_ups": 0}

    def count(self, what):
        with self.lock:
            self.counts[what] += 1

    def finish_request(self, request, client_address):
        if self.context is not None:  # here, in the connection's own thread
            request = self.handshake(request)
        super().finish_request(request, client_address)

    def handshake(self, plain):
        """As a real server does, lets a refused client read the alert before the connection ends."""
        with plain.dup() as spare:
            try:
                return self.context.wrap_socket(plain, server_side=True)
            except ssl.SSLError:
                spare.shutdown(socket.SHUT_WR)
                spare.settimeout(2)
                while spare.recv(4096):
                    pass
                raise

    def handle_error(self, request, client_address):
        """Clients that hang up are what the tests are about."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format, *args):
        pass

    def do_any(self):
        self.server.count("requests")
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length).decode("utf-8", "replace")
        path = urllib.parse.urlsplit(self.path).path  # absolute when we are the proxy
        words = path.strip("/").split("/")
        getattr(self, "answer_" + words[0], self.answer_unknown)(*words[1:])
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_any

    def reply(self, status, body, headers=()):
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, text):
        self.wfile.write(f"{len(text):x}\r\n{text}\r\n".encode())
        self.wfile.flush()

    def start_chunks(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def wait_for_hang_up(self):
        while self.connection.recv(4096):
            pass
        self.server.count("hang_ups")
        self.close_connection = True

    def answer_unknown(self, *_):
        self.reply(404, "unknown path")

    def answer_status(self, code):
        headers = [("Content-Type", "application/json"), ("X-Twice", "first"), ("X-Twice", "second")]
        self.reply(int(code), json.dumps({"status": int(code)}), headers)

    def answer_echo(self, *_):
        headers = [[name, value] for name, value in self.headers.items()]
        self.reply(200, json.dumps({"method": self.command, "path": self.path, "headers": headers,
                                    "body": self.body}))

    def answer_bytes(self, count):
        self.reply(200, b"x" * int(count))

    def answer_stream(self):
        self.start_chunks()
        self.chunk("one\n")
        self.wait_for_hang_up()

    def answer_drip(self, count, milliseconds):
        self.start_chunks()
        for i in range(int(count)):
            time.sleep(int(milliseconds) / 1000)
            self.chunk(f"line {i}\n")
        self.wfile.write(b"0\r\n\r\n")

    def answer_silent(self):
        self.wait_for_hang_up()

    def answer_reset(self):
        self.close_connection = True

    def answer_truncated(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"not a hundred")
        self.close_connection = True

    def answer_redirect(self):
        self.reply(302, "", [("Location", "/status/200")])

    def answer_hints(self):
        self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nX-Interim: yes\r\n\r\n")
        self.reply(200, "final", [("X-Final", "yes")])

    def answer_stats(self):
        self.reply(200, json.dumps(self.server.counts))

    def do_CONNECT(self):
        """A proxy that connects every name to this machine, as only the proxy knows the names."""
        self.server.count("connects")
        port = int(self.path.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as upstream:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            pair = {self.connection: upstream, upstream: self.connection}
            while True:
                for source in select.select(list(pair), [], [])[0]:
                    data = source.recv(65536)
                    if not data:
                        self.close_connection = True
                        return
                    pair[source].sendall(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--client-certificate", action="store_true")
    arguments = parser.parse_args()
    announcement = {}
    context = None
    if arguments.tls:
        with tempfile.TemporaryDirectory() as folder:
            certificates = Certificates(folder)
            context = certificates.context(arguments.client_certificate)
            announcement = {"ca": certificates.read("ca.crt"),
                            "other_ca": certificates.read("other_ca.crt"),
                            "client_cert": certificates.read("client.crt"),
                            "client_key": certificates.read("client.key")}
    server = Server(("127.0.0.1", 0), context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    announcement["port"] = server.server_address[1]
    print(json.dumps(announcement), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
