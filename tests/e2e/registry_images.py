"""Images for tests: written straight through the registry's HTTP API, thousands in seconds; and one made with the tools
that people make them with."""

import concurrent.futures
import hashlib
import http.client
import json
import pathlib
import subprocess
import tempfile
import threading

from environment import MIRROR
from registry_server import PASSWORD, USER

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
MEDIA_TYPES = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)

LONG_AGO = "2026-01-01T00:00:00Z"


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _platform(text):
    """linux/arm/v7 as manifests have it."""
    return dict(zip(("os", "architecture", "variant"), text.split("/")))


class Repository:
    """A repository of a RegistryServer (or of a server with the same `connect` and `authorization`)."""

    def __init__(self, server, name):
        self._server = server
        self.name = name
        self._threads = threading.local()

    # ---- Images; all return the digest

    def push(self, tag, *, created=LONG_AGO, platform="linux/amd64", docker=False, note=""):
        """An image of one layer. Each tag's is another one, and so is each note's."""
        data, media_type = self._image(tag, created, platform, docker, note)
        return self.put_manifest(tag, data, media_type)

    def push_index(self, tag, platforms, *, created=LONG_AGO, docker=False, note=""):
        """An index with an image for each platform, and with an attestation as buildx adds it."""
        entries = []
        for platform in platforms:
            data, media_type = self._image(tag, created, platform, docker, note)
            entries.append({"mediaType": media_type, "digest": self.put_manifest(None, data, media_type),
                            "size": len(data), "platform": _platform(platform)})
        data, media_type = self._image(tag + "-attestation", created, "unknown/unknown", docker, note)
        entries.append({"mediaType": media_type, "digest": self.put_manifest(None, data, media_type),
                        "size": len(data), "platform": _platform("unknown/unknown"),
                        "annotations": {"vnd.docker.reference.type": "attestation-manifest"}})
        media_type = DOCKER_LIST if docker else OCI_INDEX
        index = json.dumps({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}).encode()
        return self.put_manifest(tag, index, media_type)

    def push_many(self, tags, **options):
        """The same image under all these tags."""
        tags = list(tags)
        data, media_type = self._image(tags[0], options.pop("created", LONG_AGO), "linux/amd64", False, "")
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda tag: self.put_manifest(tag, data, media_type), tags))[0]

    def push_copy(self, tag, source, source_tag):
        """An image of another repository of the same server, without what is under the tag besides."""
        data, media_type = source.manifest(source_tag)
        manifest = json.loads(data)
        for blob in [manifest["config"], *manifest["layers"]]:
            self._request("POST", "/blobs/uploads/?mount=%s&from=%s" % (blob["digest"], source.name), expect=201)
        return self.put_manifest(tag, data, media_type)

    def delete(self, digest):
        """And all tags of it."""
        self._request("DELETE", "/manifests/" + digest, expect=202)

    def delete_tag(self, tag):
        self.delete(self.digest(tag))

    def delete_blob(self, digest):
        self._request("DELETE", "/blobs/" + digest, expect=202)

    # ---- Parts

    def put_manifest(self, reference, data, media_type=OCI_MANIFEST):
        digest = digest_of(data)
        self._request("PUT", "/manifests/" + (reference or digest), data, 201, {"Content-Type": media_type})
        return digest

    def put_blob(self, data, media_type):
        """Its descriptor."""
        digest = digest_of(data)
        location = self._request("POST", "/blobs/uploads/", b"", 202).headers["Location"]
        path = location[location.index("/v2/"):] + ("&" if "?" in location else "?") + "digest=" + digest
        self._request("PUT", path, data, 201, {"Content-Type": "application/octet-stream"})
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    # ---- What is there

    def tags(self):
        return sorted(json.loads(self._request("GET", "/tags/list", expect=200).body)["tags"] or [])

    def manifest(self, reference):
        """Its bytes and its media type."""
        answer = self._request("GET", "/manifests/" + reference, None, 200, {"Accept": ", ".join(MEDIA_TYPES)})
        return answer.body, answer.headers["Content-Type"]

    def digest(self, tag):
        return digest_of(self.manifest(tag)[0])

    # ---- How

    def _image(self, tag, created, platform, docker, note):
        config = {**_platform(platform), "created": created, "rootfs": {"type": "layers", "diff_ids": []},
                  "config": {"Labels": {"tag": tag, "note": note, "in": self.name}}}
        if created is None:
            del config["created"]
        layer = self._put_once(b"a layer", DOCKER_LAYER if docker else OCI_LAYER)
        media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
        return json.dumps({
            "schemaVersion": 2, "mediaType": media_type, "layers": [layer],
            "config": self.put_blob(json.dumps(config).encode(), DOCKER_CONFIG if docker else OCI_CONFIG),
        }).encode(), media_type

    def _put_once(self, data, media_type):
        known = self.__dict__.setdefault("_known", {})
        if media_type not in known:
            known[media_type] = self.put_blob(data, media_type)
        return known[media_type]

    def _request(self, method, path, body=None, expect=200, headers=()):
        if not hasattr(self._threads, "connection"):
            self._threads.connection = self._server.connect()
        connection = self._threads.connection
        if not path.startswith("/v2/"):
            path = "/v2/%s%s" % (self.name, path)
        try:
            connection.request(method, path, body, {**self._server.authorization(self.name), **dict(headers)})
            answer = connection.getresponse()
            answer.body = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if answer.status != expect:
            raise AssertionError("%s %s: %d %s" % (method, path, answer.status, answer.body[:500]))
        return answer


def run_tool(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError("%s %s: exit %d\n%s%s" % (
            command[0], command[1], done.returncode, done.stdout, done.stderr))
    return done.stdout


class BuiltImages:
    """An OCI layout in which umoci makes images; skopeo pushes them."""

    def __init__(self):
        self._layout = pathlib.Path(tempfile.mkdtemp(prefix="layout-", dir=MIRROR.folder)) / "images"
        run_tool("umoci", "init", "--layout", self._layout)

    def make(self, tag, architecture="amd64", created=LONG_AGO):
        program = self._layout.parent / "program"
        program.write_text("version %s" % tag)
        image = "%s:%s" % (self._layout, tag)
        run_tool("umoci", "new", "--image", image)
        run_tool("umoci", "insert", "--rootless", "--image", image, "--history.created", created, program, "/program")
        run_tool("umoci", "config", "--image", image, "--os", "linux", "--architecture", architecture,
                 "--created", created, "--history.created", created)

    def make_index(self, tag, images):
        """An index of images of this layout: {platform: tag}."""
        path = self._layout / "index.json"
        index = json.loads(path.read_text())
        named = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry for entry in index["manifests"]}
        entries = [{"mediaType": named[image]["mediaType"], "digest": named[image]["digest"],
                    "size": named[image]["size"], "platform": _platform(platform)}
                   for platform, image in images.items()]
        data = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
        digest = digest_of(data)
        (self._layout / "blobs" / digest.replace(":", "/")).write_bytes(data)
        index["manifests"].append({"mediaType": OCI_INDEX, "digest": digest, "size": len(data),
                                   "annotations": {"org.opencontainers.image.ref.name": tag}})
        path.write_text(json.dumps(index))

    def push(self, tag, server, name, *options):
        """To server/name:tag, as its only user where it has users."""
        run_tool("skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--dest-tls-verify=false",
                 "--dest-creds", "%s:%s" % (USER, PASSWORD), *options,
                 "oci:%s:%s" % (self._layout, tag), "docker://%s/%s:%s" % (server.host, name, tag))
