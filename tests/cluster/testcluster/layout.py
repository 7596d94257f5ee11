"""Where everything of the test cluster lies, and on which ports it listens."""

import hashlib
import json
import os
import socket
from pathlib import Path

KUBERNETES_VERSION = "1.36.3"
NODE_NAME = "node-1"

SOURCES = Path(__file__).resolve().parent.parent  # tests/cluster
REPOSITORY = SOURCES.parent.parent

# Preferred ports, all below the kernel's ephemeral range and away from the programs' own defaults, so that a system
# Prometheus, registry or cluster on this machine is never met. A port that is taken is replaced by a free one.
PREFERRED_PORTS = {
    "etcd": 26379,
    "etcd-peer": 26380,
    "apiserver": 26443,
    "controller-manager": 26257,
    "scheduler": 26259,
    "kubelet": 26250,
    "kubelet-health": 26248,
    "registry": 26500,
    "prometheus": 26090,
    "pod-metrics": 26091,
    "gateway": 26080,
    "gateway-admin": 26081,
}


class ClusterError(Exception):
    """Something a person has to know about; printed without a stack trace."""


def cache_dir() -> Path:
    explicit = os.environ.get("DELIVERY_CACHE")
    if explicit:
        return Path(explicit).absolute()
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base).absolute() / "terraform-provider-delivery"


class Layout:
    """Paths, ports and names of one cluster. Two clusters differ in their run folder only; the rest follows from it."""

    def __init__(self) -> None:
        self.cache = cache_dir()
        self.run = Path(os.environ.get("DELIVERY_RUN") or self.cache / "run").absolute()
        # A socket's path has 108 bytes; containerd's and the kubelet's lie up to 45 below the run folder.
        if len(str(self.run)) > 60:
            raise ClusterError(f"the run folder's path is too long for Unix sockets (60 at most): {self.run}")
        self.logs = self.run / "logs"
        self.pids = self.run / "pids"
        self.pki = self.run / "pki"
        self.kubeconfig = self.run / "kubeconfig"
        self.env_file = self.run / "env"
        self.state_file = self.run / "state.json"
        self.containerd = self.run / "containerd"
        self.containerd_socket = self.containerd / "containerd.sock"
        self.kubelet = self.run / "kubelet"
        self.registry_storage = self.run / "registry"

        mark = hashlib.sha256(str(self.run).encode()).hexdigest()
        self.bridge = f"dlv-{mark[:8]}"
        self.pod_subnet = f"10.{200 + int(mark[:4], 16) % 40}.0.0/16"
        self.ports: dict[str, int] = {}
        if self.state_file.exists():
            self.ports = json.loads(self.state_file.read_text())["ports"]

    def choose_ports(self) -> None:
        chosen: dict[str, int] = {}
        for name, preferred in PREFERRED_PORTS.items():
            chosen[name] = preferred if _is_free(preferred) else _any_free_port(set(chosen.values()))
        self.ports = chosen
        self.state_file.write_text(json.dumps({"ports": chosen}, indent=1) + "\n")

    def url(self, part: str) -> str:
        scheme = "https" if part in ("apiserver", "controller-manager", "scheduler") else "http"
        return f"{scheme}://127.0.0.1:{self.ports[part]}"

    @property
    def registry(self) -> str:
        return f"127.0.0.1:{self.ports['registry']}"

    @property
    def pause_image(self) -> str:
        return f"{self.registry}/delivery/pause:1"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: without it a port whose last connections linger in TIME_WAIT looks taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_free_port(taken: set[int]) -> int:
    for _ in range(100):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in taken and port not in PREFERRED_PORTS.values():
            return port
    raise ClusterError("no free port found on 127.0.0.1")
