"""Drives one command line tool, Terraform or OpenTofu, against the conformance provider."""

import decimal
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid

# Set by run.py.
CLI = os.environ.get("CONFORMANCE_CLI", "")
PROVIDER = pathlib.Path(os.environ.get("CONFORMANCE_PROVIDER", ""))
ADDRESS = "delivery-tf/conformance"

# Generous: the machine may be busy. What must be quick is measured against the host's own delays.
PATIENCE = 60

HEADER = """
terraform {
  required_providers {
    conformance = {
      source = "delivery-tf/conformance"
    }
  }
}
"""


def version():
    """The tool's version as a tuple, and True when it is OpenTofu."""
    answer = json.loads(subprocess.check_output([CLI, "version", "-json"], stderr=subprocess.DEVNULL,
                                                env={**os.environ, "TF_CLI_CONFIG_FILE": os.devnull}))
    numbers = re.match(r"(\d+)\.(\d+)", answer["terraform_version"]).groups()
    return tuple(map(int, numbers)), "tofu" in pathlib.Path(CLI).name


def wait_until(condition, seconds=PATIENCE):
    """Polls until `condition` holds; returns whether it came true, and after how many seconds."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return True, time.monotonic() - start
        time.sleep(0.02)
    return False, seconds


def take_default_interrupt():
    """For children: shells start background jobs with SIGINT ignored, and tools inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Workspace:
    """A directory with a configuration, and the processes that work on it."""

    def __init__(self):
        # Short, as the providers' sockets lie inside.
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="cf", dir="/tmp"))
        self.temporary = self.path / "tmp"
        self.temporary.mkdir()
        self.id = uuid.uuid4().hex
        (self.path / "cli.rc").write_text(
            'provider_installation {\n  dev_overrides {\n    "%s" = "%s"\n  }\n  direct {}\n}\n'
            % (ADDRESS, PROVIDER.parent))
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "TMPDIR": str(self.temporary),
            "TF_CLI_CONFIG_FILE": str(self.path / "cli.rc"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "CONFORMANCE_ID": self.id,
        }

    def remove(self):
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.path, ignore_errors=True)

    def write(self, text):
        (self.path / "main.tf").write_text(HEADER + text)

    def start(self, *arguments, **environment):
        """The tool in a process group of its own, as a terminal would start it."""
        return subprocess.Popen(
            [CLI, *arguments], cwd=self.path, env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, preexec_fn=take_default_interrupt)

    def run(self, *arguments, **environment):
        """The exit code and the output, colours and line drawing removed."""
        process = self.start(arguments[0], *no_colour(arguments), **environment)
        output, _ = process.communicate(timeout=2 * PATIENCE)
        return process.returncode, tidy(output)

    def state_path(self):
        return self.path / "terraform.tfstate"

    def state(self):
        if not self.state_path().exists():
            return {"resources": []}
        return json.loads(self.state_path().read_text(), parse_float=decimal.Decimal)

    def instance(self, name):
        """The state of the only instance of a resource: status, attributes, schema_version."""
        for resource in self.state()["resources"]:
            if resource["name"] == name:
                return resource["instances"][0]
        raise AssertionError("no resource %s in the state" % name)

    def processes(self):
        """Ids of provider processes that belong to this workspace and have not ended."""
        mark = ("CONFORMANCE_ID=" + self.id).encode()
        found = []
        for directory in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                executable = os.readlink(directory / "exe")
                if executable == str(PROVIDER) and mark in (directory / "environ").read_bytes():
                    found.append(int(directory.name))
            except OSError:
                pass  # ended while we looked, or not ours
        return found


def no_colour(arguments):
    """The arguments after the subcommand, with -no-color where the subcommand has it."""
    if arguments[0] in ("show", "output", "providers", "state"):
        return arguments[1:]
    return ["-no-color", *arguments[1:]]


def tidy(output):
    lines = [line.strip("│╷╵ ") for line in output.splitlines()]
    return "\n".join(lines)


class HostCase(unittest.TestCase):
    """A test with a workspace of its own."""

    maxDiff = None

    def setUp(self):
        self.work = Workspace()
        self.addCleanup(self.work.remove)

    def succeed(self, *arguments, **environment):
        code, output = self.work.run(*arguments, **environment)
        self.assertEqual(code, 0, output)
        return output

    def fail_with(self, text, *arguments, **environment):
        code, output = self.work.run(*arguments, **environment)
        self.assertNotEqual(code, 0, output)
        # Messages are wrapped at the width of the terminal.
        self.assertIn(" ".join(text.split()), " ".join(output.split()))
        return output

    def apply(self, text=None, **environment):
        if text is not None:
            self.work.write(text)
        return self.succeed("apply", "-auto-approve", "-input=false", **environment)

    def assert_nothing_to_do(self, *options):
        """The oracle of idempotence: exit code 0, not 2."""
        code, output = self.work.run("plan", "-detailed-exitcode", "-input=false", *options)
        self.assertEqual(code, 0, output)

    def actions(self):
        """What a plan would do: {address: [action, ...]} without what it leaves alone."""
        self.succeed("plan", "-out=plan.bin", "-input=false")
        plan = json.loads(subprocess.check_output(
            [CLI, "show", "-json", "plan.bin"], cwd=self.work.path, env=self.work.environment,
            stderr=subprocess.DEVNULL))
        return {change["address"]: change["change"]["actions"]
                for change in plan.get("resource_changes", [])
                if change["change"]["actions"] != ["no-op"]}

    def assert_no_process_left(self, seconds):
        ended, _ = wait_until(lambda: not self.work.processes(), seconds)
        self.assertTrue(ended, "provider processes still run: %s" % self.work.processes())

    def assert_no_socket_left(self):
        self.assertEqual(list(self.work.temporary.glob("plugin*")), [])
