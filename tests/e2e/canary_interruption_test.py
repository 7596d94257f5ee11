"""The provider dies or is stopped in the middle of a canary: users do not notice, and the next apply ends it."""

import contextlib
import json

from canary_case import CanaryCase, step, weight_in
from environment import image
from fault_proxy import FaultProxy, Meanwhile

A_FEW_SECONDS = 5  # the provider has two, and the host writes its state
WRITES = ("create", "update", "patch", "delete")
BESIDE_THE_POINT = ("leases", "events", "selfsubjectaccessreviews", "selfsubjectreviews")


class Writes:
    """Counts the real writes of a release through a proxy, and does something in the middle of one of them."""

    def __init__(self, proxy, number=None, fault=None):
        self.seen = 0
        self._number = number
        for verb in WRITES:
            proxy.inject(verb, "*", fault, times=1, when=self._is_it)

    def _is_it(self, request):
        if request.dry_run or request.resource in BESIDE_THE_POINT:
            return False
        self.seen += 1
        return self.seen == self._number


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


class Killed(InterruptedCase):
    """At every write of a release, before or after the API server has done it."""

    def writes_of_a_release(self):
        stack = self.given_shop_before()
        direct = stack.kubeconfig
        with FaultProxy() as proxy:
            stack.kubeconfig = self.edited_kubeconfig(proxy.edit_kubeconfig)
            writes = Writes(proxy)
            self.applies(self.declared(stack, "1.1.0"))
        stack.kubeconfig = direct
        self.ends_well(self.declared(stack, "1.1.0"), "1.1.0")
        return writes.seen

    def killed_at(self, stack, number, done, **arguments):
        direct = stack.kubeconfig
        with FaultProxy() as proxy:
            stack.kubeconfig = self.edited_kubeconfig(proxy.edit_kubeconfig)

            def kill():
                # Between its look at the processes and the kill one may have ended: that of the plan.
                with contextlib.suppress(ProcessLookupError):
                    stack.kill_provider()

            Writes(proxy, number, Meanwhile(kill, done))
            outcome = self.declared(stack, "1.1.0", **arguments).apply()
            self.assertEqual(proxy.injected(), 1, outcome)
            self.assertEqual(outcome.code, 1, outcome)
        stack.kubeconfig = direct
        self.a_lease_time_passes(stack)
        self.the_lease_is_gone(stack)
        self.declared(stack, "1.1.0", **arguments)

    def users_do_not_notice(self, stack, number, done, end, **arguments):
        with self.users_of(stack, rate=20) as users:
            users.wait_for_first_answer()
            self.killed_at(stack, number, done, **arguments)
            with self.subTest("it serves without a provider"):
                self.nobody_noticed_in(users.for_seconds(2))
            end(stack)
        self.nobody_noticed(users.answers())

    def nobody_noticed_in(self, answers):
        self.assertGreater(len(answers), 20)
        self.assertEqual(len(answers.failed()), 0, answers)

    def resumes(self, stack):
        self.applies(stack)
        self.ends_well(stack, "1.1.0")

    def rolls_back(self, stack):
        outcome = stack.apply()
        if outcome.code == 0:  # it died with its work done: nothing was left to be rolled back
            self.ends_well(stack, "1.1.0")
        else:
            self.says(outcome, "rolled back", "interrupted")
            self.is_back(stack)

    def test_at_points_all_over_the_release(self):
        count = self.writes_of_a_release()
        self.assertGreaterEqual(count, 8)
        points = sorted({1 + round(i * (count - 1) / 6) for i in range(7)})
        for number in points:
            done = number % 2 == 1
            with self.subTest("%s write %d of %d, resumed" % ("after" if done else "before", number, count)):
                self.users_do_not_notice(self.given_shop_before(), number, done, self.resumes)

    def test_at_points_all_over_the_release_and_rolled_back(self):
        count = self.writes_of_a_release()
        for number in sorted({1 + round(i * (count - 1) / 4) for i in range(5)}):
            done = number % 2 == 0
            with self.subTest("%s write %d of %d, rolled back" % ("after" if done else "before", number, count)):
                self.users_do_not_notice(self.given_shop_before(), number, done, self.rolls_back,
                                         on_interrupt="rollback")


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
