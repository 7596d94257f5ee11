"""Admission webhooks between the provider and the cluster: what they make of our own write is no drift, and what they
refuse is said in their words."""

import time

from admission_webhook import AdmissionWebhook
from environment import image
from release_case import ReleaseCase
from stack import with_field

WORDS = "images of the company's registry only, ask the platform team"
CONTAINER = "spec.template.spec.containers.0."


class AdmissionCase(ReleaseCase):

    def webhook(self, resource="deployments", **options):
        return AdmissionWebhook(self.namespace, resource, **options)

    def plan_stays_empty(self, stack):
        for _ in range(2):
            self.does_not_say(self.plan_is_empty(stack), "Warning: ")


class Injection(AdmissionCase):
    """Of a label and a sidecar, as a service mesh does it."""

    def is_released_twice_without_drift(self, stack):
        self.applies(stack.declare("1.0.0"))
        self.plan_stays_empty(stack)
        self.assertEqual(stack.state()["running_images"]["web"], image("1.0.0"))

        self.plan_shows_changes(stack.declare("1.1.0"), "1 to change")
        self.applies(stack)
        self.plan_stays_empty(stack)
        self.assertEqual(stack.state()["running_images"]["web"], image("1.1.0"))
        self.assertEqual(self.containers_of_pods(stack), {("web", image("1.1.0")), ("mesh", image("1.0.0"))})
        self.assertEqual(self.namespace.running_version(stack.name), ["1.1.0"])
        self.nothing_is_left_over()

    def containers_of_pods(self, stack):
        pods = self.namespace.list("pods", "app=%s,mesh=on" % stack.name)
        return {(container["name"], container["image"]) for pod in pods
                if not pod["metadata"].get("deletionTimestamp") for container in pod["spec"]["containers"]}

    def test_into_deployments(self):
        def patch(subject):
            return _mark(subject, "") + _inject(subject["spec"]["template"], "/spec/template")

        stack = self.new_stack()
        with self.webhook(patch=patch):
            self.is_released_twice_without_drift(stack)
            self.destroys(stack)

    def test_into_pods(self):
        stack = self.new_stack()
        with self.webhook("pods", patch=lambda subject: _inject(subject, "")):
            self.is_released_twice_without_drift(stack)

    def test_release_that_fails_is_rolled_back_without_drift(self):
        def patch(subject):
            return _inject(subject["spec"]["template"], "/spec/template")

        with self.webhook(patch=patch):
            stack = self.given_release("1.0.0")
            self.apply_fails(stack.declare("crash"), "failed and was rolled back", "cannot open database")
            self.plan_stays_empty(stack.declare("1.0.0"))
            self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])


