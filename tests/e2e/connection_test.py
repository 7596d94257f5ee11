"""The way to the cluster: every way in which it can be missing, wrong or dead is said clearly, and soon."""

import base64
import json
import pathlib
import socket
import subprocess
import tempfile
import urllib.parse

from environment import MIRROR, token
from forwarder import Forwarder
from kubernetes_cluster import kubectl
from release_case import ReleaseCase
from stack import deployment

NEVER_LONGER_THAN = 45  # seconds, for a plan and for an apply


class ConnectionCase(ReleaseCase):

    def stack_with(self, kubeconfig, context=None):
        stack = self.new_stack()
        stack.kubeconfig = kubeconfig
        stack.context = context
        return stack.declare("1.0.0")

    def cannot_apply(self, stack, *texts):
        """The plan of a create warns; apply is an error; both soon."""
        with self.subTest("plan"):
            plan = self.plan_shows_changes(stack, "Warning: ", *texts)
            self.assertLess(plan.seconds, NEVER_LONGER_THAN)
        outcome = self.apply_fails(stack, "Error: ", *texts)
        self.assertLess(outcome.seconds, NEVER_LONGER_THAN)
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        return outcome


class Kubeconfig(ConnectionCase):

    def user(self, user):
        """A kubeconfig in which the current user is this one."""

        def edit(config):
            config["users"] = [{"name": "admin", "user": user}]

        return self.edited_kubeconfig(edit)

    def is_refused(self, stack, *texts):
        """Neither plan nor apply works, and both say why."""
        self.plan_fails(stack, *texts)
        self.apply_fails(stack, *texts)
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())

    def test_file_that_does_not_exist(self):
        self.is_refused(self.stack_with("not/there"), "not/there", "config_path")

    def test_malformed_file(self):
        for text in ("{", "[1, 2]", "contexts: 7", ""):
            with self.subTest(text):
                outcome = self.stack_with(self.kubeconfig_with_text(text)).plan()
                self.assertEqual(outcome.code, 1, outcome)
                self.says(outcome, "Invalid Kubernetes configuration", "kubeconfig")

    def test_unknown_context(self):
        self.is_refused(self.stack_with(self.new_stack().kubeconfig, context="staging"),
                        "context \"staging\"", "config_context", "admin")

    def test_nothing_is_configured_and_nothing_is_guessed(self):
        stack = self.new_stack().declare("1.0.0")
        main = stack.folder / "main.tf"
        main.write_text(main.read_text().replace("config_path", "# config_path"))

        outcome = stack.apply()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "no Kubernetes cluster is configured", "config_path", "KUBE_CONFIG_PATH")

    def test_wrong_or_expired_token(self):
        stack = self.stack_with(self.user({"token": "expired-3f2a"}))

        outcome = self.cannot_apply(stack, "Unauthorized", "wrong or expired")

        self.does_not_say(outcome, "expired-3f2a")

    def test_wrong_certificate_authority(self):
        def edit(config):
            config["clusters"][0]["cluster"]["certificate-authority-data"] = _unknown_authority()

        self.cannot_apply(self.stack_with(self.edited_kubeconfig(edit)), "certificate")

    def test_exec_plugin_that_is_missing(self):
        stack = self.stack_with(self.user({"exec": _exec("no-such-credential-plugin")}))
        self.cannot_apply(stack, "no-such-credential-plugin", "PATH")

    def test_exec_plugin_that_fails(self):
        stack = self.stack_with(self.user({"exec": _exec("sh", "-c", "echo session has ended >&2; exit 3")}))
        self.cannot_apply(stack, "session has ended")

    def test_exec_plugin_that_says_nonsense(self):
        stack = self.stack_with(self.user({"exec": _exec("sh", "-c", "echo hello")}))
        self.cannot_apply(stack, "credential plugin")

    def test_exec_plugin_that_hangs_can_be_interrupted(self):
        stack = self.stack_with(self.user({"exec": _exec("sh", "-c", "sleep 987")}))
        # The hosts tell providers of Ctrl-C during `plan`, but not while `apply` makes its plan.
        command = stack.start("plan", "-no-color", "-input=false")
        self.eventually(lambda: stack.processes("sleep", "987"), "the plugin runs")

        command.interrupt()
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.assertLess(outcome.seconds, 20)
        self.eventually(lambda: not stack.processes("sleep", "987"), "the plugin has ended")
        self.assertFalse(stack.has_state())

    def test_exec_plugin_that_works(self):
        credential = ('{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
                      '"status": {"token": "%s"}}' % token("admin"))
        stack = self.stack_with(self.user({"exec": _exec("echo", credential)}))

        self.applies(stack)

        self.runs(stack, "1.0.0")

    def test_client_certificate(self):
        stack = self.stack_with(self.new_stack().kubeconfig, context="certificate")

        self.applies(stack)

        self.runs(stack, "1.0.0")
        self.plan_is_empty(stack)


