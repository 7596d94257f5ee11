"""The cluster is upgraded between plan and apply. What was planned is what is applied."""

import contextlib
import json
import pathlib
import socket
import subprocess
import tempfile
import urllib.parse

from environment import MIRROR
from kubernetes_cluster import KubectlError, eventually, kubectl
from release_case import ReleaseCase


@contextlib.contextmanager
def older_api_server():
    """The URL of a second API server on the data of the test cluster, which serves as two versions before it did."""
    server = _server_of(json.loads(kubectl("config", "view", "--raw", "-o", "json")))
    minor = int(json.loads(kubectl("get", "--raw", "/version"))["minor"])
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = [word for word in _command_of(urllib.parse.urlparse(server).port)
               if not word.startswith("--secure-port=")]
    with tempfile.TemporaryFile(dir=MIRROR.folder) as log:
        process = subprocess.Popen([*command, "--secure-port=%d" % port, "--emulated-version=1.%d" % (minor - 2)],
                                   stdout=log, stderr=subprocess.STDOUT)
        try:
            url = "https://127.0.0.1:%d" % port
            eventually(lambda: _emulated(url) == str(minor - 2), "the older API server serves")
            yield url
        finally:
            process.kill()
            process.wait()


def _server_of(config):
    return config["clusters"][0]["cluster"]["server"]


def _command_of(port):
    """How the API server at that port was started."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (folder / "cmdline").read_text().split("\0")[:-1]
            if "kube-apiserver" in words and "--secure-port=%d" % port in words:
                return words
    raise AssertionError("no API server of the test cluster runs on this machine")


def _emulated(url):
    try:
        return json.loads(kubectl("--server", url, "get", "--raw", "/version")).get("emulationMinor")
    except KubectlError:
        return None


class UpgradedCluster(ReleaseCase):

    def test_first_release_and_update_that_were_planned_before(self):
        stack = self.new_stack()
        with older_api_server() as url:
            self.is_planned_before_and_applied_after(stack, "1.0.0", url)
            uid = self.uid(stack)
            self.is_planned_before_and_applied_after(stack, "1.1.0", url)
        self.assertEqual(self.uid(stack), uid)
        self.nothing_is_left_over()

    def is_planned_before_and_applied_after(self, stack, tag, older):
        newer = _server_of(json.loads(kubectl("config", "view", "--raw", "-o", "json")))

        def serve_with(server):
            """The user's kubeconfig stays where it is; what it leads to is upgraded."""
            config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
            config["clusters"][0]["cluster"]["server"] = server
            pathlib.Path(stack.kubeconfig).write_text(json.dumps(config))

        stack.kubeconfig = self.kubeconfig_with_text("")
        serve_with(older)
        planned = stack.declare(tag).plan("-out=plan.bin")
        self.assertEqual(planned.code, 2, planned)
        serve_with(newer)
        self.applies(stack, "plan.bin")
        self.assertEqual(stack.phase(), "Succeeded")
        self.runs(stack, tag)
        self.plan_is_empty(stack)