class NamedFieldsAreChanged(AdmissionCase):

    def patch(self, subject):
        """Always pulls, and has its own opinion of the team."""
        return [{"op": "replace", "path": "/spec/template/spec/containers/0/imagePullPolicy", "value": "Always"},
                {"op": "replace", "path": "/metadata/annotations/team", "value": "platform"}]

    def test_what_is_made_of_our_own_write_is_no_drift(self):
        stack = self.new_stack()
        manifest = with_field(stack.manifest, CONTAINER + "imagePullPolicy", "IfNotPresent")
        manifest = with_field(manifest, "metadata.annotations", {"team": "shop"})
        with self.webhook(patch=self.patch):
            self.applies(stack.declare("1.0.0", manifest=manifest))
            self.plan_stays_empty(stack)

            with self.subTest("update of another field"):
                self.does_not_say(self.plan_shows_changes(stack.declare("1.1.0")), "Warning: ")
                self.applies(stack)
                self.runs(stack, "1.1.0")
                self.plan_stays_empty(stack)
            with self.subTest("update of this field"):
                stack.declare("1.1.0", manifest=with_field(manifest, "metadata.annotations.team", "till"))
                self.plan_shows_changes(stack, "till")
                self.applies(stack)
                self.plan_stays_empty(stack)
            with self.subTest("failed update"):
                self.apply_fails(stack.declare("crash"), "failed and was rolled back")
                self.plan_stays_empty(stack.declare("1.1.0"))

        live = self.namespace.deployment(stack.name)
        self.assertEqual(live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always")
        self.assertEqual(live["metadata"]["annotations"]["team"], "platform")
        with self.subTest("the same without the webhook"):
            self.plan_stays_empty(stack)

    def test_change_by_somebody_else_is_drift_as_ever(self):
        stack = self.new_stack()
        manifest = with_field(stack.manifest, "metadata.annotations", {"team": "shop"})
        manifest = with_field(manifest, CONTAINER + "imagePullPolicy", "IfNotPresent")
        with self.webhook(patch=self.patch):
            self.applies(stack.declare("1.0.0", manifest=manifest))
        self.namespace.kubectl("annotate", "deployment", stack.name, "team=till", "--overwrite")

        self.plan_shows_changes(stack, "Warning: ", "team", "till", "kubectl-annotate")


class Refusal(AdmissionCase):

    def test_first_release(self):
        stack = self.new_stack().declare("1.0.0")
        with self.webhook(refusal=WORDS):
            self.plan_shows_changes(stack, "Warning: ", "Apply would fail", WORDS)
            self.apply_fails(stack, "Error: ", WORDS, "Nothing was changed")

        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()

    def test_update(self):
        stack = self.given_release("1.0.0")
        before, generation = stack.state(), self.generation(stack)
        with self.webhook(refusal=WORDS):
            plan = self.plan_shows_changes(stack.declare("1.1.0"), "Warning: ", "Apply would fail", WORDS)
            self.assertEqual(plan.output.count("Warning: "), 1, plan)
            self.apply_fails(stack, "Error: ", WORDS, "Nothing was changed")

        self.assertEqual(self.generation(stack), generation)
        self.assertEqual(stack.state(), before)
        self.nothing_is_left_over()
        self.applies(stack)
        self.runs(stack, "1.1.0")

    def test_webhook_that_admits_the_rehearsal_only(self):
        stack = self.given_release("1.0.0")
        first = self.new_stack().declare("1.0.0")
        with self.webhook(refusal=WORDS, judges=lambda request: not request["dryRun"]):
            with self.subTest("first release"):
                self.apply_fails(first, "Error: ", WORDS)
                self.does_not_exist(first)
                self.assertFalse(first.has_state())
            with self.subTest("update"):
                self.apply_fails(stack.declare("1.1.0"), "Error: ", WORDS)
                self.runs(stack, "1.0.0")
            self.nothing_is_left_over()
        self.plan_is_empty(stack.declare("1.0.0"))
        self.applies(stack.declare("1.1.0"))

    def test_deletion(self):
        stack = self.given_release("1.0.0")
        with self.webhook(refusal=WORDS, operations=["DELETE"]):
            outcome = stack.destroy()
            self.assertEqual(outcome.code, 1, outcome)
            self.says(outcome, "Error: ", WORDS)

        self.assertTrue(stack.has_state())
        self.runs(stack, "1.0.0")
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.does_not_exist(stack)

    def test_failed_first_release_that_may_not_be_removed(self):
        stack = self.new_stack().declare("crash")
        with self.webhook(refusal=WORDS, operations=["DELETE"]):
            self.apply_fails(stack, "cannot open database", WORDS)

        self.assertTrue(stack.has_state(), "what could not be removed is not forgotten")
        self.assertEqual(stack.phase(), "Failed")
        self.destroys(stack)
        self.does_not_exist(stack)
        self.nothing_is_left_over()


class PodsAreRefused(AdmissionCase):

    def test_update_is_rolled_back(self):
        stack = self.given_release("1.0.0")
        with self.webhook("pods", refusal=WORDS, judges=lambda request: _has_image(request, "1.1.0")):
            outcome = self.apply_fails(stack.declare("1.1.0", progress_deadline="10m"), WORDS, "FailedCreate",
                                       "rolled back")

        self.assertLess(outcome.seconds, 40)
        self.runs(stack, "1.0.0")
        self.assertEqual(stack.phase(), "RolledBack")
        self.nothing_is_left_over()

    def test_first_release_is_removed(self):
        stack = self.new_stack().declare("1.0.0", progress_deadline="10m")
        with self.webhook("pods", refusal=WORDS):
            outcome = self.apply_fails(stack, WORDS, "removed")

        self.assertLess(outcome.seconds, 40)
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()

    def test_stateful_set(self):
        stack = self.new_stack()
        manifest = with_field(with_field(stack.manifest, "kind", "StatefulSet"), "spec.serviceName", "none")
        self.applies(stack.declare("1.0.0", manifest=manifest))
        with self.webhook("pods", refusal=WORDS, judges=lambda request: _has_image(request, "1.1.0")):
            outcome = self.apply_fails(stack.declare("1.1.0", progress_deadline="10m"), WORDS, "rolled back")

        self.assertLess(outcome.seconds, 60)
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])


