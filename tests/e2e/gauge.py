"""A metric over HTTP JSON whose value the test decides."""

import http.server
import json
import threading
import time

from stack import Block


class Gauge:
    """A metric that says what the test wants; works while a `with` lasts."""

    def __init__(self, value=0):
        self.value = value
        self.answers = []  # (time, value) of each

    def __enter__(self):
        gauge = self

        class Handler(http.server.BaseHTTPRequestHandler):

            def do_GET(self):
                value = gauge.value
                body = json.dumps({"data": [{"value": value}]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                gauge.answers.append((time.monotonic(), value))

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.metric = Block(name="complaints", max=3, http=Block(
            url="http://127.0.0.1:%d/" % self._server.server_port, json_path="$.data[0].value"))
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
