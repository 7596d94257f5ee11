"""Stops the cluster by the pids it recorded and removes everything it left on the machine."""

import os
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import parts
from .layout import ClusterError, Layout
from .process import run, running_pid, stop


def down(layout: Layout) -> None:
    # The kubelet first, or it would start again what we end.
    stop(layout, ["kubelet"])
    if running_pid(layout, "containerd") is not None and parts.healthy(layout, "containerd"):
        _delete_containers(layout)
    _kill_shims(layout)
    stop(layout, [name for name in parts.NAMES if name != "etcd"])
    stop(layout, ["etcd"])  # last, so that the API server does not spend its last seconds in retries
    _unmount(layout)
    _remove_network(layout)
    _remove_log_links(layout)
    _remove_cgroups(layout)
    _remove_files(layout)


def _ctr(layout: Layout, *arguments: str) -> str:
    return run(["ctr", "--address", str(layout.containerd_socket), "--namespace", "k8s.io", *arguments], check=False).stdout


def _delete_containers(layout: Layout) -> None:
    """Kills every container and removes it; the shim of a pod ends with its last container."""
    tasks = [line.split()[0] for line in _ctr(layout, "tasks", "list").splitlines()[1:] if line.strip()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda task: _ctr(layout, "tasks", "delete", "--force", task), tasks))


def _kill_shims(layout: Layout) -> None:
    """Ends shims that are left, and what runs below them. Ours are those that were started with our socket."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + 2
        shims = _shims(layout)
        for pid in shims:
            for target in [*_descendants(pid), pid]:
                try:
                    os.kill(target, signal.SIGKILL if target != pid else number)
                except ProcessLookupError:
                    pass  # it ended between the look and the signal
        while shims and _shims(layout) and time.monotonic() < deadline:
            time.sleep(0.05)


def _shims(layout: Layout) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue  # it ended meanwhile
            if "containerd-shim" in arguments[0] and str(layout.containerd_socket) in arguments:
                found.append(int(entry.name))
    return found


def _descendants(pid: int) -> list[int]:
    found = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        try:
            children = [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue  # it ended meanwhile
        for child in children:
            found += [*_descendants(child), child]
    return found


def _mounts_below(folder: Path) -> list[str]:
    points = [line.split()[1].encode().decode("unicode_escape") for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{folder}/")]


def _unmount(layout: Layout) -> None:
    for _ in range(5):  # one mount point may carry several mounts
        points = _mounts_below(layout.run)
        if not points:
            return
        for point in reversed(points):
            run(["umount", "--lazy", point], check=False)
    raise ClusterError(f"cannot unmount: {', '.join(_mounts_below(layout.run))}")


def _remove_network(layout: Layout) -> None:
    # The pods' ends go with their network namespaces; what is left of a pod that was killed hangs on the bridge.
    if Path(f"/sys/class/net/{layout.bridge}").exists():
        for port in Path(f"/sys/class/net/{layout.bridge}/brif").iterdir():
            run(["ip", "link", "delete", port.name], check=False)
        run(["ip", "link", "delete", layout.bridge])
    # The CNI library's result cache has one fixed place. Its files are <network>-<pod>-<interface>, and each pod has
    # one of our network and one of the loopback network, which carries no name of ours.
    cache = Path("/var/lib/cni/results")
    for result in cache.glob(f"{layout.bridge}-*-eth0"):
        pod = result.name.removeprefix(f"{layout.bridge}-").removesuffix("-eth0")
        (cache / f"cni-loopback-{pod}-lo").unlink(missing_ok=True)
        result.unlink()


def _remove_log_links(layout: Layout) -> None:
    """The kubelet puts symbolic links to the pods' logs here, wherever its own folders are."""
    for link in Path("/var/log/containers").glob("*.log"):
        if link.is_symlink() and os.readlink(link).startswith(f"{layout.run}/"):
            link.unlink()


def _remove_cgroups(layout: Layout) -> None:
    """runc removes each container's group when the container is deleted, which it was not if containerd was gone; the
    parent, which containerd names after its namespace and shares with any other containerd, stays in any case."""
    left = [container.name for container in (layout.containerd / "runc" / "k8s.io").glob("*")]
    for parent in [Path("/sys/fs/cgroup/k8s.io"), *Path("/sys/fs/cgroup").glob("*/k8s.io")]:
        for group in [*(parent / name for name in left), parent]:
            try:
                group.rmdir()
            except OSError:
                pass  # it is not there, or another containerd has containers in the parent


def _remove_files(layout: Layout) -> None:
    """The logs stay until the next start: they are what one wants to read when something went wrong."""
    if not layout.run.exists():
        return
    for entry in layout.run.iterdir():
        if entry in (layout.logs, layout.run / "lock"):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
