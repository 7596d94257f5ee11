"""Credentials appear nowhere: not in what is printed, not in the log at TRACE, not in the state, not in the cluster."""

import base64
import json
import socket

from environment import token
from kubernetes_cluster import kubectl
from release_case import ReleaseCase
from stack import Block

PASSWORD = "hunter2-pa55phrase"
EVERYTHING = {"TF_LOG": "TRACE", "TF_LOG_PROVIDER": "TRACE"}


def kubeconfig():
    return json.loads(kubectl("config", "view", "--raw", "-o", "json"))


def private_keys():
    """Those of the test cluster's kubeconfig: a piece of each as it is in the file, and one of the key itself."""
    for user in kubeconfig()["users"]:
        data = user["user"].get("client-key-data")
        if data:
            yield data[200:260]
            yield base64.b64decode(data).decode().splitlines()[2]


def exec_user(answer, **environment):
    """A user whose credential plugin answers so."""
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "sh", "interactiveMode": "Never",
                     "args": ["-c", "cat <<'EOF'\n%s\nEOF" % answer],
                     "env": [{"name": name, "value": value} for name, value in environment.items()]}}


def credential(bearer):
    return json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                       "status": {"token": bearer}})


class SecrecyCase(ReleaseCase):

    def stack_of(self, user):
        """A stack whose kubeconfig has this user."""

        def edit(config):
            config["users"] = [{"name": "admin", "user": user}]

        stack = self.new_stack()
        stack.kubeconfig = self.edited_kubeconfig(edit)
        return stack

    def traced(self, stack, *codes):
        """What apply says with the log at its highest level: of a first release, one that fails, and a plan."""
        outcomes = [stack.declare("1.0.0").apply(**EVERYTHING), stack.declare("crash").apply(**EVERYTHING),
                    stack.plan(**EVERYTHING)]
        # Not shown where it differs: it might show a secret.
        self.assertEqual(tuple(outcome.code for outcome in outcomes), codes)
        self.assertIn("provider.terraform-provider-delivery", outcomes[0].output, "there is no log of ours")
        return outcomes

    def shows_none_of(self, secrets, stack, outcomes):
        texts = [(outcome.command, outcome.output) for outcome in outcomes]
        texts += [(path.name, path.read_text()) for path in stack.folder.glob("terraform.tfstate*")]
        kinds = "configmaps,leases,events,deployments"
        texts.append(("the cluster", self.namespace.kubectl("get", kinds, "-o", "json")))
        for where, text in texts:
            for number, secret in enumerate(secrets):
                # Not assertNotIn: its message would show the secret.
                for form in (secret, base64.b64encode(secret.encode()).decode()):
                    self.assertTrue(form not in text, "secret %d is in %s" % (number, where))


class CredentialsThatWork(SecrecyCase):

    RELEASED = (0, 1, 2)  # the first release succeeds, the next fails, and the plan shows it again

    def test_token_of_the_kubeconfig(self):
        stack = self.new_stack()
        self.shows_none_of([token("admin"), *private_keys()], stack, self.traced(stack, *self.RELEASED))

    def test_client_certificate(self):
        stack = self.new_stack()
        stack.context = "certificate"
        secrets = list(private_keys())
        self.assertTrue(secrets)
        self.shows_none_of(secrets, stack, self.traced(stack, *self.RELEASED))

    def test_exec_plugin_and_its_environment(self):
        stack = self.stack_of(exec_user(credential(token("admin")), AWS_SECRET_ACCESS_KEY=PASSWORD))
        self.shows_none_of([token("admin"), PASSWORD], stack, self.traced(stack, *self.RELEASED))

    def test_arguments_of_the_provider(self):
        cluster = kubeconfig()["clusters"][0]["cluster"]
        stack = self.new_stack()
        stack.kubernetes = {
            "host": cluster["server"], "token": token("admin"),
            "cluster_ca_certificate": base64.b64decode(cluster["certificate-authority-data"]).decode()}
        self.shows_none_of([token("admin")], stack, self.traced(stack, *self.RELEASED))

    def test_environment_variables(self):
        cluster = kubeconfig()["clusters"][0]["cluster"]
        stack = self.new_stack()
        stack.kubernetes = {}
        outcome = stack.declare("1.0.0").apply(
            KUBE_HOST=cluster["server"], KUBE_TOKEN=token("admin"),
            KUBE_CLUSTER_CA_CERT_DATA=base64.b64decode(cluster["certificate-authority-data"]).decode(), **EVERYTHING)
        self.assertEqual(outcome.code, 0)
        self.shows_none_of([token("admin")], stack, [outcome])


class CredentialsThatDoNotWork(SecrecyCase):

    REFUSED = (1, 1, 2)  # nothing can be released, and the plan of a first release warns

    def test_wrong_token(self):
        stack = self.stack_of({"token": "wrong-" + PASSWORD})
        self.shows_none_of([PASSWORD], stack, self.traced(stack, *self.REFUSED))

    def test_wrong_password(self):
        stack = self.stack_of({"username": "robot", "password": PASSWORD})
        self.shows_none_of([PASSWORD, "robot:" + PASSWORD], stack, self.traced(stack, *self.REFUSED))

    def test_exec_plugin_whose_answer_cannot_be_read(self):
        for answer in (credential(PASSWORD)[:-2], "token: " + PASSWORD, '{"status": {"token": ["%s"]}}' % PASSWORD):
            stack = self.stack_of(exec_user(answer)).declare("1.0.0")
            outcome = stack.apply(**EVERYTHING)
            self.assertEqual(outcome.code, 1)
            self.shows_none_of([PASSWORD], stack, [outcome])

    def test_password_in_the_address_of_a_proxy(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            proxy = "http://robot:%s@127.0.0.1:%d" % (PASSWORD, unused.getsockname()[1])
        stack = self.new_stack()
        stack.kubernetes = {"config_path": str(stack.kubeconfig), "proxy_url": proxy}
        outcome = stack.declare("1.0.0").apply(**EVERYTHING)
        self.assertEqual(outcome.code, 1)
        self.shows_none_of([PASSWORD, "robot:" + PASSWORD], stack, [outcome])

    def test_password_in_the_address_of_a_webhook(self):
        stack = self.given_release("1.0.0")
        gate = Block(name="gate", timeout="2s", webhook=Block(
            url="http://robot:%s@127.0.0.1:9/gate?key=%s" % (PASSWORD, PASSWORD), poll="1s"))

        outcome = stack.declare("1.1.0", check=gate).apply()

        self.assertEqual(outcome.code, 1)
        self.says(outcome, "check gate")
        # The plan shows the argument that the user wrote; the error is ours.
        self.assertTrue(PASSWORD not in outcome.text.split("Error: ", 1)[1], "the password is in the error")


class ContentsOfSecrets(SecrecyCase):

    def test_watched_for_changes(self):
        self.namespace.kubectl("create", "secret", "generic", "database", "--from-literal=password=" + PASSWORD)
        watched = Block(secrets=["database"])
        stack = self.new_stack().declare("1.0.0", restart_on=watched)
        outcomes = [stack.apply(**EVERYTHING)]
        self.namespace.kubectl("patch", "secret", "database", "-p",
                               json.dumps({"stringData": {"password": "new-" + PASSWORD}}))
        outcomes += [stack.plan(**EVERYTHING), stack.apply(**EVERYTHING)]

        self.assertEqual([outcome.code for outcome in outcomes], [0, 2, 0])
        self.shows_none_of([PASSWORD, "new-" + PASSWORD], stack, outcomes)
