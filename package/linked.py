"""Which libraries of others are in the program: asked of the linker's map, and of Debian's package database."""

import dataclasses
import os
import pathlib
import re
import subprocess

# By source package, as the packages' copyright files have them. What is linked and not listed here stops the packaging:
# somebody has to read its licence.
LICENCES = {
    "abseil": "Apache-2.0",
    "c-ares": "MIT",
    "curl": "curl",
    "gcc-12": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "gcc-12-cross": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "glibc": "LGPL-2.1-or-later",
    "grpc": "Apache-2.0 AND BSD-3-Clause",
    "nghttp2": "MIT",
    "nlohmann-json3": "MIT",
    "openssl": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "re2": "BSD-3-Clause",
    "yaml-cpp": "MIT",
    "zlib": "Zlib",
}
# Libraries of which there is no archive, only headers.
HEADERS = ["nlohmann-json3-dev"]


@dataclasses.dataclass(frozen=True, order=True)
class Library:
    source: str  # Debian's name of the source package
    version: str
    copyright: pathlib.Path

    @property
    def licence(self):
        return LICENCES[self.source]


def archives(linker_map):
    """The archives of which the program has a part."""
    members = linker_map.read_text(errors="replace").split("\n\n", 2)[1]
    return sorted({os.path.normpath(archive) for archive in re.findall(r"^(/\S+\.a)\(", members, re.MULTILINE)})


class Debian:
    """The packages of this machine, or of a folder into which those of another architecture were unpacked."""

    def __init__(self, root=pathlib.Path("/")):
        self._root = root

    def _query(self, *arguments):
        done = subprocess.run(["dpkg-query", "--admindir=%s" % (self._root / "var/lib/dpkg"), *arguments],
                              text=True, capture_output=True)
        return done.stdout if done.returncode == 0 else None

    def owns(self, path):
        return self._root == pathlib.Path("/") or path.is_relative_to(self._root)

    def library_of(self, path):
        """The library that a file belongs to."""
        inside = pathlib.Path("/", path.relative_to(self._root))
        # /lib is a link to /usr/lib: the database has one of the names.
        for name in (inside, pathlib.Path("/", *inside.parts[2:])):
            answer = self._query("--search", str(name))
            if answer:
                return self.library(answer.split(": ")[0].split(",")[0])
        raise SystemExit("error: no Debian package has %s, which is linked" % path)

    def library(self, package):
        answer = self._query("--show", "--showformat=${source:Package} ${source:Version} ${Package}", package)
        if answer is None:
            raise SystemExit("error: %s is not installed" % package)
        source, version, name = answer.split()
        return Library(source, version, self._root / "usr/share/doc" / name / "copyright")


def libraries(linker_map, own_folder, curl_folder, systems):
    """All of them, once each. `systems` are asked in their order; archives in `own_folder` are ours."""
    found = {systems[0].library(package) for package in HEADERS}
    for archive in map(pathlib.Path, archives(linker_map)):
        if archive.is_relative_to(own_folder):
            continue
        if archive.is_relative_to(curl_folder):
            version = (curl_folder / "version").read_text().strip()
            found.add(Library("curl", version, curl_folder / "copyright"))
            continue
        found.add(next(system for system in systems if system.owns(archive)).library_of(archive))
    once = {}
    for library in sorted(found):
        once.setdefault((library.source, library.version), library)
    unknown = [library.source for library in once.values() if library.source not in LICENCES]
    if unknown:
        raise SystemExit("error: linked, but without a licence in package/linked.py: %s" % ", ".join(unknown))
    return list(once.values())
