"""Builds Traefik and collects the definitions (CRDs) of the objects that tell routers what to do."""

import re
import shutil
from pathlib import Path

from . import golang
from .layout import SOURCES

# Module => files with definitions. Of Istio only what a canary changes: no Istio runs here.
_DEFINITIONS = {
    "sigs.k8s.io/gateway-api": ["config/crd/standard/*.yaml"],
    "github.com/traefik/traefik/v3": ["docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml"],
    "istio.io/api": ["kubernetes/customresourcedefinitions.gen.yaml"],
}
_ISTIO_KINDS = ("virtualservices.networking.istio.io", "destinationrules.networking.istio.io")

_NO_DNS_PROVIDERS = '''package dns

import (
	"errors"

	"github.com/go-acme/lego/v4/challenge"
)

// NewDNSChallengeProviderByName replaces the table of all DNS services.
func NewDNSChallengeProviderByName(name string) (challenge.Provider, error) {
	return nil, errors.New("built without DNS providers: " + name)
}
'''


def build() -> Path:
    """The folder with traefik and, in definitions/, one file for each definition."""
    return golang.build(SOURCES / "traefik", "-s -w", ["github.com/traefik/traefik/v3/cmd/traefik"], "4 minutes", _complete)


def _complete(source: Path, target: Path) -> None:
    """Makes what the module in `source` needs to be built, and puts the definitions beside the binary to be."""
    _copy_lego(source)
    folder = target / "definitions"
    folder.mkdir()
    for module, patterns in _DEFINITIONS.items():
        files = [file for pattern in patterns for file in golang.download(module, source).glob(pattern)]
        documents = [document for file in files for document in re.split(r"^---$", file.read_text(), flags=re.MULTILINE)]
        for document in documents:
            if name := re.search(r"^  name: [\"']?([a-z.0-9-]+)", document, re.MULTILINE):
                if "istio.io" not in name[1] or name[1] in _ISTIO_KINDS:
                    (folder / f"{name[1]}.yaml").write_text(without_descriptions(document))


def _copy_lego(source: Path) -> None:
    found = re.search(r"^\s*(github.com/go-acme/lego/v4) (v\S+)", (source / "go.mod").read_text(), re.MULTILINE)
    lego = golang.download(f"{found[1]}@{found[2]}", Path("/"))
    shutil.copytree(lego, source / "lego", ignore=lambda folder, names: names if folder == f"{lego}/providers/dns" else [],
                    copy_function=shutil.copyfile)
    (source / "lego" / "providers" / "dns" / "dns_providers.go").write_text(_NO_DNS_PROVIDERS)


def without_descriptions(document: str) -> str:
    """The YAML without the texts for readers, which are most of a definition: the API server takes several seconds less
    for it. A property that is called description has no text behind its colon."""
    kept = []
    indent = None  # of the description that is being left out
    for line in document.splitlines():
        depth = len(line) - len(line.lstrip(" "))
        if indent is not None and (not line.strip() or depth > indent):
            continue
        indent = depth if re.match(r" *description: \S", line) else None
        if indent is None:
            kept.append(line)
    return "\n".join(kept) + "\n"