class DeadApiServer(ConnectionCase):

    def closed_port(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            return unused.getsockname()[1]

    def test_first_release_can_be_planned_with_a_warning_and_apply_says_what_is_wrong(self):
        address = "127.0.0.1:%d" % self.closed_port()
        self.cannot_apply(self.stack_with(self.edited_kubeconfig(_with_server("https://" + address))), address)

    def test_refresh_is_an_error_and_loses_nothing(self):
        stack = self.given_release("1.0.0")
        before = stack.state()
        port = self.closed_port()
        good = stack.kubeconfig
        stack.kubeconfig = self.edited_kubeconfig(_with_server("https://127.0.0.1:%d" % port))

        plan = self.plan_fails(stack.declare("1.0.0"), "127.0.0.1:%d" % port, stack.name)

        self.assertLess(plan.seconds, NEVER_LONGER_THAN)
        stack.kubeconfig = good
        self.plan_is_empty(stack.declare("1.0.0"))
        self.assertEqual(stack.state(), before)

    def test_server_that_accepts_and_never_answers(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(16)
            address = "127.0.0.1:%d" % silent.getsockname()[1]
            stack = self.stack_with(self.edited_kubeconfig(_with_server("https://" + address)))

            plan = stack.plan()

            self.assertEqual(plan.code, 2, plan)
            self.says(plan, "Warning: ", address)
            self.assertLess(plan.seconds, 2 * NEVER_LONGER_THAN)


class ServerThatGoesAwayDuringARelease(ReleaseCase):

    def test_release_goes_on_when_it_is_back(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=deployment(stack.name, self.namespace.name, replicas=1)))
        generation = self.generation(stack)
        with Forwarder(_api_server()) as forwarder:
            stack.kubeconfig = self.edited_kubeconfig(_with_server("https://127.0.0.1:%d" % forwarder.port))
            command = stack.declare("slow").start_apply()
            self.becomes_new(stack, than=generation)

            forwarder.cut()
            self.eventually(lambda: self.namespace.running_version(stack.name) == ["slow"], "the new version runs")
            forwarder.mend()
            outcome = command.finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.runs(stack, "slow")
        self.nothing_is_left_over()


def _with_server(url):
    def edit(config):
        config["clusters"][0]["cluster"]["server"] = url

    return edit


def _api_server():
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    url = urllib.parse.urlparse(config["clusters"][0]["cluster"]["server"])
    return url.hostname, url.port


def _unknown_authority():
    """The certificate of an authority that signed nothing here, as a kubeconfig has it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ca-", dir=MIRROR.folder))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=somebody else", "-days", "2", "-keyout", folder / "key", "-out", folder / "crt"],
                   check=True, capture_output=True, timeout=60)
    return base64.b64encode((folder / "crt").read_bytes()).decode()


def _exec(command, *arguments):
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "args": list(arguments),
            "interactiveMode": "Never"}
