"""Key pairs and certificates made with openssl, for servers of ours and for signatures."""

import functools
import pathlib
import subprocess
import tempfile

from environment import MIRROR

KINDS = {  # of keys, as `openssl genpkey` has them
    "ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ec384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["-algorithm", "Ed25519"],
}


def openssl(*arguments, data=None):
    """What openssl prints."""
    done = subprocess.run(["openssl", *map(str, arguments)], input=data, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError("openssl %s: exit %d\n%s" % (arguments[0], done.returncode, done.stderr.decode()))
    return done.stdout


class KeyPair:
    """Lies in a folder of its own as `key` and `pub`, PEM."""

    def __init__(self, kind="ec"):
        self.kind = kind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="key-", dir=MIRROR.folder))
        self.private = self.folder / "key"
        openssl("genpkey", *KINDS[kind], "-out", self.private)
        self.public_pem = openssl("pkey", "-in", self.private, "-pubout").decode()

    def sign(self, data):
        """The signature over `data` as cosign makes it: ASN.1 over SHA-256 for EC, PKCS #1 v1.5 over SHA-256 for RSA,
        over the data itself for Ed25519."""
        if self.kind == "ed25519":
            message = self.folder / "message"  # openssl wants a file to know its length
            message.write_bytes(data)
            return openssl("pkeyutl", "-sign", "-rawin", "-inkey", self.private, "-in", message)
        return openssl("dgst", "-sha256", "-sign", self.private, data=data)


@functools.cache
def server_certificate(kind="ec"):
    """The folder of a key and a certificate (`key`, `crt`) for 127.0.0.1 that is its own authority."""
    pair = KeyPair(kind)
    openssl("req", "-x509", "-key", pair.private, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
            "-days", "2", "-out", pair.folder / "crt")
    return pair.folder
