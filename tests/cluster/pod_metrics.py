#!/usr/bin/env python3
"""Gathers the metrics of all pods with the annotation prometheus.io/scrape: "true" into one page for Prometheus.

Each sample gets the labels namespace and pod (and app, track, slot where the pod has them). The annotations
prometheus.io/port (8080) and prometheus.io/path (/metrics) say where a pod's metrics are.
"""

import argparse
import json
import re
import ssl
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})?(\s+\S.*)$")
COPIED_LABELS = ("app", "track", "slot")
POD_TIMEOUT = 0.5  # seconds; below the scrape's 1 s, so that one stuck pod does not lose the others


class Pods:
    """The pods to ask, listed again before a scrape when the last list is older than half a second."""

    def __init__(self, api: str, ca: str, token: str) -> None:
        self._request = urllib.request.Request(f"{api}/api/v1/pods?fieldSelector=status.phase%3DRunning",
                                               headers={"Authorization": f"Bearer {token}"})
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
        self._lock = threading.Lock()
        self._listed_at = 0.0
        self._pods: list[dict] = []

    def current(self) -> list[dict]:
        with self._lock:
            if time.monotonic() - self._listed_at > 0.5:
                with self._opener.open(self._request, timeout=0.8) as answer:
                    items = json.load(answer)["items"]
                self._pods = [pod for pod in items if pod["status"].get("podIP")
                              and pod["metadata"].get("annotations", {}).get("prometheus.io/scrape") == "true"]
                self._listed_at = time.monotonic()
            return self._pods


def scrape(pod: dict) -> tuple[list[str], list[str]]:
    """The pod's samples with its labels added, and the # TYPE lines apart (each may stand only once on the page)."""
    metadata = pod["metadata"]
    annotations = metadata["annotations"]
    own = {"namespace": metadata["namespace"], "pod": metadata["name"]}
    own |= {name: metadata["labels"][name] for name in COPIED_LABELS if name in metadata.get("labels", {})}
    extra = ",".join(f'{name}="{value}"' for name, value in own.items())
    url = (f"http://{pod['status']['podIP']}:{annotations.get('prometheus.io/port', '8080')}"
           f"{annotations.get('prometheus.io/path', '/metrics')}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=POD_TIMEOUT) as answer:
            text = answer.read().decode()
    except OSError:
        return [], [f"pod_scrape_success{{{extra}}} 0"]
    types = [line for line in text.splitlines() if line.startswith("# TYPE")]
    samples = [f"pod_scrape_success{{{extra}}} 1"]
    for line in text.splitlines():
        if found := SAMPLE.match(line):
            name, _, labels, rest = found.groups()
            samples.append(f"{name}{{{labels + ',' if labels else ''}{extra}}}{rest}")
    return types, samples


class Handler(BaseHTTPRequestHandler):
    pods: Pods
    pool = ThreadPoolExecutor(32)

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self._answer(200, "ok\n")
        try:
            pages = list(self.pool.map(scrape, self.pods.current()))
        except OSError as error:
            return self._answer(503, f"cannot list pods: {error}\n")
        types = sorted({line for page_types, _ in pages for line in page_types})
        # The text format wants the samples of one metric together.
        samples = sorted(line for _, page_samples in pages for line in page_samples)
        self._answer(200, "\n".join([*types, *samples]) + "\n")

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        """One line per second and scrape would only fill the log."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--token-file", required=True)
    options = parser.parse_args()
    with open(options.token_file) as file:
        Handler.pods = Pods(options.api, options.ca, file.read().strip())
    ThreadingHTTPServer(("127.0.0.1", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