class OutOfOrder(AdmissionCase):

    def test_pods_cannot_be_made_for_a_moment(self):
        """The controllers try again: that is no refusal."""
        stack = self.given_release("1.0.0")
        with self.webhook("pods") as webhook:
            webhook.status = 503
            command = stack.declare("1.1.0").start_apply()
            self.eventually(lambda: len(webhook.requests) >= 2, "pods could not be made")
            time.sleep(2)
            webhook.status = 200
            outcome = command.finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.runs(stack, "1.1.0")

    def test_pods_cannot_be_made_at_all(self):
        stack = self.given_release("1.0.0")
        with self.webhook("pods") as webhook:
            webhook.status = 503
            outcome = self.apply_fails(stack.declare("1.1.0", progress_deadline="10m"), "FailedCreate",
                                       "judge.delivery.test", "rolled back")
            webhook.status = 200

        self.assertLess(outcome.seconds, 60)
        self.runs(stack, "1.0.0")


class Timeout(AdmissionCase):

    def slow(self, **options):
        return self.webhook(seconds=3, timeoutSeconds=1, **options)

    def test_failure_policy_fail(self):
        stack = self.given_release("1.0.0")
        first = self.new_stack().declare("1.0.0")
        before = stack.state()
        with self.slow(failurePolicy="Fail"):
            plan = self.plan_shows_changes(first, "Warning: ", "judge.delivery.test", "deadline exceeded")
            self.assertLess(plan.seconds, 30)
            for tried in (first, stack.declare("1.1.0")):
                outcome = self.apply_fails(tried, "Error: ", "judge.delivery.test", "deadline exceeded")
                self.assertLess(outcome.seconds, 45)
        self.does_not_exist(first)
        self.assertFalse(first.has_state())
        self.runs(stack, "1.0.0")
        self.assertEqual(stack.state(), before)
        self.nothing_is_left_over()

    def test_failure_policy_ignore(self):
        stack = self.new_stack()
        with self.slow(failurePolicy="Ignore") as webhook:
            self.applies(stack.declare("1.0.0"))
            self.applies(stack.declare("1.1.0"))
            self.plan_is_empty(stack)
            self.assertTrue(webhook.requests)
        self.runs(stack, "1.1.0")


class SideEffects(AdmissionCase):
    """Kubernetes admits no webhooks any more whose effects a rehearsal could set off: None and NoneOnDryRun are left."""

    def test_plan_is_a_rehearsal_to_webhooks(self):
        stack = self.given_release("1.0.0")
        first = self.new_stack().declare("1.0.0")
        with self.webhook(sideEffects="NoneOnDryRun") as webhook:
            self.plan_shows_changes(stack.declare("1.1.0"))
            self.plan_shows_changes(first)
            ours = [request for request in webhook.requests if _is_ours(request)]
            self.assertEqual({request["name"] for request in ours}, {stack.name, first.name})
            self.assertEqual({request["dryRun"] for request in ours}, {True})

            self.applies(stack)
            written = [request for request in webhook.requests if _is_ours(request) and not request["dryRun"]]
            self.assertEqual([request["name"] for request in written], [stack.name], "written once")


def _is_ours(request):
    return request["options"].get("fieldManager") == "terraform-provider-delivery"


def _has_image(request, tag):
    return image(tag) in [container["image"] for container in request["object"]["spec"]["containers"]]


def _mark(subject, path):
    """The operations that give an object a label."""
    labels = subject["metadata"].get("labels", {})
    return [{"op": "add", "path": path + "/metadata/labels", "value": {**labels, "mesh": "on"}}]


def _inject(pod, path):
    """The operations that give a pod, or the template of one, a label and a sidecar."""
    operations = _mark(pod, path)
    if "mesh" not in [container["name"] for container in pod["spec"]["containers"]]:
        # Of the pod's port there is but one.
        sidecar = {"name": "mesh", "image": image("1.0.0"), "env": [{"name": "LISTEN", "value": ":8081"}]}
        operations.append({"op": "add", "path": path + "/spec/containers/-", "value": sidecar})
    return operations
