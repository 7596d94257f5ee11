"""Finds OpenTofu and Terraform."""

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Optional


class MissingHost(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Host:
    name: str  # "tofu" or "terraform"
    binary: str
    version_text: str

    @property
    def version(self) -> tuple:
        return tuple(int(part) for part in self.version_text.split("-")[0].split("."))

    @property
    def knows_identity(self) -> bool:
        """Both learned import by identity in their 1.12."""
        return self.version >= (1, 12)

    @property
    def registry(self) -> str:
        return "registry.opentofu.org" if self.name == "tofu" else "registry.terraform.io"


def find_hosts(only: Optional[str] = None) -> list:
    hosts = []
    if only in (None, "tofu"):
        hosts.append(_probe("tofu", _tofu()))
    terraform = shutil.which("terraform")
    if only == "terraform" and terraform is None:
        raise MissingHost("terraform is not on the PATH")
    if only in (None, "terraform"):
        if terraform is not None:
            hosts.append(_probe("terraform", terraform))
        else:
            print("#" * 100 + "\n#### terraform IS NOT ON THE PATH: CONFORMANCE IS CHECKED WITH OPENTOFU ONLY\n" + "#" * 100)
    return hosts


def _tofu() -> str:
    explicit = os.environ.get("DELIVERY_TOFU")
    if explicit:
        if shutil.which(explicit) is None:
            raise MissingHost(f"DELIVERY_TOFU is not a program: {explicit}")
        return explicit
    built = sorted(_cache().glob("bin/opentofu-*/tofu"), key=lambda path: path.stat().st_mtime)
    if built:
        return str(built[-1])
    raise MissingHost("no OpenTofu: set DELIVERY_TOFU, or let \"./dev cluster up\" build one into the cache folder")


def _cache() -> Path:
    explicit = os.environ.get("DELIVERY_CACHE")
    if explicit:
        return Path(explicit)
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "terraform-provider-delivery"


def _probe(name: str, binary: str) -> Host:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    environment["CHECKPOINT_DISABLE"] = "1"
    answer = subprocess.run([binary, "version", "-json"], env=environment, capture_output=True, text=True, timeout=60)
    if answer.returncode != 0:
        raise MissingHost(f"{binary} does not run: {answer.stderr.strip()}")
    return Host(name, binary, json.loads(answer.stdout)["terraform_version"])
