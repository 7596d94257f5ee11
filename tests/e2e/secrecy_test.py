"""Credentials appear nowhere: not in what is printed, not in the log at TRACE, not in the state."""

import json

from environment import token
from kubernetes_cluster import kubectl
from release_case import ReleaseCase
from stack import Block, with_field

PASSWORD = "hunter2-pa55phrase"


def _keys():
    """Private keys of the test cluster's kubeconfig, a piece of each as it is in the file."""
    config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    return [user["user"]["client-key-data"][200:260] for user in config["users"] if "client-key-data" in user["user"]]


class Secrecy(ReleaseCase):

    def shows_none_of(self, secrets, stack, *outcomes):
        texts = {outcome.command: outcome.output for outcome in outcomes}
        texts["state"] = (stack.folder / "terraform.tfstate").read_text()
        for where, text in texts.items():
            for number, secret in enumerate(secrets):
                # Not assertNotIn: its message would show the secret.
                self.assertTrue(secret not in text, "secret %d is in %s" % (number, where))

    def runs_through(self, stack, **arguments):
        """A create, a failed update and a destroyless end, at the highest log level."""
        outcomes = [stack.declare("1.0.0", **arguments).apply(TF_LOG="TRACE")]
        self.assertEqual(outcomes[-1].code, 0)
        outcomes.append(stack.declare("crash", **arguments).apply(TF_LOG="TRACE"))
        self.assertEqual(outcomes[-1].code, 1)
        outcomes.append(stack.declare("1.0.0", **arguments).plan(TF_LOG="TRACE"))
        self.assertIn("provider.terraform-provider-delivery", outcomes[0].output)  # there is a log of ours
        return outcomes

    def test_token(self):
        stack = self.new_stack()
        self.shows_none_of([token("admin"), *_keys()], stack, *self.runs_through(stack))

    def test_client_certificate(self):
        stack = self.new_stack()
        stack.context = "certificate"
        secrets = _keys()
        self.assertTrue(secrets)
        self.shows_none_of(secrets, stack, *self.runs_through(stack))

    def test_exec_plugin(self):
        credential = ('{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", '
                      '"status": {"token": "%s"}}' % token("admin"))

        def edit(config):
            config["users"] = [{"name": "admin", "user": {"exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never",
                "args": ["-c", "echo '%s'" % credential], "env": [{"name": "PASSWORD", "value": PASSWORD}]}}}]

        stack = self.new_stack()
        stack.kubeconfig = self.edited_kubeconfig(edit)
        self.shows_none_of([token("admin"), PASSWORD], stack, *self.runs_through(stack))

    def test_user_and_password_in_the_url_of_a_webhook(self):
        stack = self.given_release("1.0.0")
        gate = Block(name="gate", timeout="2s", webhook=Block(
            url="http://robot:%s@127.0.0.1:9/gate?key=%s" % (PASSWORD, PASSWORD), poll="1s"))
        outcome = stack.declare("1.1.0", check=gate).apply()
        self.assertEqual(outcome.code, 1)
        self.assertIn("check gate", outcome.text)
        # The plan shows the argument that the user wrote; the error is ours.
        self.assertTrue(PASSWORD not in outcome.text.split("Error: ", 1)[1], "the password is in the error")

    def test_environment_of_a_container_that_drifts(self):
        stack = self.new_stack()
        env = [{"name": "DB_PASSWORD", "value": PASSWORD}]
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.template.spec.containers.0.env", env))
        self.applies(stack)
        self.namespace.kubectl("set", "env", "deployment/" + stack.name, "DB_PASSWORD=another-" + PASSWORD)

        plan = self.plan_shows_changes(stack, "Drift")

        self.assertTrue("another-" + PASSWORD not in plan.text.split("Warning: ", 1)[1], "the warning shows it")
