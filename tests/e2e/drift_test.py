"""What others change in the workload: shown with its author, taken back, reported or ignored, as configured."""

import re

from environment import image
from release_case import ReleaseCase
from stack import with_field

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


class Drift(ReleaseCase):

    def changed_fields(self, stack):
        """Paths of the fields in which the plan's manifest differs from the state's."""
        change = stack.planned_change()
        return sorted(_differences(change["before"]["manifest"], change["after"]["manifest"]))

    def test_scaled_workload_is_shown_with_its_author_and_taken_back(self):
        stack = self.given_release("1.0.0")
        self.scale(stack, 1)

        # Kubernetes keeps no time for what is written through the subresource `scale`.
        self.plan_shows_changes(stack, "Drift: ", "changed outside", "spec.replicas: 2 -> 1, by kubectl")

        self.assertEqual(self.changed_fields(stack), ["spec.replicas"])
        with self.subTest("apply takes it back without force_conflicts"):
            self.applies(stack)
            self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 2)
            self.plan_is_empty(stack)
            self.nothing_is_left_over()

    def test_changed_image_is_shown_in_images_and_taken_back(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("set", "image", "deployment/" + stack.name, "web=" + image("1.1.0"))

        plan = self.plan_shows_changes(stack, "Drift: ")

        self.assertRegex(plan.text, r"containers\[name=web\].image: .* -> .*, by kubectl-set \(" + TIME)
        change = stack.planned_change()
        self.assertEqual(change["before"]["images"], {"web": image("1.1.0")})
        self.assertEqual(change["after"]["images"], {"web": image("1.0.0")})
        self.assertEqual(change["before"]["manifest"], change["after"]["manifest"])
        with self.subTest("apply takes it back"):
            self.applies(stack)
            self.runs(stack, "1.0.0")
            self.plan_is_empty(stack)

    def test_removed_field_is_shown_without_an_author_and_taken_back(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=with_field(
            stack.manifest, "metadata.labels", {"team": "shop", "tier": "front"})))
        self.namespace.kubectl("label", "deployment", stack.name, "team-")

        plan = self.plan_shows_changes(stack, "Drift: ", "metadata.labels.team: \"shop\" -> removed, author unknown")

        self.does_not_say(plan, "spec.replicas:", "tier: ")
        self.applies(stack)
        self.assertEqual(self.namespace.deployment(stack.name)["metadata"]["labels"]["team"], "shop")
        self.plan_is_empty(stack)

    def test_drift_and_a_new_release_in_one_apply(self):
        stack = self.given_release("1.0.0")
        self.scale(stack, 3)

        self.applies(stack.declare("1.1.0"))

        self.runs(stack, "1.1.0")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 2)
        self.plan_is_empty(stack)

    def test_configuration_that_follows_the_drift_has_nothing_to_change_in_the_cluster(self):
        stack = self.given_release("1.0.0")
        self.scale(stack, 1)

        stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.replicas", 1))
        self.applies(stack)

        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 1)
        self.plan_is_empty(stack)

    def test_report_warns_and_leaves_it(self):
        stack = self.given_release("1.0.0", drift_mode="report")
        self.scale(stack, 1)

        plan = self.plan_is_empty(stack)

        self.says(plan, "Warning: Drift: ", "spec.replicas: 2 -> 1, by kubectl")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 1)

    def test_ignore_says_nothing(self):
        stack = self.given_release("1.0.0", drift_mode="ignore")
        self.scale(stack, 1)

        plan = self.plan_is_empty(stack)

        self.does_not_say(plan, "Warning", "Drift")

    def test_ignored_field_may_differ_and_keeps_its_live_value_in_a_release(self):
        stack = self.given_release("1.0.0", ignore_fields=["spec.replicas"])
        self.scale(stack, 1)

        plan = self.plan_is_empty(stack)
        self.does_not_say(plan, "Drift")
        self.applies(stack.declare("1.1.0", ignore_fields=["spec.replicas"]))

        self.runs(stack, "1.1.0")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 1)
        self.plan_is_empty(stack)

    def test_newly_ignored_drift_is_no_longer_planned(self):
        stack = self.given_release("1.0.0")
        self.scale(stack, 1)
        self.plan_shows_changes(stack, "spec.replicas")

        self.applies(stack.declare("1.0.0", ignore_fields=["spec.replicas"]))

        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 1)
        self.plan_is_empty(stack)

    def test_ignored_field_of_one_container(self):
        path = "spec.template.spec.containers.0.env"
        stack = self.new_stack()
        manifest = with_field(stack.manifest, path, [{"name": "LEVEL", "value": "info"}])
        arguments = {"ignore_fields": ["spec.template.spec.containers[name=web].env"], "manifest": manifest}
        self.applies(stack.declare("1.0.0", **arguments))
        self.namespace.kubectl("set", "env", "deployment/" + stack.name, "LEVEL=debug")

        self.plan_is_empty(stack)

    def test_replicas_that_the_manifest_does_not_name_belong_to_an_autoscaler(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.replicas", None)))
        self.scale(stack, 3)

        plan = self.plan_is_empty(stack)
        self.does_not_say(plan, "Drift")
        self.applies(stack.declare("1.1.0"))

        self.runs(stack, "1.1.0")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 3)
        self.plan_is_empty(stack)

    def test_restart_by_kubectl_is_no_drift(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("rollout", "restart", "deployment/" + stack.name)
        self.namespace.kubectl("rollout", "status", "deployment/" + stack.name, "--timeout=30s")

        plan = self.plan_is_empty(stack)

        self.does_not_say(plan, "Drift")

    def test_equal_quantities_are_no_drift(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=with_field(
            stack.manifest, "spec.template.spec.containers.0.resources",
            {"requests": {"cpu": "0.001", "memory": "1024Ki"}, "limits": {"cpu": "1000m"}})))

        plan = self.plan_is_empty(stack)

        self.does_not_say(plan, "Drift")

    def test_added_sidecar_and_label_are_no_drift(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("label", "deployment", stack.name, "cost-centre=42")
        self.namespace.kubectl("patch", "deployment", stack.name, "-p", _SIDECAR % image("1.0.0"))

        plan = self.plan_is_empty(stack)

        self.does_not_say(plan, "Drift")

    def test_secret_looking_values_are_not_shown(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=with_field(
            stack.manifest, "spec.template.spec.containers.0.env", [{"name": "DB_PASSWORD", "value": "hunter-old"}])))
        self.namespace.kubectl("set", "env", "deployment/" + stack.name, "DB_PASSWORD=hunter-new")

        plan = self.plan_shows_changes(stack, "Drift: ", "DB_PASSWORD")

        warning = re.search(r"Warning: Drift.*", plan.text).group()
        self.assertNotIn("hunter", warning)


_SIDECAR = """{"spec": {"template": {"spec": {"containers": [
  {"name": "proxy", "image": "%s", "env": [{"name": "LISTEN", "value": ":8081"}]}]}}}}"""


def _differences(before, after, path=""):
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            yield from _differences(before.get(key), after.get(key), "%s.%s" % (path, key) if path else key)
    elif before != after:
        yield path
