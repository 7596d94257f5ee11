"""The program of the package: static, small, soon there, and of use to a person who runs it."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import unittest

from bare_system import COOKIE, BareSystem
from environment import hosts, tool_environment

PROGRAM = os.environ["DELIVERY_E2E_PROVIDER"]
VERSION = re.search(r"_v([\d.]+)$", PROGRAM)[1]

LARGEST = 15e6  # bytes
# On an idle machine it is a tenth of that; a busy one must not fail the test.
LATEST = 500  # milliseconds to the handshake


def output(*command):
    done = subprocess.run(command, text=True, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


class Linkage(unittest.TestCase):
    def test_no_shared_library_and_no_symbols(self):
        _, kind, _ = output("file", "--brief", PROGRAM)
        self.assertIn("statically linked", kind)
        self.assertIn(", stripped", kind)
        _, answer, errors = output("ldd", PROGRAM)
        self.assertIn("not a dynamic executable", answer + errors)

    def test_size(self):
        self.assertLess(os.path.getsize(PROGRAM), LARGEST)


class EmptyRoot(unittest.TestCase):
    def setUp(self):
        self.system = BareSystem()
        self.addCleanup(self.system.remove)
        self.system.add_program(PROGRAM, "/provider")

    def handshake(self):
        """Milliseconds to the handshake, and resident memory in kB."""
        began = time.perf_counter()
        process = self.system.start("/provider", environment=COOKIE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            line = process.stdout.readline().decode()
            taken = 1000 * (time.perf_counter() - began)
            self.assertRegex(line, r"^1\|6\|unix\|/tmp/plugin\w+\|grpc\|$")
            time.sleep(0.2)  # its threads start after the line
            status = pathlib.Path("/proc/%d/status" % process.pid).read_text()
            return taken, int(re.search(r"^VmRSS:\s+(\d+)", status, re.MULTILINE)[1])
        finally:
            process.kill()
            process.communicate()

    def test_handshake_where_there_is_nothing_else(self):
        self.assertEqual(self.system.files(), ["provider"])
        measured = [self.handshake() for _ in range(10)]
        milliseconds = [taken for taken, _ in measured]
        print("\n  handshake in an empty root: first %.0f ms, median %.1f ms; %.1f MB resident; %.2f MB in size"
              % (milliseconds[0], statistics.median(milliseconds), measured[-1][1] / 1e3, os.path.getsize(PROGRAM) / 1e6))
        self.assertLess(statistics.median(milliseconds), LATEST)


    def test_a_crash_is_reported(self):
        process = self.system.start("/provider", environment=COOKIE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        process.stdout.readline()
        process.send_signal(signal.SIGSEGV)
        _, errors = process.communicate(timeout=10)
        self.assertEqual(process.returncode, -signal.SIGSEGV)
        self.assertIn("panic: SIGSEGV", errors.decode())
        self.assertRegex(errors.decode(), r"\[0x[0-9a-f]+\]")  # the way to the place


class Commands(unittest.TestCase):
    def test_without_a_host_it_explains_itself(self):
        code, printed, errors = output(PROGRAM)
        self.assertEqual((code, printed), (1, ""))
        self.assertIn("terraform init", errors)
        self.assertIn("usage:", errors)

    def test_version(self):
        self.assertEqual(output(PROGRAM, "version"), (0, VERSION + "\n", ""))

    def test_schema_is_what_the_hosts_show(self):
        code, printed, _ = output(PROGRAM, "schema")
        self.assertEqual(code, 0)
        [ours] = json.loads(printed)["provider_schemas"].values()
        for host in hosts():
            [theirs] = self.schema_of(host)["provider_schemas"].values()
            # Terraform shows identities since 1.12.
            self.assertEqual({part: ours[part] for part in theirs}, theirs, host)
            self.assertLessEqual(set(ours) - set(theirs), {"resource_identity_schemas"})

    def schema_of(self, host):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="schema-"))
        self.addCleanup(shutil.rmtree, folder)
        (folder / "main.tf").write_text(
            'terraform {\n  required_providers {\n    delivery = { source = "delivery-tf/delivery" }\n  }\n}\n')
        for command in (["init", "-input=false"], ["providers", "schema", "-json"]):
            done = subprocess.run([host, *command], cwd=folder, env=tool_environment(), capture_output=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_docs_are_written_here(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="docs-"))
        self.addCleanup(shutil.rmtree, folder)
        done = subprocess.run([PROGRAM, "docs"], cwd=folder, text=True, capture_output=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertTrue((folder / "docs" / "resources" / "rollout.md").exists())

    def test_debug_serves_until_it_is_interrupted(self):
        process = subprocess.Popen([PROGRAM, "debug"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        self.assertRegex(process.stdout.readline(), r"^TF_REATTACH_PROVIDERS='\{.*delivery-tf/delivery.*\}'$")
        self.assertIsNone(process.poll())
        process.terminate()
        self.assertEqual(process.wait(10), 0)

    def test_colours_on_a_terminal_only(self):
        self.assertNotIn("\033", output(PROGRAM, "help")[1])
        self.assertIn("\033[1m", self.on_a_terminal(PROGRAM, "help"))
        self.assertNotIn("\033", self.on_a_terminal("/usr/bin/env", "NO_COLOR=1", PROGRAM, "help"))

    @staticmethod
    def on_a_terminal(*command):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, stdout=theirs, stderr=theirs)
        os.close(theirs)
        printed = b""
        try:
            while block := os.read(ours, 4096):
                printed += block
        except OSError:
            pass  # how a terminal ends when its last writer has gone
        os.close(ours)
        process.wait(10)
        return printed.decode()
