"""A rollout that is held, pods that are restarted, and versions that are not tried again."""

import json

from environment import image
from release_case import ReleaseCase
from stack import Block


class Paused(ReleaseCase):

    def test_release_is_held_until_it_may_go_on(self):
        stack = self.given_release("1.0.0")

        self.plan_shows_changes(stack.declare("1.1.0", paused=True), "hold the rollout where it is")
        self.applies(stack)

        self.assertEqual(stack.phase(), "Paused")
        self.assertEqual(stack.state()["running_images"], {"web": image("1.0.0")})
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
        self.plan_is_empty(stack)
        self.nothing_is_left_over()

        self.plan_shows_changes(stack.declare("1.1.0"), "let the paused rollout go on")
        self.applies(stack)
        self.assertEqual(stack.phase(), "Succeeded")
        self.runs(stack, "1.1.0")

    def test_first_release_can_be_held(self):
        stack = self.new_stack().declare("1.0.0", paused=True)
        self.applies(stack)
        self.assertEqual(stack.phase(), "Paused")
        self.assertEqual(self.namespace.running_version(stack.name), [])
        self.assertEqual(stack.state()["running_images"], {})
        self.plan_is_empty(stack)
        self.destroys(stack)

    def test_somebody_lets_it_go_on(self):
        stack = self.given_release("1.0.0", paused=True)
        self.namespace.kubectl("rollout", "resume", "deployment/" + stack.name)

        self.plan_shows_changes(stack, "paused", "false -> true", "spec.paused")


class Restarts(ReleaseCase):

    def pods(self, stack):
        return {pod["metadata"]["name"] for pod in self.namespace.list("pods", "app=" + stack.name)
                if not pod["metadata"].get("deletionTimestamp")}

    def test_changed_trigger_restarts_once(self):
        stack = self.given_release("1.0.0", restart_trigger="monday")
        before = self.pods(stack)

        self.plan_shows_changes(stack.declare("1.0.0", restart_trigger="tuesday"), "restart_trigger changed")
        self.applies(stack)

        after = self.pods(stack)
        self.assertFalse(before & after)
        self.plan_is_empty(stack)
        # Taking the trigger away is no change of it.
        self.applies(stack.declare("1.0.0"))
        self.assertEqual(self.pods(stack), after)
        self.plan_is_empty(stack)

    def test_changed_contents_restart_and_are_never_shown(self):
        self.namespace.kubectl("create", "configmap", "settings", "--from-literal=color=blue")
        self.namespace.kubectl("create", "secret", "generic", "key", "--from-literal=key=s3cret-one")
        watched = Block(config_maps=["settings"], secrets=["key"])
        stack = self.given_release("1.0.0", restart_on=watched)
        self.plan_is_empty(stack)
        before = self.pods(stack)

        self.namespace.kubectl("patch", "secret", "key", "-p", json.dumps({"stringData": {"key": "s3cret-two"}}))
        plan = self.plan_shows_changes(stack, "the content of Secret key changed")
        outcome = self.applies(stack)

        self.assertFalse(before & self.pods(stack))
        self.plan_is_empty(stack)
        state = (stack.folder / "terraform.tfstate").read_text()
        for shown in (plan.output, outcome.output, state):
            self.assertNotIn("s3cret", shown)

    def test_missing_object_is_an_error_before_anything_is_written(self):
        stack = self.new_stack().declare("1.0.0", restart_on=Block(config_maps=["nowhere"]))
        self.apply_fails(stack, "nowhere", "restart_on", "does not exist")
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())


class RetryOnChange(ReleaseCase):

    def test_version_that_was_rolled_back_is_not_tried_again(self):
        stack = self.given_release("1.0.0", retry="on_change")
        self.apply_fails(stack.declare("crash", retry="on_change"), "failed and was rolled back")
        generation = self.generation(stack)

        self.plan_shows_changes(stack, "Apply will refuse this version", "was rolled back at", "CrashLoopBackOff")
        self.apply_fails(stack, "was rolled back at", "retry_token", "Nothing was changed")
        self.assertEqual(self.generation(stack), generation)

        self.apply_fails(stack.declare("crash", retry="on_change", retry_token="once more"),
                         "failed and was rolled back")
        self.applies(stack.declare("1.1.0", retry="on_change"))
        self.runs(stack, "1.1.0")
