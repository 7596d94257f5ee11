"""Folders with a configuration of many resources, as users have them, and OpenTofu run in them."""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from environment import HOST, KUBECONFIG, MIRROR, image, tool_environment
from stack import deployment

PARALLELISM = 32
LONGEST_COMMAND = 1800  # seconds; a command that takes longer is stuck

_PROVIDER = """terraform {
  required_providers {
    delivery = {
      source = "delivery-tf/delivery"
    }
  }
}

provider "delivery" {
  kubernetes {
    config_path = %s
  }
}

"""

# What varies between the two is the resource alone: same manifests, same variables, states of about the same size.
_RESOURCES = """variable "tag" {
  type = string
}

locals {
  names = [for number in range(%d) : "web-${number}"]
}

resource "%s" "web" {
  for_each = toset(local.names)

%s}
"""

# Each with labels of its own: nobody's Deployments select each other's pods.
_MANIFEST = 'yamldecode(templatefile("${path.module}/web.yaml", { name = each.key }))'
_ROLLOUT = "  manifest = %s\n  images   = { web = var.tag }\n" % _MANIFEST
_DATA = "  input = {\n    manifest = %s\n    images   = { web = var.tag }\n  }\n" % _MANIFEST


def manifest(name, namespace, tag=None):
    """The Deployment of everything measured here: without replicas, so that no node limits it."""
    result = deployment(name, namespace, replicas=0)
    if tag:
        result["spec"]["template"]["spec"]["containers"][0]["image"] = image(tag)
    return result


class Folder:
    """An initialised folder; use it in a `with`."""

    def __init__(self, configuration, files=()):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=MIRROR.folder))
        (self.path / "main.tf").write_text(configuration)
        for name, text in dict(files).items():
            (self.path / name).write_text(text)
        self.run("init")

    @classmethod
    def of_rollouts(cls, count, namespace):
        return cls._of(count, namespace, _PROVIDER % json.dumps(str(KUBECONFIG)), "delivery_rollout", _ROLLOUT)

    @classmethod
    def of_data(cls, count, namespace):
        return cls._of(count, namespace, "", "terraform_data", _DATA)

    @classmethod
    def _of(cls, count, namespace, provider, kind, arguments):
        text = json.dumps(manifest("${name}", namespace), indent=2)  # JSON is YAML too
        return cls(provider + _RESOURCES % (count, kind, arguments), {"web.yaml": text})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)

    def run(self, *arguments, **environment):
        """Seconds that the command took."""
        command = [HOST, *arguments] if arguments[0] == "providers" else [HOST, *arguments, "-no-color", "-input=false"]
        began = time.monotonic()
        # Through a pipe: Popen.wait() with a limit looks only every 50 ms whether the process has ended.
        done = subprocess.run(command, cwd=self.path, env={**tool_environment(), **environment}, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LONGEST_COMMAND)
        seconds = time.monotonic() - began
        if done.returncode != 0:
            raise RuntimeError("tofu %s: exit %d\n%s" % (" ".join(arguments), done.returncode, done.stdout[-4000:]))
        return seconds

    def apply(self, tag, **environment):
        return self.run("apply", "-auto-approve", *self.options(tag), **environment)

    def empty_plan(self, tag, **environment):
        """Refreshes everything; fails when the plan is not empty."""
        return self.run("plan", "-detailed-exitcode", *self.options(tag), **environment)

    @staticmethod
    def options(tag):
        return "-parallelism=%d" % PARALLELISM, "-var=tag=" + image(tag)

    def requests_of(self, command, *arguments):
        """What the provider asks of the API server in a command, by (verb, resource) as the server's metrics name
        them. Its log says so, which costs time: do not measure that of the same run."""
        log = self.path / "trace.log"
        log.unlink(missing_ok=True)
        command(*arguments, TF_LOG_PROVIDER="TRACE", TF_LOG_PATH=str(log))
        return requests_in(log.read_text(errors="replace"))


STREAM = "LIST or WATCH"  # a watch begins with a list, and the log calls both a stream

_FIELD = re.compile(r'\b(method|path)="?([^\s"]+)')
_RESOURCE = re.compile(r"/(?:api/v1|apis/[^/]+/[^/]+)(?:/namespaces/[^/]+(?=/))?/([^/?]+)(/[^/?]+)?")


def requests_in(log):
    counts = collections.Counter()
    for line in log.splitlines():
        if "kubernetes request" not in line and "kubernetes stream" not in line:
            continue
        fields = dict(_FIELD.findall(line))
        object_path = _RESOURCE.match(fields["path"])
        resource, name = object_path.groups() if object_path else ("", None)
        counts[_verb(line, fields["method"], resource and not name), resource] += 1
    return counts


def _verb(line, method, is_collection):
    if "kubernetes stream" in line:
        return STREAM
    if method == "GET" and is_collection:
        return "LIST"
    return "APPLY" if method == "PATCH" else method
