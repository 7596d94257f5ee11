"""What the tests need from outside: the cluster that `./dev cluster up` started, and the provider that was built.

Nothing is guessed and nothing is skipped: what is missing ends the run with a message that says how to get it.
"""

import atexit
import os
import pathlib
import platform
import re
import shutil
import signal
import sys
import tempfile

VARIABLES = {
    "DELIVERY_KUBECONFIG": "kubeconfig of the test cluster",
    "DELIVERY_REGISTRY": "host:port of the test registry",
    "DELIVERY_PROMETHEUS": "URL of the Prometheus that has the metrics of all pods",
    "DELIVERY_GATEWAY": "URL of the Gateway that routes to pods",
    "DELIVERY_KUBECTL": "path of kubectl",
    "DELIVERY_TOFU": "path of OpenTofu",
    "DELIVERY_E2E_PROVIDER": "path of the terraform-provider-delivery that is tested (ctest sets it)",
}

VERSION = "0.1.0"  # of the provider in the mirror; any will do


class Missing(Exception):
    pass


def _check():
    absent = ["%s (%s)" % (name, what) for name, what in VARIABLES.items() if not os.environ.get(name)]
    if absent:
        raise Missing("not set: %s.\nStart the cluster with `./dev cluster up`, then `source` the env file that it "
                      "names, and run `ctest --preset dev -L e2e`." % ", ".join(absent))
    for name in ("DELIVERY_KUBECONFIG", "DELIVERY_KUBECTL", "DELIVERY_TOFU", "DELIVERY_E2E_PROVIDER"):
        if not os.path.exists(os.environ[name]):
            raise Missing("%s names %s, which does not exist. Is the cluster up, and the provider built?"
                          % (name, os.environ[name]))


try:
    _check()
except Missing as missing:
    sys.exit("FAILED: the end-to-end tests cannot run: %s" % missing)

KUBECONFIG = os.environ["DELIVERY_KUBECONFIG"]
REGISTRY = os.environ["DELIVERY_REGISTRY"]
PROMETHEUS = os.environ["DELIVERY_PROMETHEUS"]
GATEWAY = os.environ["DELIVERY_GATEWAY"]
KUBECTL = os.environ["DELIVERY_KUBECTL"]


def hosts():
    """The command line tools to test with: those of DELIVERY_E2E_HOST (separated as in PATH), else OpenTofu, and
    Terraform where it is installed. All tests run with the first."""
    given = os.environ.get("DELIVERY_E2E_HOST")
    if given:
        paths = given.split(os.pathsep)
        for path in paths:
            if not os.access(path, os.X_OK):
                sys.exit("FAILED: DELIVERY_E2E_HOST names %r, which is not a program." % path)
        return paths
    return [path for path in (os.environ["DELIVERY_TOFU"], shutil.which("terraform")) if path]


HOST = hosts()[0]


def image(tag):
    return "%s/delivery/app:%s" % (REGISTRY, tag)


def token(user):
    """The bearer token of a user of the test cluster."""
    return (pathlib.Path(KUBECONFIG).parent / "pki" / ("%s.token" % user)).read_text().strip()


def _architecture():
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


class ProviderMirror:
    """A folder laid out as a provider mirror, as a user without a registry has it, and the CLI configuration that
    names it. The binary is copied: a build that runs meanwhile does not change what is tested."""

    def __init__(self):
        # Short, because the providers' sockets have their names in it.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="e2e-"))
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        for registry in ("registry.opentofu.org", "registry.terraform.io"):
            package = self.folder / "mirror" / registry / "delivery-tf" / "delivery" / VERSION / (
                "linux_" + _architecture())
            package.mkdir(parents=True)
            shutil.copy(os.environ["DELIVERY_E2E_PROVIDER"],
                        package / ("terraform-provider-delivery_v" + VERSION))
        self.configuration = self.folder / "cli.tfrc"
        self.configuration.write_text(
            'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' % (self.folder / "mirror"))


MIRROR = ProviderMirror()

# Removed from what the tools inherit: the caller's settings would change what is tested.
_FOREIGN = re.compile(r"^(TF|TOFU|KUBE|HELM)_|^KUBECONFIG$|^KUBERNETES_SERVICE_|_proxy$|_PROXY$")


def tool_environment():
    environment = {name: value for name, value in os.environ.items() if not _FOREIGN.search(name)}
    environment.update({
        "TF_CLI_CONFIG_FILE": str(MIRROR.configuration),
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    })
    return environment


def take_default_interrupt():
    """For children: shells start background jobs with SIGINT ignored, and the tools would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
