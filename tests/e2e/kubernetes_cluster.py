"""The test cluster as kubectl shows it, beside what the provider says of it."""

import json
import subprocess
import time
import unittest
import uuid

from environment import KUBECONFIG, KUBECTL

PATIENCE = 60  # seconds; the machine may be busy

OURS = "app.kubernetes.io/managed-by=terraform-provider-delivery"


class KubectlError(AssertionError):
    pass


def kubectl(*arguments, stdin=None, check=True):
    """What kubectl prints; its failure fails the test unless `check` is false."""
    done = subprocess.run([KUBECTL, "--kubeconfig", KUBECONFIG, *arguments], input=stdin, text=True,
                          capture_output=True, timeout=PATIENCE)
    if check and done.returncode != 0:
        raise KubectlError("kubectl %s: exit %d\n%s" % (" ".join(arguments), done.returncode, done.stderr))
    return done.stdout


def eventually(condition, what, seconds=PATIENCE):
    """Polls until `condition` returns something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            raise AssertionError("after %d s still not: %s" % (seconds, what))
        time.sleep(0.2)


class Namespace:
    """A namespace of one test class."""

    def __init__(self, prefix):
        self.name = "e2e-%s-%s" % (prefix, uuid.uuid4().hex[:6])
        kubectl("create", "namespace", self.name)

    def delete(self):
        kubectl("delete", "namespace", self.name, "--wait=false", "--ignore-not-found")

    def kubectl(self, *arguments, **options):
        return kubectl("-n", self.name, *arguments, **options)

    def get(self, kind, name, *options):
        """The object, or None where there is none."""
        text = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found", *options)
        return json.loads(text) if text.strip() else None

    def list(self, kind, selector=None):
        options = ["-l", selector] if selector else []
        return json.loads(self.kubectl("get", kind, "-o", "json", *options))["items"]

    def deployment(self, name="web"):
        return self.get("deployment", name, "--show-managed-fields")

    def apply(self, manifest, manager="other", force=False):
        """Server-side apply as another field manager."""
        options = ["--force-conflicts"] if force else []
        self.kubectl("apply", "--server-side", "--field-manager=" + manager, *options, "-f", "-",
                     stdin=json.dumps(manifest))

    def leftovers(self):
        """The journals and Leases of the provider that are in the namespace."""
        return ["%s/%s" % (item["kind"], item["metadata"]["name"])
                for item in self.list("configmaps,leases", OURS)]

    def running_version(self, name="web"):
        """Versions that the ready pods of the workload answer with, asked through the API server."""
        pods = self.list("pods", "app=" + name)
        ready = [pod["metadata"]["name"] for pod in pods if not pod["metadata"].get("deletionTimestamp")
                 and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))]
        answers = [kubectl("get", "--raw", "/api/v1/namespaces/%s/pods/%s:8080/proxy/version" % (self.name, pod),
                           check=False).strip() for pod in ready]
        return sorted(set(filter(None, answers)))


class ClusterCase(unittest.TestCase):
    """Tests that share a namespace of their own, which goes with the last of them."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.namespace = Namespace(cls.__name__.lower()[:30])
        cls.addClassCleanup(cls.namespace.delete)
