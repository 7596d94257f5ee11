"""The configuration files of containerd, kubelet, registry and Prometheus. JSON where a program reads YAML: it is YAML."""

import json

from .layout import Layout
from .process import run

CLUSTER_DNS = "10.96.0.10"  # nothing answers there; without an address every pod gets a MissingClusterDNS event


def write_all(layout: Layout) -> None:
    _write_network(layout)
    _write_containerd(layout)
    _write_kubelet(layout)
    _write_registry(layout)
    _write_prometheus(layout)


def _write_network(layout: Layout) -> None:
    """Pods get addresses on a bridge of this cluster only; the host reaches them, they reach each other, nothing else."""
    network = {
        "cniVersion": "1.0.0",
        "name": layout.bridge,
        "plugins": [{
            "type": "bridge", "bridge": layout.bridge, "isGateway": True, "hairpinMode": True,
            "ipam": {"type": "host-local", "dataDir": str(layout.run / "cni-addresses"),
                     "ranges": [[{"subnet": layout.pod_subnet}]], "routes": [{"dst": "0.0.0.0/0"}]},
        }],
    }
    folder = layout.containerd / "net.d"
    folder.mkdir(parents=True)
    (folder / "10-pods.conflist").write_text(json.dumps(network, indent=1))


def _write_containerd(layout: Layout) -> None:
    base = layout.containerd
    filesystem = run(["stat", "-f", "-c", "%T", str(layout.run)]).stdout.strip()
    # overlayfs cannot lie on overlayfs, which is what a run folder inside a container would be.
    snapshotter = "native" if filesystem == "overlayfs" else "overlayfs"
    (base / "config.toml").write_text(f'''version = 2
root = "{base}/root"
state = "{base}/state"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{layout.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{layout.pause_image}"
  stream_server_address = "127.0.0.1"
  restrict_oom_score_adj = true # a machine without CAP_SYS_RESOURCE cannot lower the score
  netns_mounts_under_state_dir = true # so that they go with the state folder
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "{snapshotter}"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "{base}/runc" # not the system's /run/containerd/runc
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{base}/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{base}/certs.d"
''')
    for host in (layout.registry, f"localhost:{layout.ports['registry']}"):
        folder = base / "certs.d" / host
        folder.mkdir(parents=True)
        (folder / "hosts.toml").write_text(f'server = "http://{host}"\n[host."http://{host}"]\n  capabilities = ["pull", "resolve"]\n')


def _write_kubelet(layout: Layout) -> None:
    layout.kubelet.mkdir(parents=True)
    (layout.kubelet / "config.json").write_text(json.dumps({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "127.0.0.1", "port": layout.ports["kubelet"],
        "healthzBindAddress": "127.0.0.1", "healthzPort": layout.ports["kubelet-health"],
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "podLogsDir": str(layout.kubelet / "pod-logs"),
        "volumePluginDir": str(layout.kubelet / "plugins-exec"),
        "clusterDNS": [CLUSTER_DNS], "clusterDomain": "cluster.local",
        # cgroup v1 without systemd, inside a container, next to other work: take the machine as it is.
        "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupsPerQOS": False, "enforceNodeAllocatable": [],
        "failSwapOn": False, "makeIPTablesUtilChains": False, "oomScoreAdj": 0,
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "nodefs.inodesFree": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
        "maxPods": 200, "serializeImagePulls": False, "registryPullQPS": 0, "eventRecordQPS": 0,
        "kubeAPIQPS": 100, "kubeAPIBurst": 200,
    }, indent=1))


def _write_registry(layout: Layout) -> None:
    layout.registry_storage.mkdir(parents=True, exist_ok=True)
    (layout.run / "registry.json").write_text(json.dumps({
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(layout.registry_storage)}, "delete": {"enabled": True}},
        "http": {"addr": layout.registry},
    }, indent=1))


def _write_prometheus(layout: Layout) -> None:
    (layout.run / "prometheus.json").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "scrape_configs": [{
            # One static target that gathers every pod's metrics: Debian's Prometheus cannot discover pods, and notices
            # changed files only every 5 s. honor_labels keeps the namespace and pod that it adds.
            "job_name": "pods", "honor_labels": True,
            "static_configs": [{"targets": [f"127.0.0.1:{layout.ports['pod-metrics']}"]}],
        }, {
            "job_name": "gateway",
            "static_configs": [{"targets": [f"127.0.0.1:{layout.ports['gateway-admin']}"]}],
        }],
    }, indent=1))
