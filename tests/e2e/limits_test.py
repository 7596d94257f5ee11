"""Sizes, names, a namespace that ends, and an autoscaler beside a rollout: at the limits of what Kubernetes allows."""

from environment import image
from kubernetes_cluster import kubectl
from release_case import ReleaseCase
from stack import deployment, with_field

ENVIRONMENT = "spec.template.spec.containers.0.env"


class Sizes(ReleaseCase):

    def manifest(self, stack, kibibytes, entries, value="x"):
        size = kibibytes * 1024 // entries
        variables = [{"name": "VARIABLE_%d" % i, "value": (value * size)[:size]} for i in range(entries)]
        return with_field(deployment(stack.name, self.namespace.name, replicas=1), ENVIRONMENT, variables)

    def test_many_small_fields(self):
        """As much as a pod's process takes."""
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=self.manifest(stack, 90, 1500)))
        self.plan_is_empty(stack)
        self.plan_shows_changes(stack.declare("1.1.0", manifest=self.manifest(stack, 90, 1500, value="y")),
                                "more fields")
        self.applies(stack)
        self.runs(stack, "1.1.0")
        self.plan_is_empty(stack)
        self.nothing_is_left_over()

    def test_about_a_megabyte(self):
        """Nothing of it starts a process, so there are no pods."""
        stack = self.new_stack()
        manifest = with_field(self.manifest(stack, 900, 12), "spec.replicas", 0)

        outcome = self.applies(stack.declare("1.0.0", manifest=manifest))
        self.assertLess(outcome.seconds, 60)
        self.plan_is_empty(stack)
        self.applies(stack.declare("1.1.0"))

        self.plan_is_empty(stack)
        self.assertEqual(stack.state()["running_images"], {"web": image("1.1.0")})
        self.nothing_is_left_over()
        self.destroys(stack)

    def test_larger_than_the_cluster_takes(self):
        stack = self.new_stack()
        manifest = with_field(self.manifest(stack, 3200, 12), "spec.replicas", 0)

        outcome = self.apply_fails(stack.declare("1.0.0", manifest=manifest), "Error: ", stack.name, "large")

        self.assertLess(outcome.seconds, 60)
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()

    def test_annotations_beyond_their_limit(self):
        stack = self.new_stack()
        manifest = with_field(stack.manifest, "metadata.annotations", {"notes": "x" * 300 * 1024})

        plan = self.plan_shows_changes(stack.declare("1.0.0", manifest=manifest), "Warning: ", "annotations")
        self.says(plan, "262144")
        self.apply_fails(stack, "Error: ", "annotations", "262144", "Nothing was changed")

        self.does_not_exist(stack)
        self.nothing_is_left_over()


class Names(ReleaseCase):

    def is_released(self, name, label, kind="Deployment", **spec):
        """Labels have 63 characters at most, whatever the name."""
        stack = self.new_stack(name)
        manifest = with_field(deployment(label, self.namespace.name, replicas=1), "metadata.name", name)
        manifest["kind"] = kind
        manifest["spec"].update(spec)
        self.applies(stack.declare("1.0.0", manifest=manifest))
        self.applies(stack.declare("1.1.0"))
        self.assertEqual(self.namespace.running_version(label), ["1.1.0"])
        self.plan_is_empty(stack)
        self.apply_fails(stack.declare("crash"), "failed and was rolled back", "cannot open database")
        self.assertEqual(self.namespace.running_version(label), ["1.1.0"])
        self.nothing_is_left_over()
        self.destroys(stack)
        self.nothing_is_left_over()

    def test_sixty_three_characters(self):
        self.is_released("w" * 63, "w" * 63)

    def test_two_hundred_and_fifty_three_characters(self):
        self.is_released(".".join(["w" * 62] * 4) + "w", "long")

    def test_stateful_set(self):
        # Its pods have its name with their number as their host name.
        self.is_released("s" * 52, "stateful", kind="StatefulSet", serviceName="none")

    def test_one_character_too_many(self):
        stack = self.new_stack("w" * 254)
        manifest = with_field(deployment("long", self.namespace.name), "metadata.name", stack.name)

        outcome = stack.declare("1.0.0", manifest=manifest).apply()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "Error: ", "at most 253 characters")
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()


