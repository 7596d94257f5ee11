"""The provider's process without a host: how soon it speaks, and how much memory it holds."""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from environment import tool_environment

# What hosts set, so that a person who starts the plugin by hand gets an explanation instead.
COOKIE = {"TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
          "PLUGIN_PROTOCOL_VERSIONS": "6"}


@contextlib.contextmanager
def started(*command, **environment):
    """The process, its first line and the milliseconds until that line."""
    folder = tempfile.mkdtemp(prefix="bench-")  # its socket lies in there
    began = time.perf_counter()
    process = subprocess.Popen(command, env={**tool_environment(), "TMPDIR": folder, **environment},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        line = process.stdout.readline().decode().rstrip("\n")
        yield process, line, 1000 * (time.perf_counter() - began)
    finally:
        process.kill()
        process.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def handshake_milliseconds(provider, runs=20):
    taken = []
    for run in range(runs + 1):
        with started(provider, **COOKIE) as (_, line, milliseconds):
            if line.count("|") != 5:
                raise RuntimeError("%s answered %r instead of a handshake" % (provider, line))
        if run > 0:  # the first reads the program from disk
            taken.append(milliseconds)
    return taken


def process_start_milliseconds(runs=20):
    """The same of a program that does nothing else than write a line: what the measuring costs."""
    taken = []
    for _ in range(runs):
        with started("/bin/echo", "|") as (_, _, milliseconds):
            taken.append(milliseconds)
    return taken


class Memory:
    """Resident memory in MB (10^6 bytes): RSS, and PSS, in which pages shared with other processes count in part."""

    def __init__(self, process):
        folder = pathlib.Path("/proc", str(process))
        self.rss = self._megabytes(folder / "status", "VmRSS")
        self.pss = self._megabytes(folder / "smaps_rollup", "Pss")
        self.peak = self._megabytes(folder / "status", "VmHWM")

    @staticmethod
    def _megabytes(file, name):
        return int(re.search(r"^%s:\s+(\d+) kB" % name, file.read_text(), re.MULTILINE)[1]) * 1024 / 1e6


def memory_after_handshake(provider):
    with started(provider, **COOKIE) as (process, _, _):
        time.sleep(0.5)  # its threads start after the line
        return Memory(process.pid)


@contextlib.contextmanager
def debugged(provider):
    """The provider as a process that hosts connect to, and what to put into their environment."""
    with started(provider, "debug") as (process, line, _):
        setting = re.fullmatch(r"TF_REATTACH_PROVIDERS='(.*)'", line)
        if not setting:
            raise RuntimeError("%s debug answered %r" % (provider, line))
        yield process.pid, {"TF_REATTACH_PROVIDERS": setting[1]}


def built_at(provider):
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(os.path.getmtime(provider)))
