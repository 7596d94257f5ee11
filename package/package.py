"""Makes what a release consists of from static builds. ./dev package calls it.

    package.py --out FOLDER [--key ID] ARCHITECTURE=BUILD_FOLDER[:SYSROOT]...

FOLDER is made anew. The same sources give the same bytes, on any machine with the same Debian packages; only the
signature differs.
"""

import argparse
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import zipfile

sys.dont_write_bytecode = True

import linked
import notices

SOURCES = pathlib.Path(__file__).resolve().parents[1]
NAME = "terraform-provider-delivery"
REGISTRY_PAGES = ["index.md", "data-sources", "functions", "guides", "resources"]


class Build:
    """A build folder of CMake."""

    def __init__(self, text):
        self.architecture, _, folders = text.partition("=")
        folder, _, sysroot = folders.partition(":")
        self.folder = pathlib.Path(folder).resolve()
        self.sysroot = pathlib.Path(sysroot).resolve() if sysroot else None

    def cached(self, name):
        cache = (self.folder / "CMakeCache.txt").read_text()
        return re.search(r"^%s:\w+=(.*)$" % name, cache, re.MULTILINE)[1]

    def libraries(self):
        systems = [linked.Debian(self.sysroot)] if self.sysroot else []
        return linked.libraries(self.folder / (NAME + ".map"), self.folder,
                                pathlib.Path(self.cached("DELIVERY_CURL_FOLDER")), [*systems, linked.Debian()])


def epoch():
    """The time that everything in a package has: that of the commit."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given is None:
        given = subprocess.check_output(["git", "log", "-1", "--format=%ct"], cwd=SOURCES, text=True)
    return int(given)


def write_zip(path, files):
    """`files`: name => (content, mode)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (content, mode) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, time.gmtime(epoch())[:6])
            entry.create_system = 3  # Unix, so that the mode counts
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)


def package(build, version, out):
    binary = (build.folder / NAME).read_bytes()
    libraries = build.libraries()
    files = {
        "%s_v%s" % (NAME, version): (binary, 0o755),
        "LICENSE": ((SOURCES / "LICENSE").read_bytes(), 0o644),
        "README.md": ((SOURCES / "README.md").read_bytes(), 0o644),
        # The hosts take a file for the program whose name begins like the program's.
        "THIRD_PARTY_NOTICES.txt": (notices.notices(NAME, libraries).encode(), 0o644),
        "sbom.spdx.json": (notices.spdx(NAME, version, build.architecture, binary, libraries, epoch()).encode(), 0o644),
    }
    write_zip(out / ("%s_%s_linux_%s.zip" % (NAME, version, build.architecture)), files)


def write_docs(out):
    """The part of docs/ that registries show."""
    for name in REGISTRY_PAGES:
        source, target = SOURCES / "docs" / name, out / "docs" / name
        target.parent.mkdir(exist_ok=True)
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)


def write_sums(out, stem):
    files = sorted(path for path in out.iterdir() if path.is_file())
    sums = out / (stem + "_SHA256SUMS")
    sums.write_text("".join("%s  %s\n" % (hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in files))
    return sums


def sign(sums, key):
    # The registries take a binary signature only.
    subprocess.run(["gpg", "--batch", "--yes", "--local-user", key, "--output", "%s.sig" % sums, "--detach-sign", sums],
                   check=True)


def main():
    parser = argparse.ArgumentParser(prog="package.py")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--key")
    parser.add_argument("builds", nargs="+", type=Build)
    given = parser.parse_args()

    version = given.builds[0].cached("CMAKE_PROJECT_VERSION")
    stem = "%s_%s" % (NAME, version)
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    for build in given.builds:
        package(build, version, given.out)
    shutil.copy(SOURCES / "registry-manifest.json", given.out / (stem + "_manifest.json"))
    sums = write_sums(given.out, stem)
    if given.key:
        sign(sums, given.key)
    write_docs(given.out)
    print(sums.read_text(), end="")


if __name__ == "__main__":
    main()
