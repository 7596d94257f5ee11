"""The provider dies or is stopped in the middle of a canary: users do not notice, and the next apply ends it."""

import json

from canary_case import CanaryCase, step, weight_in
from environment import image

A_FEW_SECONDS = 5  # the provider has two, and the host writes its state


class InterruptedCase(CanaryCase):

    def given_shop_before(self):
        stack = self.given_shop("1.0.0", analysis=None)
        self.before = self.route(stack)
        return stack

    def declared(self, stack, tag, **arguments):
        return stack.declare(tag, **{"analysis": None, "step": [step(20, hold="1s"), step(50, hold="1s")], **arguments})

    def lease(self, stack):
        return "delivery-deployment-" + stack.name

    def a_lease_time_passes(self, stack):
        """What the clock would do in 15 s. Where the provider died before or after it had a Lease there is none."""
        self.namespace.kubectl("patch", "lease", self.lease(stack), "--type=merge", "-p", json.dumps(
            {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}), check=False)

    def the_lease_is_gone(self, stack):
        """Apply would watch the Lease of a dead one for 15 s, which is not what these tests are about."""
        self.namespace.kubectl("delete", "lease", self.lease(stack), "--ignore-not-found")

    def ends_well(self, stack, tag):
        self.assertEqual(stack.phase(), "Succeeded")
        self.runs(stack, tag)
        self.route_is_as_before(stack, self.before)
        self.nothing_is_left_of_the_canary(stack)
        self.plan_is_empty(stack)

    def is_back(self, stack):
        self.assertEqual(stack.phase(), "RolledBack")
        self.runs(stack, "1.0.0")
        self.route_is_as_before(stack, self.before)
        self.nothing_is_left_of_the_canary(stack)


class KilledDuringAHold(InterruptedCase):

    def test_plan_tells_of_it(self):
        stack = self.given_shop_before()
        command = self.declared(stack, "1.1.0", step=[step(20, hold="20s")]).start_apply()
        self.weight_becomes(stack, 20, command)
        stack.kill_provider()
        self.assertEqual(command.finish().code, 1)
        with self.subTest("it might still run"):
            self.says(stack.plan(), "Warning: ", "is being released")
        self.a_lease_time_passes(stack)
        self.plan_shows_changes(stack, "Interrupted", "1 to change")
        self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 20)
        self.the_lease_is_gone(stack)
        self.applies(self.declared(stack, "1.1.0", step=[step(20, hold="1s")]))
        self.ends_well(stack, "1.1.0")


class CtrlC(InterruptedCase):

    def given_interrupted(self, **arguments):
        stack = self.given_shop_before()
        command = self.declared(stack, "1.1.0", step=[step(20, hold="20s")], **arguments).start_apply()
        self.weight_becomes(stack, 20, command)
        command.interrupt()
        outcome = command.finish(seconds=A_FEW_SECONDS)
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "interrupted", "apply")
        self.assertEqual(stack.phase(), "Interrupted")
        self.assertEqual(stack.state()["running_images"], {"web": image("1.0.0")})
        self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 20)
        return stack

    def test_is_answered_at_once_and_resumed(self):
        stack = self.given_interrupted()
        self.plan_shows_changes(stack, "resume", "1 to change")
        self.applies(self.declared(stack, "1.1.0", step=[step(20, hold="1s")]))
        self.ends_well(stack, "1.1.0")

    def test_is_rolled_back_where_the_user_wants_that(self):
        stack = self.given_interrupted(on_interrupt="rollback")
        self.plan_shows_changes(stack, "roll back")
        self.apply_fails(stack, "rolled back", "interrupted")
        self.is_back(stack)

    def test_gives_way_to_the_version_before(self):
        stack = self.given_interrupted()
        self.applies(self.declared(stack, "1.0.0"))
        self.runs(stack, "1.0.0")
        self.route_is_as_before(stack, self.before)
        self.nothing_is_left_of_the_canary(stack)
