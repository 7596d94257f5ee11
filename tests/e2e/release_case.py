"""The words that the tests are written in: given a stack, when something is applied, then this is seen."""

import itertools
import json
import pathlib
import tempfile

from environment import HOST, MIRROR, image
from kubernetes_cluster import ClusterCase, eventually, kubectl
from stack import Stack


class ReleaseCase(ClusterCase):
    """Tests with stacks in a namespace of their own. Each stack has a workload of its own."""

    _names = itertools.count(1)

    # ---- Given

    def new_stack(self, name=None, host=HOST):
        stack = Stack(self.namespace.name, name or "web-%d" % next(self._names), host)
        self.addCleanup(stack.remove)
        return stack

    def given_release(self, tag="1.0.0", **arguments):
        """A stack whose workload runs this version."""
        stack = self.new_stack().declare(tag, **arguments)
        self.applies(stack)
        return stack

    def edited_kubeconfig(self, edit):
        """The path of a copy of the test cluster's kubeconfig that `edit` has changed."""
        config = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
        edit(config)
        return self.kubeconfig_with_text(json.dumps(config))

    def kubeconfig_with_text(self, text):
        path = pathlib.Path(tempfile.mkdtemp(prefix="kube-", dir=MIRROR.folder)) / "config"
        path.write_text(text)
        path.chmod(0o600)
        return path

    def kubeconfig_with_namespace(self, namespace):
        """A kubeconfig of the test cluster whose contexts have this namespace."""

        def edit(config):
            for context in config["contexts"]:
                context["context"]["namespace"] = namespace

        return self.edited_kubeconfig(edit)

    # ---- When

    def applies(self, stack, *options, **environment):
        """An apply that succeeds."""
        outcome = stack.apply(*options, **environment)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome

    def apply_fails(self, stack, *texts):
        """An apply that ends with an error that says all of `texts`."""
        outcome = stack.apply()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, *texts)
        return outcome

    def plan_fails(self, stack, *texts):
        outcome = stack.plan()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, *texts)
        return outcome

    def destroys(self, stack):
        outcome = stack.destroy()
        self.assertEqual(outcome.code, 0, outcome)
        return outcome

    # ---- Then

    def says(self, outcome, *texts):
        for text in texts:
            if text not in outcome.text:
                self.fail("It does not say %r.\n%s" % (text, outcome))

    def does_not_say(self, outcome, *texts):
        for text in texts:
            if text in outcome.text:
                self.fail("It says %r.\n%s" % (text, outcome))

    def plan_is_empty(self, stack, *options):
        outcome = stack.plan(*options)
        self.assertEqual(outcome.code, 0, outcome)
        return outcome

    def plan_shows_changes(self, stack, *texts):
        outcome = stack.plan()
        self.assertEqual(outcome.code, 2, outcome)
        self.says(outcome, *texts)
        return outcome

    def nothing_is_left_over(self):
        """No journal and no Lease of any release of this class."""
        self.assertEqual(self.namespace.leftovers(), [])

    def runs(self, stack, tag):
        """State and cluster agree that this version runs, on all replicas."""
        self.assertEqual(stack.state()["running_images"], {"web": image(tag)})
        live = self.namespace.deployment(stack.name)
        self.assertEqual(live["spec"]["template"]["spec"]["containers"][0]["image"], image(tag))
        self.assertEqual(self.namespace.running_version(stack.name), [tag])

    def does_not_exist(self, stack):
        self.assertIsNone(self.namespace.deployment(stack.name))

    def uid(self, stack):
        return self.namespace.deployment(stack.name)["metadata"]["uid"]

    def generation(self, stack):
        live = self.namespace.deployment(stack.name)
        return live["metadata"]["generation"] if live else 0

    def eventually(self, condition, what, **options):
        return eventually(condition, what, **options)

    def becomes_new(self, stack, than):
        """Waits until the workload was written again since it had the generation `than`."""
        eventually(lambda: self.generation(stack) > than, "%s was written" % stack.name)

    def scale(self, stack, replicas):
        self.namespace.kubectl("scale", "deployment", stack.name, "--replicas=%d" % replicas)
