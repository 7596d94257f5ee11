"""Host names are resolved where the C library has no modules to do it with: by a file, by DNS, and not at all."""

import os
import socket
import struct
import threading
import time
import unittest

from bare_system import BareSystem
from environment import REGISTRY, hosts
from packages import ADDRESS, ARCHIVE, REGISTRIES

PORT = REGISTRY.rsplit(":", 1)[1]  # of the test registry, on 127.0.0.1
NAME_SERVER = "127.77.53.1"  # DNS has a fixed port, so the address is ours


class NameServer:
    """Knows one name."""

    def __init__(self, known):
        self._known = known
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((NAME_SERVER, 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self):
        self._socket.close()

    def _serve(self):
        while True:
            try:
                query, client = self._socket.recvfrom(512)
                self._socket.sendto(self._answer(query), client)
            except OSError:
                return

    def _answer(self, query):
        labels, position = [], 12
        while query[position]:
            labels.append(query[position + 1:position + 1 + query[position]].decode().lower())
            position += 1 + query[position]
        question = query[12:position + 5]
        [kind] = struct.unpack(">H", question[-4:-2])
        known = ".".join(labels) == self._known
        answers = 1 if known and kind == 1 else 0
        header = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, answers, 0, 0)
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("127.0.0.1")
        return header + question + record * answers


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = hosts()[0]

    def setUp(self):
        self.system = BareSystem()
        self.addCleanup(self.system.remove)
        self.system.add_program(self.host, "/bin/host")
        registry = REGISTRIES[os.path.basename(self.host)]
        self.system.add_program(ARCHIVE, "/mirror/%s/%s/%s" % (registry, ADDRESS, ARCHIVE.name))
        self.system.write("/rc", 'provider_installation {\n  filesystem_mirror {\n    path = "/mirror"\n  }\n}\n')

    def plan(self, name):
        """Looks for an image in the registry by this host name; exit code, output, seconds."""
        self.system.write("/stack/main.tf", """
terraform {
  required_providers {
    delivery = { source = "%s" }
  }
}
provider "delivery" {
  registry {
    host       = "%s:%s"
    plain_http = true
  }
}
data "delivery_image" "app" {
  repository = "%s:%s/delivery/app"
  policy {
    semver { range = "^1.0.0" }
  }
  timeout = "20s"
}
output "image" { value = data.delivery_image.app.image }
""" % (ADDRESS, name, PORT, name, PORT))
        environment = {"TF_CLI_CONFIG_FILE": "/rc", "CHECKPOINT_DISABLE": "1", "HOME": "/"}
        code, output = self.system.run("/bin/host", "init", "-no-color", folder="/stack", environment=environment)
        self.assertEqual(code, 0, output)
        began = time.monotonic()
        code, output = self.system.run("/bin/host", "plan", "-no-color", folder="/stack", environment=environment)
        return code, output, time.monotonic() - began

    def assert_found(self, name):
        code, output, _ = self.plan(name)
        self.assertEqual(code, 0, output)
        self.assertIn("%s:%s/delivery/app:1." % (name, PORT), output)

    def assert_unknown(self, name):
        code, output, seconds = self.plan(name)
        self.assertEqual(code, 1, output)
        self.assertIn("cannot connect to %s:%s: the host name is not known (DNS)" % (name, PORT), output)
        self.assertLess(seconds, 60)

    def test_localhost_needs_nothing(self):
        self.assert_found("localhost")

    def test_hosts_file(self):
        self.system.write("/etc/hosts", "127.0.0.1 images.example.test images\n")
        self.assert_found("images.example.test")

    def test_name_server(self):
        server = NameServer("images.example.test")
        self.addCleanup(server.stop)
        self.system.write("/etc/resolv.conf", "search example.test\nnameserver %s\noptions timeout:1\n" % NAME_SERVER)
        self.assert_found("images.example.test")
        self.assert_found("images")
        self.assert_unknown("others.example.test")

    def test_modules_that_the_system_asks_for_are_not_needed(self):
        self.system.write("/etc/nsswitch.conf", "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n")
        self.system.write("/etc/hosts", "127.0.0.1 images.example.test\n")
        self.assert_found("images.example.test")

    def test_without_a_name_server_an_unknown_name_is_an_error_at_once(self):
        self.assert_unknown("images.example.test")
