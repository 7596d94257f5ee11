"""The package as `init` installs it, in a root folder that has nothing but the host: from a filesystem mirror and from a
network mirror; and a release with what was installed."""

import base64
import http.server
import json
import os
import re
import shutil
import unittest

import local_tls
from bare_system import BareSystem
from environment import KUBECONFIG, hosts, image
from kubernetes_cluster import Namespace
from packages import ADDRESS, ARCHIVE, REGISTRIES, VERSION, content_hash, zip_hash
from stack import deployment

CONFIGURATION = """
terraform {
  required_providers {
    delivery = {
      source  = "%s"
      version = "%s"
    }
  }
}
""" % (ADDRESS, VERSION)

RELEASE = """
provider "delivery" {
  kubernetes {
    config_path = "/kubeconfig"
  }
}
resource "delivery_rollout" "web" {
  manifest          = yamldecode(file("${path.module}/web.yaml"))
  images            = { web = "%s" }
  progress_deadline = "60s"
}
"""


class MirrorHandler(http.server.BaseHTTPRequestHandler):
    """A network mirror as the hosts' documentation of the protocol has it; `server.files` are path => content."""

    def do_GET(self):
        content = self.server.files.get(self.path)
        self.send_response(200 if content is not None else 404)
        self.send_header("Content-Type", "application/zip" if self.path.endswith(".zip") else "application/json")
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


class NetworkMirror(local_tls.TlsServer):
    def __init__(self, content):
        super().__init__(MirrorHandler)
        archive = {"url": ARCHIVE.name, "hashes": [zip_hash(ARCHIVE)]}
        self.files = {}
        for registry in REGISTRIES.values():
            base = "/providers/%s/%s/" % (registry, ADDRESS)
            self.files[base + "index.json"] = json.dumps({"versions": {VERSION: {}}}).encode()
            self.files[base + VERSION + ".json"] = json.dumps({"archives": {"linux_amd64": archive}}).encode()
            self.files[base + ARCHIVE.name] = content


class Installed(unittest.TestCase):
    host = None  # load_tests names it

    def setUp(self):
        self.system = BareSystem()
        self.addCleanup(self.system.remove)
        self.system.add_program(self.host, "/bin/host")
        self.registry = REGISTRIES[os.path.basename(self.host)]
        self.system.write("/stack/main.tf", CONFIGURATION)
        self.environment = {"TF_CLI_CONFIG_FILE": "/rc", "CHECKPOINT_DISABLE": "1", "HOME": "/", "TF_IN_AUTOMATION": "1"}

    def run_host(self, *arguments):
        return self.system.run("/bin/host", *arguments, "-no-color", folder="/stack", environment=self.environment)

    def succeed(self, *arguments):
        code, output = self.run_host(*arguments)
        self.assertEqual(code, 0, output)
        return output

    def use_filesystem_mirror(self):
        self.system.write("/rc", 'provider_installation {\n  filesystem_mirror {\n    path = "/mirror"\n  }\n}\n')
        folder = self.system.path("/mirror/%s/%s" % (self.registry, ADDRESS))
        folder.mkdir(parents=True)
        shutil.copy(ARCHIVE, folder)

    def use_network_mirror(self, content=None):
        mirror = NetworkMirror(ARCHIVE.read_bytes() if content is None else content)
        mirror.start()
        self.addCleanup(mirror.stop)
        self.system.write("/mirror.pem", base64.b64decode(local_tls.authority()).decode())
        self.environment["SSL_CERT_FILE"] = "/mirror.pem"
        self.system.write("/rc", 'provider_installation {\n  network_mirror {\n    url = "%s/providers/"\n  }\n}\n' % mirror.url)

    def assert_locked(self, hashes):
        lock = self.system.path("/stack/.terraform.lock.hcl").read_text()
        self.assertIn('provider "%s/%s" {' % (self.registry, ADDRESS), lock)
        self.assertRegex(lock, r'version\s+= "%s"' % re.escape(VERSION))
        self.assertLessEqual(hashes, set(re.findall(r'"((?:h1|zh):[^"]+)"', lock)))

    def release(self):
        """Plan, apply, an empty plan, and destroy, with the provider that was installed."""
        namespace = Namespace("package")
        self.addCleanup(namespace.delete)
        self.system.write("/stack/main.tf", CONFIGURATION + RELEASE % image("1.0.0"))
        self.system.write("/stack/web.yaml", json.dumps(deployment("web", namespace.name, replicas=1)))
        shutil.copy(KUBECONFIG, self.system.path("/kubeconfig"))
        self.assertIn("1 to add", self.succeed("plan", "-input=false"))
        self.succeed("apply", "-auto-approve", "-input=false")
        self.assertEqual(namespace.deployment()["status"]["readyReplicas"], 1)
        self.succeed("plan", "-detailed-exitcode", "-input=false")
        self.succeed("destroy", "-auto-approve", "-input=false")
        self.assertIsNone(namespace.deployment())


class FilesystemMirror(Installed):
    def test_init_installs_and_a_release_works(self):
        self.use_filesystem_mirror()
        output = self.succeed("init", "-input=false")
        self.assertIn("Installed %s v%s" % (ADDRESS, VERSION), output)
        self.assert_locked({content_hash(ARCHIVE)})
        self.release()
        self.succeed("init", "-input=false")  # the lock file is met

    def test_a_package_that_is_not_the_locked_one_is_refused(self):
        self.use_filesystem_mirror()
        self.succeed("init", "-input=false")
        shutil.rmtree(self.system.path("/stack/.terraform"))
        lock = self.system.path("/stack/.terraform.lock.hcl")
        lock.write_text(lock.read_text().replace(content_hash(ARCHIVE), "h1:" + base64.b64encode(bytes(32)).decode()))
        code, output = self.run_host("init", "-input=false")
        self.assertEqual(code, 1, output)
        self.assertIn("checksum", output)


class Network(Installed):
    def test_init_verifies_and_a_release_works(self):
        self.use_network_mirror()
        self.succeed("init", "-input=false")
        # Terraform records only what it has computed from the content, not what a mirror says of the archive.
        tofu = os.path.basename(self.host) == "tofu"
        self.assert_locked({content_hash(ARCHIVE), zip_hash(ARCHIVE)} if tofu else {content_hash(ARCHIVE)})
        self.release()

    def test_an_archive_that_was_changed_is_refused(self):
        changed = bytearray(ARCHIVE.read_bytes())
        changed[len(changed) // 2] ^= 1
        self.use_network_mirror(bytes(changed))
        code, output = self.run_host("init", "-input=false")
        self.assertEqual(code, 1, output)
        self.assertIn("checksum", output)
        installed = self.system.path("/stack/.terraform").rglob("terraform-provider-*")
        self.assertEqual([path for path in installed if path.is_file()], [])


def load_tests(loader, _, pattern):
    """Each test with each host."""
    suite = unittest.TestSuite()
    for host in hosts():
        for case in (FilesystemMirror, Network):
            name = "%s_%s" % (case.__name__, os.path.basename(host))
            suite.addTests(loader.loadTestsFromTestCase(type(name, (case,), {"host": host, "__qualname__": name})))
    return suite
