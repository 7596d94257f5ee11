"""Start a server so that it outlives us, and stop exactly what we started."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

from .layout import ClusterError, Layout

# What servers inherit. Nothing else: REGISTRY_* variables override the registry's configuration, proxies would
# catch requests for 127.0.0.1, and a KUBECONFIG or TF_* of the caller has no business in a server.
SERVER_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LANG": "C.UTF-8"}


def start(layout: Layout, name: str, command: list[str], extra_environment: Optional[dict[str, str]] = None) -> None:
    """Starts `command` in a session of its own; its output goes to logs/<name>.log, its pid to pids/<name>."""
    with open(layout.logs / f"{name}.log", "ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/",
            env=SERVER_ENVIRONMENT | (extra_environment or {}), preexec_fn=_default_signals)
    (layout.pids / name).write_text(f"{child.pid}\n{_start_time(child.pid)}\n")


def _default_signals() -> None:
    # A shell's background job ignores SIGINT and its children inherit that.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the state on (field 3 of proc(5) is index 0); empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _start_time(pid: int) -> str:
    fields = _stat_fields(pid)
    return fields[19] if fields else ""


def running_pid(layout: Layout, name: str) -> Optional[int]:
    """The pid of a part that still runs. The start time guards against a pid that the kernel gave to someone else."""
    try:
        pid_text, started = (layout.pids / name).read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    fields = _stat_fields(int(pid_text))
    if not fields or fields[0] in "ZX" or fields[19] != started:
        return None
    return int(pid_text)


def stop(layout: Layout, names: list[str], grace_seconds: float = 5.0) -> None:
    """SIGTERM to all of `names`, then SIGKILL to those that are still there after the grace time."""
    for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        for name in names:
            pid = running_pid(layout, name)
            if pid is not None:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass  # it ended between the look and the signal
        deadline = time.monotonic() + patience
        while any(running_pid(layout, name) for name in names) and time.monotonic() < deadline:
            time.sleep(0.02)
    left = [name for name in names if running_pid(layout, name)]
    if left:
        raise ClusterError(f"these processes did not end, even after SIGKILL: {', '.join(left)}")
    for name in names:
        (layout.pids / name).unlink(missing_ok=True)


def wait_for(layout: Layout, what: str, healthy: Callable[[], bool], seconds: float, part: Optional[str] = None) -> None:
    """Waits until `healthy()`; fails at once when the process of `part` has ended, and with its log's end."""
    deadline = time.monotonic() + seconds
    while not healthy():
        ended = part is not None and running_pid(layout, part) is None
        if ended or time.monotonic() > deadline:
            reason = "its process ended" if ended else f"not within {seconds:.0f} s"
            raise ClusterError(f"{what} did not become ready: {reason}{log_tail(layout, part)}")
        time.sleep(0.05)


def log_tail(layout: Layout, part: Optional[str]) -> str:
    log = layout.logs / f"{part}.log"
    if part is None or not log.exists():
        return ""
    lines = log.read_text(errors="replace").splitlines()[-15:]
    return f"; the end of {log}:\n  " + "\n  ".join(line[:400] for line in lines)


def run(command: list[str], seconds: float = 60, check: bool = True, **options) -> subprocess.CompletedProcess:
    """Runs a short command with a bound on its time; on failure the error carries its output."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=seconds, **options)
    except FileNotFoundError:
        raise ClusterError(f"{command[0]} is not installed; run ./dev setup") from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{' '.join(command)}: no end within {seconds:.0f} s") from None
    if check and done.returncode != 0:
        raise ClusterError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done
