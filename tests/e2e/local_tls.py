"""Servers of ours on loopback that speak TLS."""

import base64
import functools
import http.server
import pathlib
import ssl
import subprocess
import tempfile
import threading

from environment import MIRROR


@functools.cache
def _certificate():
    """The folder of a certificate for 127.0.0.1 that is its own authority."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tls-", dir=MIRROR.folder))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                    "-keyout", folder / "key", "-out", folder / "crt"],
                   check=True, capture_output=True, timeout=60)
    return folder


def authority():
    """Who signed these servers' certificate, as Kubernetes' objects and a kubeconfig have it."""
    return base64.b64encode((_certificate() / "crt").read_bytes()).decode()


class TlsServer(http.server.ThreadingHTTPServer):
    """Serves from start() to stop()."""

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate() / "crt", _certificate() / "key")
        # The handshakes are left to the threads of the connections.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self):
        return "https://127.0.0.1:%d" % self.server_port

    def start(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, *_):
        pass  # a client that went away
