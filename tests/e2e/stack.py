"""A stack as a user has it: a folder with main.tf and web.yaml, and the commands that are run in it."""

import contextlib
import copy
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

from environment import HOST, KUBECONFIG, MIRROR, image, take_default_interrupt, tool_environment

LONGEST_COMMAND = 150  # seconds; a command that takes longer is stuck

_TERRAFORM = """terraform {
  required_providers {
    delivery = {
      source = "delivery-tf/delivery"
    }
  }
}

"""


def deployment(name, namespace, replicas=2):
    """The manifest of the application: ready when /healthz says so, asked every second."""
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "enableServiceLinks": False,
                    "automountServiceAccountToken": False,
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{
                        "name": "web",
                        "readinessProbe": {"periodSeconds": 1, "httpGet": {"path": "/healthz", "port": 8080}},
                    }],
                },
            },
        },
    }
    if replicas is None:
        del manifest["spec"]["replicas"]
    return manifest


def with_field(manifest, path, value):
    """A copy of the manifest with the field at `path` ("spec.template.spec.containers.0.env") set, or without it
    where the value is None."""
    changed = copy.deepcopy(manifest)
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    node = changed
    for step in parents:
        node = node[step] if isinstance(step, int) else node.setdefault(step, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return changed


class Outcome:
    """How a command ended."""

    def __init__(self, command, code, output, seconds):
        self.command = command
        self.code = code
        self.output = output  # as it was printed
        self.seconds = seconds
        # The tools wrap messages and draw frames: this is the text as it was written, in one line.
        self.text = " ".join(re.sub(r"\x1b\[[0-9;]*m|[│╷╵]", " ", output).split())

    def __str__(self):
        return "%s: exit %d after %.1f s\n%s" % (self.command, self.code, self.seconds, self.output)


class RunningCommand:
    """A command that is under way, in a process group of its own as a terminal would start it."""

    def __init__(self, arguments, folder, environment, answer=""):
        self._arguments = arguments
        self._began = time.monotonic()
        # To a file: nobody has to read while it runs.
        descriptor, path = tempfile.mkstemp(prefix="output-", dir=folder)
        self._output = pathlib.Path(path)
        self._process = subprocess.Popen(
            arguments, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=descriptor,
            stderr=subprocess.STDOUT, start_new_session=True, preexec_fn=take_default_interrupt)
        os.close(descriptor)
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(answer.encode())
            self._process.stdin.close()

    def interrupt(self):
        """Ctrl-C: a terminal sends the signal to the whole group, the provider included."""
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self):
        """What a CI system does to a job: the host alone is told."""
        self._process.terminate()

    def kill(self):
        """SIGKILL of the host alone."""
        self._process.kill()
        self._process.wait()

    def runs(self):
        return self._process.poll() is None

    def printed(self):
        return self._output.read_text(errors="replace")

    def finish(self, seconds=LONGEST_COMMAND):
        began = time.monotonic()
        command = " ".join(map(str, [pathlib.Path(self._arguments[0]).name, *self._arguments[1:]]))
        try:
            self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.abandon()
            raise AssertionError("%s did not end within %d s:\n%s"
                                 % (command, time.monotonic() - began, self.printed())) from None
        return Outcome(command, self._process.returncode, self.printed(), time.monotonic() - self._began)

    def abandon(self):
        """Ends it and everything that it started."""
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()


