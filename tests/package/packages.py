"""What `./dev package` made, and what hosts make of it."""

import base64
import hashlib
import os
import pathlib
import re
import zipfile

FOLDER = pathlib.Path(os.environ["DELIVERY_PACKAGE"])
ADDRESS = "delivery-tf/delivery"
REGISTRIES = {"tofu": "registry.opentofu.org", "terraform": "registry.terraform.io"}

[ARCHIVE] = FOLDER.glob("terraform-provider-delivery_*_linux_amd64.zip")
VERSION = re.match(r"terraform-provider-delivery_([\d.]+)_", ARCHIVE.name)[1]


def zip_hash(path):
    """The hash of an archive as lock files have it."""
    return "zh:" + hashlib.sha256(path.read_bytes()).hexdigest()


def content_hash(path):
    """The hash of what is in an archive as lock files have it: Go's dirhash, version 1."""
    with zipfile.ZipFile(path) as archive:
        lines = ["%s  %s\n" % (hashlib.sha256(archive.read(name)).hexdigest(), name) for name in sorted(archive.namelist())]
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()
