"""Signatures as `cosign sign --key` leaves them in a registry, made with openssl."""

import base64
import json

from registry_images import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST

PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"
SIGNATURE = "dev.cosignproject.cosign/signature"


def payload(digest, reference="registry.example.com/team/web"):
    """What is signed: that this digest was meant."""
    return json.dumps({"critical": {"identity": {"docker-reference": reference},
                                    "image": {"docker-manifest-digest": digest},
                                    "type": "cosign container image signature"}, "optional": None}).encode()


def signature_tag(digest):
    return digest.replace(":", "-") + ".sig"


def sign(repository, digest, *keys, signed=None, stored=None, referrer=False):
    """Signs the image with each of these keys. `signed`: the payload that the signatures are made over, `stored`: the
    one that is stored, where it is not that. Returns the digest of the signature's manifest."""
    signed = signed or payload(digest)
    layers = [_layer(repository, stored or signed, key.sign(signed)) for key in keys]
    return push(repository, digest, layers, referrer)


def push(repository, digest, layers, referrer=False):
    """The manifest of these layers: under the tag that cosign looks for, or as something that refers to the image."""
    config = json.dumps({"architecture": "", "os": "", "created": "0001-01-01T00:00:00Z", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}}).encode()
    manifest = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": layers,
                "config": repository.put_blob(config, OCI_CONFIG)}
    if not referrer:
        return repository.put_manifest(signature_tag(digest), json.dumps(manifest).encode())
    data, media_type = repository.manifest(digest)
    manifest["artifactType"] = ARTIFACT_TYPE
    manifest["subject"] = {"mediaType": media_type, "digest": digest, "size": len(data)}
    data = json.dumps(manifest).encode()
    made = repository.put_manifest(None, data)
    # The registry has no referrers API: this tag stands for it.
    repository.put_manifest(digest.replace(":", "-"), referrers(made, len(data)), OCI_INDEX)
    return made


def referrers(digest, size):
    """The list of what refers to an image, as the API and the tag have it."""
    return json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        {"mediaType": OCI_MANIFEST, "artifactType": ARTIFACT_TYPE, "digest": digest, "size": size}]}).encode()


def _layer(repository, stored, signature):
    return {**repository.put_blob(stored, PAYLOAD_TYPE),
            "annotations": {SIGNATURE: base64.b64encode(signature).decode()}}