class NamespaceThatEnds(ReleaseCase):

    def setUp(self):
        """A ConfigMap with a finalizer holds the namespace that is being deleted; the Deployment goes first."""
        self.namespace.apply({"apiVersion": "v1", "kind": "ConfigMap",
                              "metadata": {"name": "holds", "finalizers": ["delivery.test/hold"]}})
        self.addClassCleanup(self.namespace.kubectl, "patch", "configmap", "holds", "--type=json", "-p",
                             '[{"op": "remove", "path": "/metadata/finalizers"}]')

    def test_first_release_next_release_and_destroy(self):
        stack = self.given_release("1.0.0")
        first = self.new_stack().declare("1.0.0")
        state = stack.state()
        self.namespace.kubectl("patch", "deployment", stack.name, "--type=json", "-p",
                               '[{"op": "add", "path": "/metadata/finalizers", "value": ["delivery.test/hold"]}]')
        self.namespace.delete()
        self.eventually(lambda: (self.namespace.deployment(stack.name) or {"metadata": {}})["metadata"]
                        .get("deletionTimestamp"), "the Deployment is being deleted")

        with self.subTest("first release"):
            plan = self.plan_shows_changes(first, "Warning: ", self.namespace.name, "being terminated")
            self.assertLess(plan.seconds, 30)
            outcome = self.apply_fails(first, "Error: ", self.namespace.name, "being terminated")
            self.assertLess(outcome.seconds, 30)
            self.assertFalse(first.has_state())
            self.does_not_exist(first)
        with self.subTest("next release"):
            outcome = stack.declare("1.1.0").apply()
            self.assertEqual(outcome.code, 1, outcome)
            self.says(outcome, "Error: ")
            self.assertLess(outcome.seconds, 60)
            self.assertEqual(stack.state()["images"], state["images"])
        with self.subTest("destroy waits until it is gone"):
            command = stack.start("destroy", "-auto-approve", "-no-color", "-input=false")
            self.namespace.kubectl("patch", "deployment", stack.name, "--type=json", "-p",
                                   '[{"op": "remove", "path": "/metadata/finalizers"}]')
            outcome = command.finish()
            self.assertEqual(outcome.code, 0, outcome)
            self.assertFalse(stack.has_state())


class Autoscaler(ReleaseCase):

    def given_release_without_replicas(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=deployment(stack.name, self.namespace.name, replicas=None)))
        return stack

    def replicas(self, stack):
        return self.namespace.deployment(stack.name)["spec"]["replicas"]

    def is_no_drift(self, stack, replicas):
        self.does_not_say(self.plan_is_empty(stack), "Warning: ")
        self.applies(stack.declare("1.1.0"))
        self.assertEqual(self.replicas(stack), replicas)
        self.runs(stack, "1.1.0")
        self.plan_is_empty(stack)

    def test_horizontal_pod_autoscaler(self):
        stack = self.given_release_without_replicas()
        self.namespace.kubectl("autoscale", "deployment", stack.name, "--min=3", "--max=4", "--cpu=80%")
        self.eventually(lambda: self.replicas(stack) == 3, "the autoscaler has scaled")
        self.is_no_drift(stack, 3)

    def test_failed_release_keeps_the_autoscalers_size(self):
        stack = self.given_release_without_replicas()
        self.scale(stack, 2)
        self.apply_fails(stack.declare("crash"), "failed and was rolled back")
        self.assertEqual(self.replicas(stack), 2)
        self.plan_is_empty(stack.declare("1.0.0"))

    def test_by_hand(self):
        stack = self.given_release_without_replicas()
        self.scale(stack, 2)
        self.is_no_drift(stack, 2)
