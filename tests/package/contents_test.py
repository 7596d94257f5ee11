"""The files of a release: names, sums, signature, what is in the archive and what it says of itself."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
import zipfile

from packages import ARCHIVE, FOLDER, VERSION

STEM = "terraform-provider-delivery_" + VERSION
SOURCES = pathlib.Path(__file__).resolve().parents[2]


class Files(unittest.TestCase):
    def test_names_are_those_that_registries_look_for(self):
        names = {path.name for path in FOLDER.iterdir()}
        self.assertLessEqual({ARCHIVE.name, STEM + "_SHA256SUMS", STEM + "_manifest.json", "docs"}, names)
        self.assertFalse([name for name in names if "debug" in name])

    def test_sums_are_of_all_archives_and_the_manifest(self):
        sums = {}
        for line in (FOLDER / (STEM + "_SHA256SUMS")).read_text().splitlines():
            digest, name = line.split("  ")
            sums[name] = digest
        expected = [*FOLDER.glob("*.zip"), FOLDER / (STEM + "_manifest.json")]
        self.assertEqual(sums, {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in expected})

    def test_manifest_names_the_protocol(self):
        manifest = json.loads((FOLDER / (STEM + "_manifest.json")).read_text())
        self.assertEqual(manifest, {"version": 1, "metadata": {"protocol_versions": ["6.0"]}})

    def test_version_is_that_of_the_project(self):
        self.assertIn("VERSION %s " % VERSION, (SOURCES / "CMakeLists.txt").read_text())


class Docs(unittest.TestCase):
    def test_only_what_registries_show_and_not_too_large(self):
        docs = FOLDER / "docs"
        self.assertEqual({path.name for path in docs.iterdir()},
                         {"index.md", "data-sources", "functions", "guides", "resources"})
        for page in docs.rglob("*.md"):
            text = page.read_text()
            self.assertTrue(text.startswith("---\n") and "page_title:" in text.split("---\n")[1], page)
            self.assertLess(len(text), 500_000, page)


class Archive(unittest.TestCase):
    def setUp(self):
        self.archive = zipfile.ZipFile(ARCHIVE)
        self.addCleanup(self.archive.close)

    def read(self, name):
        return self.archive.read(name).decode()

    def test_contents(self):
        program = "terraform-provider-delivery_v" + VERSION
        self.assertEqual(self.archive.namelist(),
                         ["LICENSE", "README.md", "THIRD_PARTY_NOTICES.txt", "sbom.spdx.json", program])
        for entry in self.archive.infolist():
            mode = entry.external_attr >> 16
            self.assertTrue(stat.S_ISREG(mode), entry)
            self.assertEqual(stat.S_IMODE(mode), 0o755 if entry.filename == program else 0o644, entry)

    def test_bill_of_materials_names_what_is_linked(self):
        bill = json.loads(self.read("sbom.spdx.json"))
        self.assertEqual(bill["spdxVersion"], "SPDX-2.3")
        packages = {package["name"]: package for package in bill["packages"]}
        self.assertLessEqual({"terraform-provider-delivery", "abseil", "c-ares", "curl", "gcc-12", "glibc", "grpc", "nghttp2",
                              "nlohmann-json3", "openssl", "protobuf", "re2", "yaml-cpp", "zlib"}, set(packages))
        for package in packages.values():
            self.assertTrue(package["versionInfo"] and package["licenseDeclared"] != "NOASSERTION", package)
        installed = subprocess.check_output(["dpkg-query", "-W", "-f", "${source:Version}", "libssl-dev"], text=True)
        self.assertEqual(packages["openssl"]["versionInfo"], installed)
        linked = {relation["relatedSpdxElement"] for relation in bill["relationships"]
                  if relation["relationshipType"] == "STATIC_LINK"}
        self.assertEqual(linked, {package["SPDXID"] for name, package in packages.items()
                                  if name != "terraform-provider-delivery"})

    def test_notices_have_the_licences_of_all(self):
        notices = self.read("THIRD_PARTY_NOTICES.txt")
        for package in json.loads(self.read("sbom.spdx.json"))["packages"][1:]:
            self.assertIn("%s %s (" % (package["name"], package["versionInfo"]), notices)
            self.assertRegex(notices, r"(?m)^%s\n=+$" % re.escape(package["name"]))
        self.assertIn("GNU LESSER GENERAL PUBLIC LICENSE", notices)
        self.assertIn("Daniel Stenberg", notices)


class Signature(unittest.TestCase):
    def test_a_key_that_is_given_signs_the_sums(self):
        home = pathlib.Path(tempfile.mkdtemp(prefix="gpg-"))
        self.addCleanup(shutil.rmtree, home)
        environment = {**os.environ, "GNUPGHOME": str(home)}
        gpg = ["gpg", "--batch", "--quiet", "--passphrase", ""]
        subprocess.run([*gpg, "--quick-generate-key", "test@example.com", "rsa2048", "sign"], env=environment, check=True,
                       capture_output=True)
        self.addCleanup(subprocess.run, ["gpgconf", "--kill", "all"], env=environment)
        done = subprocess.run(["python3", SOURCES / "package" / "package.py", "--out", home / "out",
                               "--key", "test@example.com", "amd64=%s" % (SOURCES / "build" / "release-static")],
                              env=environment, text=True, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        sums = home / "out" / (STEM + "_SHA256SUMS")
        subprocess.run([*gpg, "--verify", "%s.sig" % sums, sums], env=environment, check=True, capture_output=True)
        self.assertNotIn(b"-----BEGIN", pathlib.Path("%s.sig" % sums).read_bytes())
