"""The cluster's certificates, tokens and kubeconfig files."""

import base64
import json
import secrets

from .layout import Layout
from .process import run

# User name => groups. `reader` may read what the built-in ClusterRole `view` allows (see parts.grant_roles), `nobody` nothing.
TOKEN_USERS = {
    "admin": ["system:masters"],
    "reader": ["delivery:readers"],
    "nobody": [],
}


def create(layout: Layout) -> None:
    pki = layout.pki
    pki.mkdir(parents=True)
    pki.chmod(0o700)
    _create_authority(layout)
    _sign(layout, "apiserver", "/CN=kube-apiserver",
          "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc\nextendedKeyUsage=serverAuth")
    # A person who signs in by certificate. system:masters, so that this user can do what the admin token can.
    _sign(layout, "client", "/O=system:masters/CN=certificate-user", "extendedKeyUsage=clientAuth")
    run(["openssl", "genrsa", "-out", f"{pki}/service-account.key", "2048"])
    run(["openssl", "rsa", "-in", f"{pki}/service-account.key", "-pubout", "-out", f"{pki}/service-account.pub"])

    tokens = {user: secrets.token_hex(16) for user in TOKEN_USERS}
    rows = [f"{tokens[user]},{user},{user}" + (f',"{",".join(groups)}"' if groups else "") for user, groups in TOKEN_USERS.items()]
    (pki / "tokens.csv").write_text("\n".join(rows) + "\n")
    for user, token in tokens.items():
        (pki / f"{user}.token").write_text(token)
    _write_kubeconfigs(layout, tokens)


def admin_token(layout: Layout) -> str:
    return (layout.pki / "admin.token").read_text()


def _create_authority(layout: Layout) -> None:
    run(["openssl", "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=delivery test cluster", "-days", "3650", "-addext", "keyUsage=critical,keyCertSign,digitalSignature",
         "-keyout", f"{layout.pki}/ca.key", "-out", f"{layout.pki}/ca.crt"])


def _sign(layout: Layout, name: str, subject: str, extensions: str) -> None:
    stem = f"{layout.pki}/{name}"
    run(["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", subject, "-keyout", f"{stem}.key", "-out", f"{stem}.csr"])
    (layout.pki / f"{name}.ext").write_text(extensions + "\n")
    run(["openssl", "x509", "-req", "-in", f"{stem}.csr", "-CA", f"{layout.pki}/ca.crt", "-CAkey", f"{layout.pki}/ca.key",
         "-CAcreateserial", "-days", "3650", "-extfile", f"{stem}.ext", "-out", f"{stem}.crt"])


def _write_kubeconfigs(layout: Layout, tokens: dict[str, str]) -> None:
    """`kubeconfig` has a context for each user; JSON is YAML, and every reader of kubeconfig files takes it."""

    def data(name: str) -> str:
        return base64.b64encode((layout.pki / name).read_bytes()).decode()

    users = {user: {"token": token} for user, token in tokens.items()}
    users["certificate"] = {"client-certificate-data": data("client.crt"), "client-key-data": data("client.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "delivery-test", "cluster": {
            "server": layout.url("apiserver"), "certificate-authority-data": data("ca.crt")}}],
        "users": [{"name": user, "user": credentials} for user, credentials in users.items()],
        "contexts": [{"name": user, "context": {"cluster": "delivery-test", "user": user, "namespace": "default"}}
                     for user in users],
        "current-context": "admin",
    }
    layout.kubeconfig.write_text(json.dumps(config, indent=1) + "\n")
    layout.kubeconfig.chmod(0o600)
    # For a reader who expects them beside the kubeconfig.
    for name in ("ca.crt", "client.crt", "client.key"):
        (layout.run / name).write_bytes((layout.pki / name).read_bytes())
    (layout.run / "client.key").chmod(0o600)
