"""The provider is killed at writes all over a blue-green release, by the proxy that the write goes through: users do
not notice, and the next apply ends the release or takes it back."""

import contextlib
import json

from blue_green_case import BlueGreenCase
from canary_kill_points_test import Writes
from fault_proxy import FaultProxy, Meanwhile


class Killed(BlueGreenCase):

    def declared(self, stack, tag, **arguments):
        return stack.declare(tag, **{"keep_previous": "0s", **arguments})

    def lease(self, stack):
        return "delivery-deployment-" + stack.name

    def writes_of_a_release(self):
        stack = self.given_shop("1.0.0")
        direct = stack.kubeconfig
        with FaultProxy() as proxy:
            stack.kubeconfig = self.edited_kubeconfig(proxy.edit_kubeconfig)
            writes = Writes(proxy)
            self.applies(self.declared(stack, "1.1.0"))
        stack.kubeconfig = direct
        self.ends_well(self.declared(stack, "1.1.0"))
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
        self.namespace.kubectl("patch", "lease", self.lease(stack), "--type=merge", "-p", json.dumps(
            {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}), check=False)
        # Apply would watch the Lease of a dead one for 15 s, which is not what these tests are about.
        self.namespace.kubectl("delete", "lease", self.lease(stack), "--ignore-not-found")
        self.declared(stack, "1.1.0", **arguments)

    def users_do_not_notice(self, number, done, end, **arguments):
        stack = self.given_shop("1.0.0")
        with self.users_of(stack, rate=20) as users:
            users.wait_for_first_answer()
            self.killed_at(stack, number, done, **arguments)
            with self.subTest("it serves without a provider"):
                answers = users.for_seconds(2)
                self.assertGreater(len(answers), 20)
                self.assertEqual(len(answers.failed()), 0, answers)
            end(stack)
        self.nobody_noticed(users.answers())
        # The one node is small, and the namespace goes only at the end.
        self.namespace.kubectl("delete", "deployment", stack.slot("blue"), stack.slot("green"), "--ignore-not-found",
                               "--wait=false")

    def ends_well(self, stack):
        self.assertEqual(stack.phase(), "Succeeded")
        self.serves(stack, "green", "1.1.0")
        self.assertEqual(self.size_of(stack, "blue"), 0)
        self.nobody_else_is_left(stack)
        self.plan_is_empty(stack)

    def resumes(self, stack):
        self.applies(stack)
        self.ends_well(stack)

    def rolls_back(self, stack):
        outcome = stack.apply()
        if outcome.code == 0:  # it died with its work done: nothing was left to be rolled back
            self.ends_well(stack)
            return
        self.says(outcome, "rolled back", "interrupted")
        self.serves(stack, "blue", "1.0.0")
        self.assertEqual(self.size_of(stack, "green"), 0)
        self.nobody_else_is_left(stack)

    def test_at_points_all_over_the_release(self):
        count = self.writes_of_a_release()
        self.assertGreaterEqual(count, 10)
        for number in sorted({1 + round(i * (count - 1) / 4) for i in range(5)}):
            done = number % 2 == 1
            with self.subTest("%s write %d of %d, resumed" % ("after" if done else "before", number, count)):
                self.users_do_not_notice(number, done, self.resumes)

    def test_at_points_all_over_the_release_and_rolled_back(self):
        count = self.writes_of_a_release()
        for number in sorted({1 + round(i * (count - 1) / 2) for i in range(3)}):
            done = number % 2 == 0
            with self.subTest("%s write %d of %d, rolled back" % ("after" if done else "before", number, count)):
                self.users_do_not_notice(number, done, self.rolls_back, on_interrupt="rollback")

    def test_stopped_by_ctrl_c_after_the_switch(self):
        stack = self.given_shop("1.0.0")
        with self.users_of(stack, rate=20) as users:
            users.wait_for_first_answer()
            command = self.declared(stack, "1.1.0").start_apply()
            self.slot_becomes(stack, "green", command)
            command.interrupt()
            outcome = command.finish()
            self.assertEqual(outcome.code, 1, outcome)
            self.resumes(self.declared(stack, "1.1.0"))
        self.nobody_noticed(users.answers())