class Stack:
    """One release named "web", of a workload of this name in this namespace."""

    resource_type = "delivery_rollout"

    # Folder of each tool with the result of `init`, which is the same for all stacks.
    _initialised = {}

    def __init__(self, namespace, name, host=HOST):
        self.namespace = namespace
        self.name = name
        self.host = host
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stack-", dir=MIRROR.folder))
        self.id = uuid.uuid4().hex
        self.kubeconfig = KUBECONFIG
        self.context = None
        self.kubernetes = None  # arguments of that block, in place of those two
        self.provider_arguments = {}
        self.manifest = deployment(name, namespace)
        self._commands = []
        shutil.copytree(self._init(host), self.folder, symlinks=True, dirs_exist_ok=True)

    @classmethod
    def _init(cls, host):
        if host not in cls._initialised:
            folder = pathlib.Path(tempfile.mkdtemp(prefix="init-", dir=MIRROR.folder))
            (folder / "main.tf").write_text(_TERRAFORM)
            done = subprocess.run([host, "init", "-no-color", "-input=false"], cwd=folder, env=tool_environment(),
                                  text=True, capture_output=True, timeout=LONGEST_COMMAND)
            if done.returncode != 0:
                raise AssertionError("init failed:\n%s%s" % (done.stdout, done.stderr))
            cls._initialised[host] = folder
        return cls._initialised[host]

    def remove(self):
        for command in self._commands:
            if command.runs():
                command.abandon()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- Configuration

    def declare(self, tag=None, *, manifest=None, manifest_expression='yamldecode(file("${path.module}/web.yaml"))',
                **arguments):
        """Writes the configuration: the application's image of this tag, and any further arguments of the resource.
        A manifest that is given stays for the declarations that follow."""
        if manifest is not None:
            self.manifest = manifest
        if tag is not None:
            arguments.setdefault("images", {"web": image(tag)})
        arguments.setdefault("progress_deadline", "45s")
        (self.folder / "web.yaml").write_text(json.dumps(self.manifest, indent=2))  # JSON is YAML too
        return self._write("  manifest = %s\n" % manifest_expression + _hcl(arguments))

    def declare_only(self, **arguments):
        """Writes the configuration of a resource that has no manifest."""
        return self._write(_hcl(arguments))

    def _write(self, body):
        kubernetes = self.kubernetes
        if kubernetes is None:
            kubernetes = {"config_path": str(self.kubeconfig)}
            if self.context:
                kubernetes["config_context"] = self.context
        (self.folder / "main.tf").write_text(
            _TERRAFORM + "provider \"delivery\" {\n" + _hcl(self.provider_arguments) + "  kubernetes {\n"
            + _hcl(kubernetes, 2) + "  }\n}\n\nresource \"%s\" \"web\" {\n" % self.resource_type + body + "}\n")
        return self

    def remove_resource(self):
        """Takes the resource out of the configuration; the provider stays."""
        path = self.folder / "main.tf"
        path.write_text(path.read_text().split("\nresource ")[0])

    # ---- Commands

    def start(self, *arguments, **environment):
        command = RunningCommand([self.host, *arguments], self.folder,
                                 {**tool_environment(), "DELIVERY_E2E_STACK": self.id, **environment})
        self._commands.append(command)
        return command

    def start_apply(self, *options, **environment):
        return self.start("apply", "-auto-approve", "-no-color", "-input=false", *options, **environment)

    def apply(self, *options, **environment):
        return self.start_apply(*options, **environment).finish()

    def plan(self, *options, **environment):
        """Exit code 0: nothing to do, 2: changes, 1: error."""
        return self.start("plan", "-detailed-exitcode", "-no-color", "-input=false", *options, **environment).finish()

    def destroy(self):
        return self.start("destroy", "-auto-approve", "-no-color", "-input=false").finish()

    def validate(self):
        return self.start("validate", "-no-color").finish()

    def import_(self, import_id):
        return self.start("import", "-no-color", "-input=false", self.resource_type + ".web", import_id).finish()

    def planned_change(self):
        """The resource's part of the plan: actions, before, after, after_unknown, replace_paths."""
        done = self.start("plan", "-no-color", "-input=false", "-out=plan.bin").finish()
        if done.code != 0:
            raise AssertionError(str(done))
        shown = subprocess.run([self.host, "show", "-json", "plan.bin"], cwd=self.folder, env=tool_environment(),
                               capture_output=True, text=True, timeout=LONGEST_COMMAND, check=True)
        return json.loads(shown.stdout)["resource_changes"][0]["change"]

    # ---- State

    @property
    def _state_path(self):
        return self.folder / "terraform.tfstate"

    def _instances(self):
        if not self._state_path.exists():
            return []
        return [instance for resource in json.loads(self._state_path.read_text())["resources"]
                for instance in resource["instances"]]

    def has_state(self):
        return bool(self._instances())

    def is_tainted(self):
        return self._instances()[0].get("status") == "tainted"

    def state(self):
        """The attributes of the resource as the state file has them."""
        return self._instances()[0]["attributes"]

    def phase(self):
        return self.state()["status"]["phase"]

    def edit_state(self, edit):
        """Lets `edit` change the only instance in the state file."""
        state = json.loads(self._state_path.read_text())
        edit(state["resources"][0]["instances"][0])
        state["serial"] += 1
        self._state_path.write_text(json.dumps(state))

    # ---- Processes

    def _process_folders(self):
        """Folders in /proc of the processes that commands of this stack started and that have not ended."""
        mark = ("DELIVERY_E2E_STACK=" + self.id).encode()
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if mark in (folder / "environ").read_bytes():
                    yield folder
            except OSError:
                pass  # ended while we looked, or not ours

    def processes(self, *command):
        """Ids of those processes that were started as this command."""
        wanted = b"".join(word.encode() + b"\0" for word in command)
        return [int(folder.name) for folder in self._process_folders()
                if _read(folder / "cmdline").endswith(wanted)]

    def provider_processes(self):
        """Ids of those processes that are providers."""
        return [int(folder.name) for folder in self._process_folders()
                if b"/terraform-provider-delivery_v" in _read(folder / "cmdline")]

    def kill_provider(self):
        """SIGKILL, as the kernel does it to a process that takes too much memory."""
        processes = self.provider_processes()
        if not processes:
            raise AssertionError("no provider process runs")
        for process in processes:
            os.kill(process, signal.SIGKILL)


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""  # the process has ended


def _hcl(arguments, depth=1):
    """Arguments as HCL; a value that is a Block becomes a block, a list of Blocks as many."""
    lines = []
    indent = "  " * depth
    for name, value in arguments.items():
        blocks = value if isinstance(value, list) else [value]
        if blocks and all(isinstance(block, Block) for block in blocks):
            lines += ["%s%s {\n%s%s}\n" % (indent, name, _hcl(block.arguments, depth + 1), indent)
                      for block in blocks]
        elif isinstance(value, dict):
            entries = "".join("%s  %s = %s\n" % (indent, json.dumps(key), json.dumps(entry))
                              for key, entry in value.items())
            lines.append("%s%s = {\n%s%s}\n" % (indent, name, entries, indent))
        else:
            lines.append("%s%s = %s\n" % (indent, name, json.dumps(value)))
    return "".join(lines)


class Block:
    def __init__(self, **arguments):
        self.arguments = arguments
