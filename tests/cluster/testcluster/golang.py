"""Finds a Go that is new enough and builds the cluster's programs once per content of their sources."""

import contextlib
import fcntl
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Callable, Iterator, Optional

from .layout import KUBERNETES_VERSION, SOURCES, ClusterError, cache_dir

GO_VERSION = "1.26.6"  # what OpenTofu's go.mod asks for; Kubernetes is content with less


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """Holds a lock in the cache folder, so that two terminals do not build the same thing twice at once."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / f"{name}.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another ./dev that holds {lock.name}", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def kubernetes() -> Path:
    """The folder with control-plane, kubelet and kubectl."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    variable = "k8s.io/component-base/version"
    # Without these /version says v0.0.0-master+$Format:%H$.
    flags = (f"-s -w -X {variable}.gitVersion=v{KUBERNETES_VERSION} -X {variable}.gitMajor={major} "
             f"-X {variable}.gitMinor={minor} -X {variable}.gitTreeState=clean")
    return build(SOURCES / "kubernetes", flags, ["./control-plane", "./kubelet", "./kubectl"], "5 minutes")


def opentofu() -> Path:
    """The folder with tofu. The flag drops the -dev suffix, with which OpenTofu warns at every start."""
    return build(SOURCES / "opentofu", "-s -w -X github.com/opentofu/opentofu/version.dev=no",
                 ["github.com/opentofu/opentofu/cmd/tofu"], "4 minutes")


def build(module: Path, link_flags: str, packages: list[str], usual_time: str,
          complete: Optional[Callable[[Path, Path], None]] = None) -> Path:
    """Builds `packages` of the module, or returns the cached folder with the same sources' binaries. `complete` may add
    files to a copy of the module, which is built then, and to the folder of the binaries."""
    key = hashlib.sha256(f"{link_flags} {packages}".encode())
    if complete is not None:
        key.update(Path(complete.__code__.co_filename).read_bytes())
    for source in sorted(p for p in module.rglob("*") if p.suffix == ".go" or p.name in ("go.mod", "go.sum")):
        key.update(f"\n{source.relative_to(module)}\n".encode() + source.read_bytes())
    target = cache_dir() / "bin" / f"{module.name}-{key.hexdigest()[:16]}"
    if target.is_dir():
        return target
    with locked(f"build-{module.name}"):
        if target.is_dir():
            return target
        go = find_go()
        print(f"building {module.name} from its Go module; the first time this takes about {usual_time} on two cores", flush=True)
        began = time.monotonic()
        work = target.with_name(f"{target.name}.building")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        source = module
        if complete is not None:
            source = target.with_name(f"{target.name}.source")
            shutil.rmtree(source, ignore_errors=True)
            shutil.copytree(module, source)
            complete(source, work)
        command = [*_politely(), *go, "build", "-trimpath", f"-ldflags={link_flags}", "-o", f"{work}/", *packages]
        done = subprocess.run(command, cwd=source, env=_environment(go))
        if done.returncode != 0:
            raise ClusterError(f"building {module.name} failed: exit {done.returncode} of {' '.join(command)}")
        if source != module:
            shutil.rmtree(source)
        work.rename(target)
        print(f"built {module.name} in {time.monotonic() - began:.0f} s", flush=True)
    return target


def download(module: str, folder: Path) -> Path:
    """Where the files of a Go module lie: path@version, or a path whose version the module in `folder` says."""
    go = find_go()
    done = subprocess.run([*go, "mod", "download", "-json", module], cwd=folder, env=_environment(go), capture_output=True, text=True)
    if done.returncode != 0:
        raise ClusterError(f"downloading the Go module {module} failed: {(done.stdout + done.stderr).strip()[-500:]}")
    return Path(json.loads(done.stdout)["Dir"])


def _environment(go: list[str]) -> dict[str, str]:
    ours = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
    return os.environ | ours | _toolchain_environment(go)


def _politely() -> list[str]:
    return ["nice", "-n", "5"] if shutil.which("nice") else []


def find_go() -> list[str]:
    """The command that runs a Go of at least GO_VERSION: one that is installed, else one that an older Go fetches."""
    installed = [path for path in [shutil.which("go"), "/usr/local/go/bin/go", *sorted(glob.glob("/usr/lib/go-*/bin/go"), reverse=True)]
                 if path and os.access(path, os.X_OK)]
    versions = {path: _version(path) for path in installed}
    for path, version in versions.items():
        if version >= _parse(GO_VERSION):
            return [path]
    for path in versions:
        fetched = _fetch_toolchain(path)
        if fetched is not None:
            return [str(fetched)]
    found = ", ".join(f"{path} is {'.'.join(map(str, version))}" for path, version in versions.items()) or "none is installed"
    raise ClusterError(
        f"Go {GO_VERSION} or newer is needed to build Kubernetes, Traefik and OpenTofu from their Go modules: {found}.\n"
        "Any Go on PATH can fetch it as the Go module golang.org/toolchain if the module proxy serves that (it was tried"
        " and did not work); otherwise install Go and put it on PATH.")


def _parse(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


def _version(go: str) -> tuple[int, ...]:
    # GOTOOLCHAIN=local: what is asked is the version of this binary, not of one it would fetch.
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, env=os.environ | {"GOTOOLCHAIN": "local"}, cwd="/")
    return _parse(done.stdout)


def _fetch_toolchain(go: str) -> Optional[Path]:
    """Fetches Go itself as the module golang.org/toolchain. Go 1.21 and later do so on their own; Debian 12's Go 1.19
    cannot, but it can download modules, and this one needs no more than its executable bits (a module has none)."""
    target = cache_dir() / f"go-{GO_VERSION}"
    if (target / "bin" / "go").exists():
        return target / "bin" / "go"
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    print(f"fetching Go {GO_VERSION} as a Go module", flush=True)
    done = subprocess.run([go, "mod", "download", "-json", f"golang.org/toolchain@v0.0.1-go{GO_VERSION}.linux-{machine}"],
                          capture_output=True, text=True, cwd="/", env=os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"})
    try:
        folder = json.loads(done.stdout)["Dir"]
    except (ValueError, KeyError):
        print(f"that failed: {(done.stdout + done.stderr).strip()[-500:]}", flush=True)
        return None
    work = target.with_name(f"{target.name}.copying")
    shutil.rmtree(work, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-r", "--no-preserve=mode", folder, str(work)], check=True)
    for program in [*work.glob("bin/*"), *work.glob("pkg/tool/*/*")]:
        program.chmod(0o755)
    work.rename(target)
    return target / "bin" / "go"


def _toolchain_environment(go: list[str]) -> dict[str, str]:
    # A fetched Go must find its own library, whatever GOROOT the caller has; and none may fetch yet another one.
    return {"GOTOOLCHAIN": "local", "GOROOT": str(Path(go[0]).resolve().parent.parent)}
