"""The provider is killed at writes all over a canary, by the proxy that the write goes through: users do not notice,
and the next apply ends the release or takes it back."""

import contextlib

from canary_interruption_test import InterruptedCase
from fault_proxy import FaultProxy, Meanwhile

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
