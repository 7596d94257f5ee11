"""The API server without anything of ours in between: namespaces, what it has counted, and plain requests by curl."""

import collections
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import tempfile
import time
import urllib.parse
import uuid

from environment import KUBECONFIG, token
from kubernetes_cluster import eventually, kubectl

DEPLOYMENTS = "/apis/apps/v1/namespaces/%s/deployments"
PATIENCE = 600  # seconds; far more than anything here takes

_CA = pathlib.Path(KUBECONFIG).parent / "ca.crt"


def _server():
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    return config["clusters"][0]["cluster"]["server"]


class ApiServer:
    def __init__(self):
        self.url = _server()
        self._address = urllib.parse.urlsplit(self.url)
        self._tls = ssl.create_default_context(cafile=str(_CA))
        self._token = token("admin")  # the user of the kubeconfig's current context, which the provider is too

    def get(self, path):
        connection = http.client.HTTPSConnection(self._address.hostname, self._address.port, context=self._tls,
                                                 timeout=60)
        try:
            connection.request("GET", path, headers={"Authorization": "Bearer " + self._token})
            answer = connection.getresponse()
            body = answer.read().decode()
            if answer.status != 200:
                raise RuntimeError("GET %s: %d %s" % (path, answer.status, body[:300]))
            return body
        finally:
            connection.close()

    def version(self):
        return json.loads(self.get("/version"))["gitVersion"]

    def counted(self):
        """Requests since the server's start, by (verb, resource)."""
        counts = collections.Counter()
        for line in self.get("/metrics").splitlines():
            if line.startswith("apiserver_request_total{"):
                labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
                counts[labels["verb"], labels["resource"]] += int(float(line.rsplit(" ", 1)[1]))
        return counts

    def wait_until_observed(self, namespace, count):
        """Until the controllers have seen the last write of all of the namespace's Deployments, none of which has
        replicas: this is when `kubectl rollout status` calls each of them complete."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            items = json.loads(self.get(DEPLOYMENTS % namespace))["items"]
            done = sum(item["status"].get("observedGeneration", 0) >= item["metadata"]["generation"] for item in items)
            if done == count:
                return
            time.sleep(0.05)
        raise RuntimeError("the Deployments of %s were not observed within %d s" % (namespace, PATIENCE))

    def send(self, requests, at_once):
        """Seconds that curl needs for these (method, path, body), over one HTTP/2 connection, so many at once."""
        with tempfile.TemporaryDirectory(prefix="bench-curl-") as folder:
            blocks = []
            for number, (method, path, body) in enumerate(requests):
                lines = ['url = "%s%s"' % (self.url, path), 'request = "%s"' % method, 'cacert = "%s"' % _CA,
                         'header = "Authorization: Bearer %s"' % self._token, 'output = "/dev/null"',
                         'write-out = "%{http_code} %{http_version}\\n"', "http2", "silent", "show-error"]
                if body is not None:
                    file = pathlib.Path(folder, "body-%d" % number)
                    file.write_text(json.dumps(body))
                    lines += ['header = "Content-Type: application/apply-patch+yaml"', 'data-binary = "@%s"' % file]
                blocks.append("\n".join(lines))
            config = pathlib.Path(folder, "config")  # in a file: the token shall not be in the list of processes
            config.touch(mode=0o600)
            config.write_text("\nnext\n".join(blocks) + "\n")
            began = time.monotonic()
            done = subprocess.run(["curl", "--parallel", "--parallel-max", str(at_once), "--config", config],
                                  text=True, capture_output=True, timeout=PATIENCE)
            seconds = time.monotonic() - began
        answers = collections.Counter(done.stdout.splitlines())
        if done.returncode != 0 or sum(answers.values()) != len(requests) or not set(answers) <= {"200 2", "201 2"}:
            raise RuntimeError("curl: exit %d, answers (status, HTTP version) %s\n%s"
                               % (done.returncode, dict(answers), done.stderr[-2000:]))
        return seconds


class Namespaces:
    """Namespaces of this run; use it in a `with`: at its end none is left."""

    def __init__(self):
        self._names = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in list(self._names):
            kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found", check=False)
        for name in list(self._names):
            self._wait_until_gone(name)

    def new(self):
        name = "bench-" + uuid.uuid4().hex[:6]
        self._names.append(name)
        kubectl("create", "namespace", name)
        return name

    def delete(self, name):
        """Waits for the end: what the controllers still clean up would slow what is measured next."""
        kubectl("delete", "namespace", name, "--wait=false")
        self._wait_until_gone(name)

    def _wait_until_gone(self, name):
        eventually(lambda: not kubectl("get", "namespace", name, "--ignore-not-found", "-o", "name").strip(),
                   "namespace %s is gone" % name, seconds=PATIENCE)
        self._names.remove(name)
