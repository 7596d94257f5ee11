"""The provider is killed at writes all over the life of a variant: users do not notice, and the next apply or destroy
goes on to the same end."""

import contextlib

from canary_kill_points_test import Writes
from environment import image
from fault_proxy import FaultProxy, Meanwhile
from variant_case import VariantCase


class Killed(VariantCase):

    def declared(self, stack):
        return stack.declare(images={"web": image("2.0.0")}, weight=30)

    def lease_of_the_dead_is_gone(self, stack):
        """Apply would watch it for 15 s, which is not what these tests are about."""
        self.namespace.kubectl("delete", "lease", "delivery-deployment-" + stack.variant, "--ignore-not-found")

    def through_proxy(self, stack, command, number=None, done=False):
        """Counts the writes of a command; kills the provider at one of them."""
        direct = stack.kubeconfig
        with FaultProxy() as proxy:
            stack.kubeconfig = self.edited_kubeconfig(proxy.edit_kubeconfig)

            def kill():
                with contextlib.suppress(ProcessLookupError):
                    stack.kill_provider()

            self.declared(stack)
            writes = Writes(proxy, number, Meanwhile(kill, done) if number else None)
            outcome = command(stack)
            self.assertEqual(outcome.code, 1 if number else 0, outcome)
        stack.kubeconfig = direct
        self.declared(stack)
        self.lease_of_the_dead_is_gone(stack)
        return writes.seen

    def points(self, count):
        return sorted({1 + round(i * (count - 1) / 3) for i in range(4)})

    def test_while_it_is_made(self):
        stack = self.given_shop()
        count = self.through_proxy(stack, lambda stack: stack.apply())
        self.assertGreaterEqual(count, 6)
        self.destroys(stack)
        for number in self.points(count):
            done = number % 2 == 1
            with self.subTest("%s write %d of %d" % ("after" if done else "before", number, count)):
                with self.users_of(stack, rate=20) as users:
                    users.wait_for_first_answer()
                    self.through_proxy(stack, lambda stack: stack.apply(), number, done)
                    users.for_seconds(1)
                    self.applies(stack)
                self.nobody_noticed_in(users.answers())
                self.assertTrue(stack.state()["serving"])
                self.plan_is_empty(stack)
                self.destroys(stack)
                self.route_is_as_before(stack, self.route_before)
                self.nothing_is_left(stack)
        self.workload_was_not_touched(stack)

    def test_while_it_is_taken_back(self):
        stack = self.given_shop()
        self.applies(self.declared(stack))
        count = self.through_proxy(stack, lambda stack: stack.destroy())
        self.assertGreaterEqual(count, 4)
        for number in self.points(count):
            done = number % 2 == 0
            with self.subTest("%s write %d of %d" % ("after" if done else "before", number, count)):
                self.applies(self.declared(stack))
                with self.users_of(stack, rate=20) as users:
                    users.wait_for_first_answer()
                    self.through_proxy(stack, lambda stack: stack.destroy(), number, done)
                    self.destroys(stack)
                self.nobody_noticed_in(users.answers())
                self.route_is_as_before(stack, self.route_before)
                self.nothing_is_left(stack)
        self.workload_was_not_touched(stack)

    def nobody_noticed_in(self, answers):
        self.assertGreater(len(answers), 20)
        self.assertEqual(len(answers.failed()), 0, answers)


class JournalLost(VariantCase):

    def test_state_alone_is_enough_to_take_it_back(self):
        stack = self.given_shop()
        self.applies(stack.declare(images={"web": image("2.0.0")}, weight=30))
        self.namespace.kubectl("delete", "configmap", "delivery-deployment-" + stack.variant)
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)

    def test_journal_alone_is_enough_after_the_state_lost_its_private_part(self):
        stack = self.given_shop()
        self.applies(stack.declare(images={"web": image("2.0.0")}, weight=30))
        stack.edit_state(lambda instance: instance.pop("private", None))
        self.assertIsNotNone(self.journal(stack))
        self.destroys(stack)
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)


class CtrlC(VariantCase):

    def test_is_answered_at_once_and_the_next_apply_goes_on(self):
        stack = self.given_shop()
        stack.declare(images={"web": image("slow")}, weight=30)  # ready after 8 s
        command = stack.start_apply()
        self.eventually(lambda: self.namespace.get("deployment", stack.variant), "the variant is made")
        command.interrupt()
        outcome = command.finish(seconds=10)
        self.says(outcome, "interrupted", "next apply")
        self.assertEqual(stack.phase(), "Interrupted")
        self.assertFalse(stack.is_tainted())
        self.plan_shows_changes(stack, "1 to change")
        self.applies(stack)
        self.assertTrue(stack.state()["serving"])
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)
