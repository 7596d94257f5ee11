"""The data plane that routes by weight: Traefik, with a Gateway that takes routes of all namespaces."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .api import call_api
from .layout import ClusterError, Layout
from .process import start, wait_for


def define(layout: Layout, router: Path) -> None:
    """Gives the API server the definitions, and waits until it serves those that Traefik watches."""
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

    def create(file: Path) -> None:
        status, answer = call_api(layout, "POST", path, file.read_bytes(), "application/yaml", 30)
        if status != 201:
            raise ClusterError(f"the definition {file.stem} was refused: HTTP {status} {answer.get('message', '')}")

    # Istio's are the largest and nothing here waits for them: they come last.
    files = sorted((router / "definitions").glob("*.yaml"), key=lambda file: ("istio" in file.name, file.name))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, files))
    wait_for(layout, "the objects of routers", lambda: are_served(layout, [file for file in files if "istio" not in file.name]), 60)


def are_served(layout: Layout, files: list[Path]) -> bool:
    _, answer = call_api(layout, "GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions?resourceVersion=0")
    served = {item["metadata"]["name"] for item in answer.get("items", [])
              if any(c["type"] == "Established" and c["status"] == "True" for c in item.get("status", {}).get("conditions") or [])}
    return served >= {file.stem for file in files}


def is_complete(layout: Layout, router: Path) -> bool:
    """All definitions are served, and the Gateway takes requests."""
    status, gateway = call_api(layout, "GET", "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/web")
    programmed = status == 200 and any(c["type"] == "Programmed" and c["status"] == "True"
                                       for c in gateway.get("status", {}).get("conditions") or [])
    return programmed and are_served(layout, list((router / "definitions").glob("*.yaml")))


def start_traefik(layout: Layout, router: Path) -> None:
    command = [
        f"{router}/traefik", "--global.checknewversion=false", "--global.sendanonymoususage=false", "--log.level=WARN",
        f"--entrypoints.web.address=127.0.0.1:{layout.ports['gateway']}",
        f"--entrypoints.traefik.address=127.0.0.1:{layout.ports['gateway-admin']}",
        "--ping", "--api.insecure", "--api.dashboard=false",
        "--metrics.prometheus", "--metrics.prometheus.addServicesLabels",
        # The default is 2 s: so long would requests go to pods that are gone.
        "--providers.providersThrottleDuration=100ms", "--providers.kubernetesgateway.statusaddress.ip=127.0.0.1",
        # A canary Service without endpoints must not take the whole route away.
        "--providers.kubernetescrd.allowemptyservices"]
    for provider in ("kubernetesgateway", "kubernetescrd"):
        command += [f"--providers.{provider}.{option}" for option in (
            f"endpoint={layout.url('apiserver')}", f"token={layout.pki}/admin.token", f"certauthfilepath={layout.pki}/ca.crt")]
    start(layout, "gateway", command)


def create_gateway(layout: Layout) -> None:
    """Gateway `web` in namespace `default`, which takes routes of all namespaces."""
    group = "/apis/gateway.networking.k8s.io/v1"
    for path, body in (
            (f"{group}/gatewayclasses", {"kind": "GatewayClass", "metadata": {"name": "traefik"},
                                         "spec": {"controllerName": "traefik.io/gateway-controller"}}),
            (f"{group}/namespaces/default/gateways", {"kind": "Gateway", "metadata": {"name": "web"}, "spec": {
                "gatewayClassName": "traefik",
                # Traefik takes the entry point that has the listener's port.
                "listeners": [{"name": "web", "protocol": "HTTP", "port": layout.ports["gateway"],
                               "allowedRoutes": {"namespaces": {"from": "All"}}}]}})):
        status, answer = call_api(layout, "POST", path, {"apiVersion": "gateway.networking.k8s.io/v1", **body})
        if status != 201:
            raise ClusterError(f"{path} was refused: HTTP {status} {json.dumps(answer)[:500]}")
