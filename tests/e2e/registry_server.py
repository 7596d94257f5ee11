"""Real registries on loopback: docker-registry as the distribution packages it, one process each."""

import base64
import contextlib
import http.client
import json
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from certificates import server_certificate
from environment import MIRROR

USER = "robot"
# With a colon, and with + and / in its base64 form: what credentials are taken apart by.
PASSWORD = "hunter2:pa55phrase>>>???"
_HTPASSWD = USER + ":$2b$04$9cVCnac3s3qsupdzd1UohuFJUY/GPRmqp2FmKddO.rQldgX6LBv6G\n"  # bcrypt of it

# Nothing of ours: every REGISTRY_* variable would override the configuration.
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"}


def basic(user=USER, password=PASSWORD):
    """What docker's config.json has as `auth`, and an Authorization header after `Basic `."""
    return base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RegistryServer:
    """Runs from start() to stop(), or while a `with` lasts.

    users=True: only USER with PASSWORD may read and write. tokens: only who has a token of this TokenServer may. tls:
    HTTPS, with a certificate that is its own authority (`authority`)."""

    def __init__(self, *, users=False, tokens=None, tls=False):
        self._users = users
        self._tokens = tokens
        self._tls = tls
        self._process = None
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="registry-", dir=MIRROR.folder))
        self.port = free_port()

    @property
    def host(self):
        return "127.0.0.1:%d" % self.port

    @property
    def authority(self):
        return (server_certificate() / "crt").read_text()

    @property
    def storage(self):
        return self._folder / "storage"

    def start(self):
        settings = self._folder / "config.json"
        settings.write_text(json.dumps(self._configuration()))  # JSON is YAML too
        with open(self._folder / "log", "ab") as log:
            self._process = subprocess.Popen(["docker-registry", "serve", settings], env=_ENVIRONMENT, cwd="/",
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError("docker-registry does not serve:\n" + (self._folder / "log").read_text())
            time.sleep(0.02)
        return self

    def stop(self):
        """The images stay: the next start() has them again."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def connect(self):
        """A new connection, as http.client has it."""
        if self._tls:
            context = ssl.create_default_context(cafile=server_certificate() / "crt")
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def authorization(self, repository):
        """The header with which tests read and write everything in this repository."""
        if self._users:
            return {"Authorization": "Basic " + basic()}
        if self._tokens:
            access = [{"type": "repository", "name": repository, "actions": ["pull", "push", "delete"]}]
            return {"Authorization": "Bearer " + self._tokens.token(access)}
        return {}

    def _configuration(self):
        configuration = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True},
                        "maintenance": {"uploadpurging": {"enabled": False}}},
            "http": {"addr": self.host, "secret": "of uploads"},
        }
        if self._tls:
            folder = server_certificate()
            configuration["http"]["tls"] = {"certificate": str(folder / "crt"), "key": str(folder / "key")}
        if self._users:
            (self._folder / "htpasswd").write_text(_HTPASSWD)
            configuration["auth"] = {"htpasswd": {"realm": "tests", "path": str(self._folder / "htpasswd")}}
        if self._tokens:
            configuration["auth"] = {"token": self._tokens.configuration()}
        return configuration

    def _answers(self):
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(self.connect()) as connection:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        return False
