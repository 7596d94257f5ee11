"""A folder with a configuration, a host to run in it, and what is checked after every case."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Callable, Optional

SECRET = "hunter2-is-the-secret"
PASSWORD = "correct-horse-battery"

# Configures the provider as every case wants it; `store` is where the objects lie.
PROVIDER = f"""
terraform {{
  required_providers {{
    probe = {{ source = "delivery-tf/probe" }}
  }}
}}
variable "store" {{ type = string }}
provider "probe" {{
  label  = "one"
  store  = var.store
  secret = "{SECRET}"
}}
"""


@dataclasses.dataclass
class Result:
    code: int
    text: str  # stdout and stderr

    @property
    def unwrapped(self) -> str:
        """Without the frame and the line breaks of diagnostics."""
        return re.sub(r"\s+", " ", re.sub(r"[╷│╵]", " ", self.text))


class Running:
    """A host in a process group of its own, as a shell would start it."""

    def __init__(self, process: subprocess.Popen) -> None:
        self.process = process

    def interrupt(self) -> None:
        """Ctrl-C in a terminal reaches the whole group, the provider too."""
        os.killpg(self.process.pid, signal.SIGINT)

    def wait(self, seconds: float = 60) -> Result:
        text, _ = self.process.communicate(timeout=seconds)
        return Result(self.process.returncode, text)


class HostCase(unittest.TestCase):
    """Base of all cases; run.py makes one subclass for each host."""

    host = None
    probe = None

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="probe-"))
        self.mark = uuid.uuid4().hex
        for name in ("store", "tmp", "bin"):
            (self.folder / name).mkdir()
        self.store = self.folder / "store"
        self.environment = self._environment()
        self._running: list = []
        self.write("provider.tf", PROVIDER)

    def tearDown(self) -> None:
        for running in self._running:
            if running.process.poll() is None:
                os.killpg(running.process.pid, signal.SIGKILL)
                running.process.communicate()
        left = self.await_no_providers(6)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        sockets = [path.name for path in (self.folder / "tmp").rglob("plugin*") if path.is_socket()]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertEqual(left, [], "provider processes were left behind")
        self.assertEqual(sockets, [], "sockets were left behind")

    def _environment(self) -> dict:
        config = self.folder / "cli.tfrc"
        config.write_text(f'provider_installation {{\n  dev_overrides {{\n    "delivery-tf/probe" = "{self.probe.parent}"\n'
                          "  }\n  direct {}\n}\n")
        environment = {key: value for key, value in os.environ.items()
                       if not key.startswith("TF_") and not key.startswith("PLUGIN_")}
        environment.update({
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_IN_AUTOMATION": "1",
            "TF_VAR_store": str(self.store),
            "CHECKPOINT_DISABLE": "1",
            "TMPDIR": str(self.folder / "tmp"),
            "PROBE_MARK": self.mark,
        })
        return environment

    # ---- Configuration and state

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)

    def state_file(self) -> dict:
        """The stored state; numbers keep their digits."""
        text = (self.folder / "terraform.tfstate").read_text()
        return json.loads(text, parse_float=Decimal)

    def change_state(self, change: Callable[[dict], None]) -> None:
        """Edits the instance of the only managed resource as another version of the provider would have left it."""
        path = self.folder / "terraform.tfstate"
        state = json.loads(path.read_text())
        state["serial"] += 1
        change(state["resources"][0]["instances"][0])
        path.write_text(json.dumps(state))

    def instance(self, name: str, kind: str = "probe_thing") -> Optional[dict]:
        """The stored instance of a managed resource, or None."""
        for resource in self.state_file()["resources"]:
            if (resource["type"], resource["name"], resource["mode"]) == (kind, name, "managed") and resource["instances"]:
                return resource["instances"][0]
        return None

    def attributes(self, name: str) -> dict:
        instance = self.instance(name)
        self.assertIsNotNone(instance, f"{name} is not in the state")
        return instance["attributes"]

    # ---- Commands

    def start(self, *arguments: str, **environment: str) -> Running:
        process = subprocess.Popen([self.host.binary, *arguments], cwd=self.folder, text=True, stdin=subprocess.DEVNULL,
                                   env={**self.environment, **environment}, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        running = Running(process)
        self._running.append(running)
        return running

    def run_host(self, *arguments: str, code: Optional[int] = 0, **environment: str) -> Result:
        result = self.start(*arguments, **environment).wait(120)
        if code is not None:
            self.assertEqual(result.code, code, f"{' '.join(arguments)}:\n{result.text}")
        return result

    def apply(self, *arguments: str, code: int = 0, **environment: str) -> Result:
        return self.run_host("apply", "-auto-approve", "-no-color", "-input=false", *arguments, code=code, **environment)

    def plan(self, *arguments: str, changes: Optional[bool] = None, code: Optional[int] = None,
             **environment: str) -> Result:
        """`changes` demands that there are some or none."""
        if changes is not None:
            code = 2 if changes else 0
        return self.run_host("plan", "-detailed-exitcode", "-no-color", "-input=false", *arguments, code=code,
                             **environment)

    def planned(self, address: str, *arguments: str) -> dict:
        """The change that a plan proposes for `address`."""
        self.plan("-out=saved.plan", *arguments, changes=True)
        shown = json.loads(self.run_host("show", "-json", "saved.plan").text.splitlines()[-1])
        return next(c["change"] for c in shown["resource_changes"] if c["address"] == address)

    def assert_settled(self) -> None:
        """What every apply must lead to: nothing to do, twice in a row, and nothing found by a refresh."""
        self.plan(changes=False)
        self.plan(changes=False)
        self.plan("-refresh-only", changes=False)

    def outputs(self) -> dict:
        text = self.run_host("output", "-json").text
        return {name: output["value"] for name, output in json.loads(text[text.index("{"):]).items()}

    # ---- Processes

    def providers(self) -> list:
        """Ids of this case's provider processes."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"PROBE_MARK={self.mark}".encode() not in (folder / "environ").read_bytes().split(b"\0"):
                    continue
                # A zombie has no executable.
                if os.readlink(folder / "exe").startswith(str(self.probe)):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found

    def await_no_providers(self, seconds: float) -> list:
        return self.await_that(lambda: not self.providers(), seconds) or self.providers()

    @staticmethod
    def await_that(condition: Callable[[], bool], seconds: float) -> list:
        """An empty list, so that it can be combined with `or`, once `condition` holds or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not condition():
            time.sleep(0.02)
        return []
