"""The cluster's servers: how each is started and how one sees that it is healthy."""

import shutil
import socket
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from .api import call_api
from .layout import NODE_NAME, SOURCES, ClusterError, Layout
from .process import running_pid, start

# In the order in which `status` shows them; `down` stops the kubelet first, then what runs in pods, then the rest.
NAMES = ["etcd", "apiserver", "controller-manager", "scheduler", "containerd", "kubelet", "registry", "pod-metrics", "prometheus",
         "gateway"]


def start_etcd(layout: Layout, binaries: Path) -> None:
    client, peer = layout.url("etcd"), layout.url("etcd-peer")
    start(layout, "etcd", [
        f"{binaries}/control-plane", "etcd", "--name=test", f"--data-dir={layout.run}/etcd", "--unsafe-no-fsync",
        f"--listen-client-urls={client}", f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=test={peer}",
        "--log-level=warn"])


def start_apiserver(layout: Layout, binaries: Path) -> None:
    pki = layout.pki
    start(layout, "apiserver", [
        f"{binaries}/control-plane", "kube-apiserver", f"--etcd-servers={layout.url('etcd')}",
        "--bind-address=127.0.0.1", f"--secure-port={layout.ports['apiserver']}", "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
        f"--tls-cert-file={pki}/apiserver.crt", f"--tls-private-key-file={pki}/apiserver.key", f"--cert-dir={pki}",
        f"--client-ca-file={pki}/ca.crt", f"--token-auth-file={pki}/tokens.csv", "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/service-account.pub",
        f"--service-account-signing-key-file={pki}/service-account.key",
        "--allow-privileged", "--kubelet-preferred-address-types=InternalIP"])


def start_controller_manager(layout: Layout, binaries: Path) -> None:
    start(layout, "controller-manager", [
        f"{binaries}/control-plane", "kube-controller-manager", f"--kubeconfig={layout.kubeconfig}", "--leader-elect=false",
        "--bind-address=127.0.0.1", f"--secure-port={layout.ports['controller-manager']}", f"--cert-dir={layout.run}/pki-controller-manager",
        f"--service-account-private-key-file={layout.pki}/service-account.key", f"--root-ca-file={layout.pki}/ca.crt",
        "--kube-api-qps=200", "--kube-api-burst=400"])


def start_scheduler(layout: Layout, binaries: Path) -> None:
    start(layout, "scheduler", [
        f"{binaries}/control-plane", "kube-scheduler", f"--kubeconfig={layout.kubeconfig}", "--leader-elect=false",
        "--bind-address=127.0.0.1", f"--secure-port={layout.ports['scheduler']}", f"--cert-dir={layout.run}/pki-scheduler"])


def start_containerd(layout: Layout) -> None:
    start(layout, "containerd", [_program("containerd"), "--config", f"{layout.containerd}/config.toml", "--log-level", "warn"])


def start_kubelet(layout: Layout, binaries: Path) -> None:
    # cloud-provider=external and no --node-ip: the kubelet refuses 127.0.0.1 as its address, so nobody sets one here
    # and prepare_node plays the cloud's part.
    start(layout, "kubelet", [
        f"{binaries}/kubelet", f"--config={layout.kubelet}/config.json", f"--kubeconfig={layout.kubeconfig}",
        f"--root-dir={layout.kubelet}", f"--cert-dir={layout.kubelet}/pki", f"--hostname-override={NODE_NAME}",
        "--cloud-provider=external"])


def start_registry(layout: Layout) -> None:
    start(layout, "registry", [_program("docker-registry"), "serve", f"{layout.run}/registry.json"])


def start_prometheus(layout: Layout) -> None:
    start(layout, "prometheus", [
        _program("prometheus"), f"--config.file={layout.run}/prometheus.json", f"--storage.tsdb.path={layout.run}/prometheus",
        "--storage.tsdb.retention.time=6h", f"--web.listen-address=127.0.0.1:{layout.ports['prometheus']}", "--log.level=warn"])


def start_pod_metrics(layout: Layout) -> None:
    start(layout, "pod-metrics", [
        sys.executable, f"{SOURCES}/pod_metrics.py", f"--port={layout.ports['pod-metrics']}", f"--api={layout.url('apiserver')}",
        f"--ca={layout.pki}/ca.crt", f"--token-file={layout.pki}/admin.token"])


def healthy(layout: Layout, part: str) -> bool:
    if part == "containerd":
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(layout.containerd_socket)) == 0
    addresses = {
        "etcd": layout.url("etcd") + "/health",
        "apiserver": layout.url("apiserver") + "/readyz",
        "controller-manager": layout.url("controller-manager") + "/healthz",
        "scheduler": layout.url("scheduler") + "/healthz",
        "kubelet": layout.url("kubelet-health") + "/healthz",
        "registry": layout.url("registry") + "/v2/",
        "pod-metrics": layout.url("pod-metrics") + "/healthz",
        "prometheus": layout.url("prometheus") + "/-/ready",
        "gateway": layout.url("gateway-admin") + "/ping",
    }
    # The controller manager and the scheduler make their own certificates; only the API server's is checked.
    context = ssl._create_unverified_context()
    if part == "apiserver":
        context = ssl.create_default_context(cafile=f"{layout.pki}/ca.crt")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(addresses[part], timeout=2) as answer:
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def all_healthy(layout: Layout) -> bool:
    return (layout.env_file.exists()
            and all(running_pid(layout, part) is not None and healthy(layout, part) for part in NAMES)
            and node_ready(layout))


def prepare_node(layout: Layout) -> bool:
    """Gives the node its address and removes the taint, as a cloud provider would. False until the node exists."""
    path = f"/api/v1/nodes/{NODE_NAME}"
    status, node = call_api(layout, "GET", path)
    if status != 200:
        return False
    addresses = {"status": {"addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": "localhost"}]}}
    taints = [taint for taint in node["spec"].get("taints", []) if taint["key"] != "node.cloudprovider.kubernetes.io/uninitialized"]
    merge = "application/merge-patch+json"
    return (call_api(layout, "PATCH", path + "/status", addresses, merge)[0] == 200
            and call_api(layout, "PATCH", path, {"spec": {"taints": taints}}, merge)[0] == 200)


def node_ready(layout: Layout) -> bool:
    status, node = call_api(layout, "GET", f"/api/v1/nodes/{NODE_NAME}")
    if status != 200 or node["spec"].get("taints"):
        return False
    return any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", []))


def default_account_exists(layout: Layout) -> bool:
    """Without it the API server refuses pods in the namespace."""
    return call_api(layout, "GET", "/api/v1/namespaces/default/serviceaccounts/default")[0] == 200


def grant_roles(layout: Layout) -> None:
    status, _ = call_api(layout, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "delivery-readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "delivery:readers"}]})
    if status not in (201, 409):
        raise ClusterError(f"the role binding of group delivery:readers was refused: HTTP {status}")
    # What comes with the built-in role for objects that Kubernetes knows itself.
    status, _ = call_api(layout, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "view-routes", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
        "rules": [{"apiGroups": ["gateway.networking.k8s.io", "traefik.io", "networking.istio.io"], "resources": ["*"],
                   "verbs": ["get", "list", "watch"]}]})
    if status not in (201, 409):
        raise ClusterError(f"the role to view routes was refused: HTTP {status}")


def _program(name: str) -> str:
    path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    if path is None:
        raise ClusterError(f"{name} is not installed; run ./dev setup")
    return path
