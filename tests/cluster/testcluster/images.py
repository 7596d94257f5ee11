"""Builds the test images of tests/images and puts them into the registry, from a cache where the sources are the same."""

import concurrent.futures
import hashlib
import json
import shutil
import time
from pathlib import Path

from . import golang
from .layout import REPOSITORY, Layout, cache_dir
from .process import run

SOURCES = REPOSITORY / "tests" / "images"


def cached_storage() -> Path:
    """Where the registry's storage with all images lies, once it has been made from these sources."""
    key = hashlib.sha256()
    for source in [*sorted(SOURCES.rglob("*.go")), *sorted(SOURCES.rglob("go.mod")), SOURCES / "images.json", Path(__file__)]:
        key.update(f"\n{source.name}\n".encode() + source.read_bytes())
    return cache_dir() / f"images-{key.hexdigest()[:16]}"


def fill_from_cache(layout: Layout) -> bool:
    """Before the registry starts. Each cluster gets a copy, so that what a test pushes is gone with the cluster."""
    if not cached_storage().is_dir():
        return False
    shutil.copytree(cached_storage(), layout.registry_storage, dirs_exist_ok=True)
    return True


def build_and_push(layout: Layout) -> None:
    """With the registry running and empty: makes every image, pushes it, and keeps the storage for the next time."""
    began = time.monotonic()
    table = json.loads((SOURCES / "images.json").read_text())
    programs = {entry["program"] for tags in table.values() for entry in tags.values()}
    binaries = {name: golang.build(SOURCES / name, "-s -w", ["."], "20 seconds") / name for name in programs}
    work = layout.run / "images"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for program, binary in binaries.items():
        _make_base(work / program, program, binary)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        # One layout holds all tags of a program and umoci rewrites its index, so tags are made one after the other.
        jobs = []
        for repository, tags in table.items():
            for tag, entry in tags.items():
                _make_tag(work / entry["program"], entry, tag)
                jobs.append(pool.submit(_push, layout, f"{work}/{entry['program']}:{tag}", f"{repository}:{tag}"))
        for job in jobs:
            job.result()
    shutil.rmtree(work)
    with golang.locked("images"):
        if not cached_storage().is_dir():
            copy = cached_storage().with_name(f"{cached_storage().name}.copying")
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(layout.registry_storage, copy)
            copy.rename(cached_storage())
    print(f"built and pushed the test images in {time.monotonic() - began:.1f} s", flush=True)


def _make_base(folder: Path, program: str, binary: Path) -> None:
    """An image whose one layer holds the static program. Every tag shares it."""
    run(["umoci", "init", "--layout", str(folder)])
    run(["umoci", "new", "--image", f"{folder}:base"])
    run(["umoci", "insert", "--image", f"{folder}:base", "--history.created", "2026-01-01T00:00:00Z", str(binary), f"/{program}"])


def _make_tag(folder: Path, entry: dict, tag: str) -> None:
    command = ["umoci", "config", "--image", f"{folder}:base", "--tag", tag, "--config.entrypoint", f"/{entry['program']}",
               "--config.user", "65534", "--created", entry["created"], "--history.created", entry["created"]]
    for name, value in entry["env"].items():
        command += ["--config.env", f"{name}={value}"]
    run(command)


def _push(layout: Layout, source: str, destination: str) -> None:
    # No signature policy file: whether the machine has one does not matter for images of our own.
    run(["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false", f"oci:{source}",
         f"docker://{layout.registry}/{destination}"])
