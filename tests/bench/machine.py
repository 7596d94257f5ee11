"""What the figures were measured on: without it they mean nothing to somebody else."""

import json
import os
import pathlib
import platform
import subprocess

from environment import tool_environment


def _cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return " ".join(line.split(":", 1)[1].split())
    return platform.machine()  # ARM kernels name no model


def _memory():
    kilobytes = int(pathlib.Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0])
    return "%.1f GiB" % (kilobytes / 2**20)


def _release():
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.split("=", 1)[1].strip('"')
    return platform.system()


def _commit(sources):
    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=sources, text=True, capture_output=True).stdout.strip()

    changed = " with local changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed


def load():
    return "%.1f" % os.getloadavg()[0]


def description(sources, tofu, server_version):
    """Lines of "what: value"."""
    answer = subprocess.check_output([tofu, "version", "-json"], env=tool_environment())
    tofu_version = json.loads(answer)["terraform_version"]
    curl_version = " ".join(subprocess.check_output(["curl", "--version"], text=True).split()[:2])
    # Cores that this process may use: in a container fewer than the machine has.
    return [
        "machine:  %s, %d cores, %s" % (_cpu_model(), len(os.sched_getaffinity(0)), _memory()),
        "system:   %s, Linux %s" % (_release(), platform.release()),
        "versions: Kubernetes %s, OpenTofu %s, %s, sources at %s"
        % (server_version.lstrip("v"), tofu_version, curl_version, _commit(sources)),
    ]
