#!/usr/bin/env python3
"""A complete Kubernetes cluster for tests and the demo: cluster.py up | down | status | env | build. See README.md."""

import argparse
import fcntl
import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

from testcluster import configuration, credentials, gateway, golang, images, parts, teardown, traefik
from testcluster.layout import ClusterError, Layout
from testcluster.process import running_pid, wait_for


def up(layout: Layout) -> None:
    if os.geteuid() != 0:
        raise ClusterError("the cluster runs real containers and needs root: run it with sudo")
    began = time.monotonic()
    if layout.ports and parts.all_healthy(layout):
        print("the cluster is up and healthy")
        show_use(layout)
        return
    binaries = golang.kubernetes()
    router = traefik.build()
    tofu = golang.opentofu()
    try:
        start(layout, binaries, router, tofu, began)
    except BaseException:
        # Half a cluster is of no use, and its processes would stay. The logs do.
        teardown.down(layout)
        raise
    show_use(layout)


def start(layout: Layout, binaries: Path, router: Path, tofu: Path, began: float) -> None:
    # What a crashed start or a rebooted machine left; on a clean machine this does nothing.
    teardown.down(layout)
    shutil.rmtree(layout.logs, ignore_errors=True)
    layout.logs.mkdir()
    layout.pids.mkdir()
    layout.choose_ports()

    def step(what: str, part: str, begin: Callable[[], None], seconds: float = 30) -> None:
        begin()
        wait_for(layout, what, lambda: parts.healthy(layout, part), seconds, part)
        print(f"  {time.monotonic() - began:5.1f} s  {what}", flush=True)

    def containers() -> None:
        images_cached = images.fill_from_cache(layout)
        step("registry", "registry", lambda: parts.start_registry(layout))
        if not images_cached:
            images.build_and_push(layout)
        step("containerd", "containerd", lambda: parts.start_containerd(layout))

    def routing() -> None:
        gateway.define(layout, router)
        step("gateway", "gateway", lambda: gateway.start_traefik(layout, router))
        gateway.create_gateway(layout)

    credentials.create(layout)
    configuration.write_all(layout)
    with ThreadPoolExecutor() as pool:
        others = [pool.submit(containers), pool.submit(step, "Prometheus", "prometheus", lambda: parts.start_prometheus(layout))]
        step("etcd", "etcd", lambda: parts.start_etcd(layout, binaries))
        step("API server", "apiserver", lambda: parts.start_apiserver(layout, binaries), 60)
        others += [
            pool.submit(step, "controller manager", "controller-manager", lambda: parts.start_controller_manager(layout, binaries)),
            pool.submit(step, "scheduler", "scheduler", lambda: parts.start_scheduler(layout, binaries)),
            pool.submit(step, "pod metrics", "pod-metrics", lambda: parts.start_pod_metrics(layout)),
            pool.submit(routing),
        ]
        others[0].result()  # the kubelet needs containerd, and its first pod the pause image
        step("kubelet", "kubelet", lambda: parts.start_kubelet(layout, binaries))
        for other in others:
            other.result()
    wait_for(layout, "the node", lambda: parts.prepare_node(layout), 30, "kubelet")
    wait_for(layout, "the node", lambda: parts.node_ready(layout), 30, "kubelet")
    wait_for(layout, "the default service account", lambda: parts.default_account_exists(layout), 30, "controller-manager")
    wait_for(layout, "the Gateway", lambda: gateway.is_complete(layout, router), 30, "gateway")
    parts.grant_roles(layout)
    layout.env_file.write_text("".join(f"export {name}={value}\n" for name, value in {
        "DELIVERY_KUBECONFIG": layout.kubeconfig,
        "DELIVERY_REGISTRY": layout.registry,
        "DELIVERY_PROMETHEUS": layout.url("prometheus"),
        "DELIVERY_GATEWAY": layout.url("gateway"),
        "DELIVERY_KUBECTL": binaries / "kubectl",
        "DELIVERY_TOFU": tofu / "tofu",
    }.items()))
    print(f"  {time.monotonic() - began:5.1f} s  node Ready: the cluster is up")


def show_use(layout: Layout) -> None:
    kubectl = next(line.split("=", 1)[1] for line in layout.env_file.read_text().splitlines() if "KUBECTL=" in line)
    print(f"to use it by hand:\n  source {layout.env_file}\n  export KUBECONFIG={layout.kubeconfig} PATH={os.path.dirname(kubectl)}:$PATH")


def down(layout: Layout) -> None:
    began = time.monotonic()
    teardown.down(layout)
    print(f"the cluster is down ({time.monotonic() - began:.1f} s); its logs stay in {layout.logs}")


def status(layout: Layout) -> bool:
    if not layout.ports:
        print(f"the cluster is not up (run folder {layout.run})")
        return False
    for part in parts.NAMES:
        pid = running_pid(layout, part)
        state = "not running" if pid is None else "healthy" if parts.healthy(layout, part) else "not healthy"
        address = layout.containerd_socket if part == "containerd" else layout.url(part)
        if part == "gateway":
            address += f" (gateway-admin: {layout.url('gateway-admin')})"
        print(f"{part:20} {state:12} {'pid ' + str(pid) if pid else '':12} {address}")
    print(f"{'node':20} {'Ready' if parts.node_ready(layout) else 'not Ready'}")
    print(f"{'kubeconfig':20} {layout.kubeconfig}\n{'environment':20} {layout.env_file}\n{'logs':20} {layout.logs}")
    return parts.all_healthy(layout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status", "env", "build"])
    command = parser.parse_args().command
    try:
        if command == "build":
            print(golang.kubernetes(), traefik.build(), golang.opentofu(), sep="\n")
            return 0
        layout = Layout()
        if command == "env":
            print(layout.env_file)
            return 0
        if command == "status":
            return 0 if status(layout) else 1
        layout.run.mkdir(parents=True, exist_ok=True)
        with open(layout.run / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals: the second waits, and finds the work done
            layout = Layout()
            up(layout) if command == "up" else down(layout)
        return 0
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
