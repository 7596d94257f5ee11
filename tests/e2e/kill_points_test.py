"""The provider is killed at each write of a release, by the proxy that the write goes through: the next plan says
Interrupted, what served goes on serving, and the next apply ends the release as if nothing had happened."""

import contextlib
import dataclasses

from environment import image
from fault_proxy import FaultProxy, Meanwhile
from killed_test import KilledCase


@dataclasses.dataclass(frozen=True)
class Point:
    """The so-manieth real write of a kind that a release makes."""
    verb: str
    resource: str
    count: int = 1
    done: bool = True  # the API server has done it when the provider dies; otherwise it never hears of it

    def __str__(self):
        return "%s %s %s %d" % ("after" if self.done else "before", self.verb, self.resource, self.count)

    def counter(self):
        """Whether a request is this one; asked once for each request of its kind."""
        seen = 0

        def is_it(request):
            nonlocal seen
            seen += not request.dry_run
            return not request.dry_run and seen == self.count

        return is_it


JOURNAL_MADE = Point("create", "configmaps")
NOT_WRITTEN = Point("patch", "deployments", done=False)
WRITTEN = Point("patch", "deployments")
AWAITED = Point("update", "configmaps", 1)
FAILED = Point("update", "configmaps", 2)
REMOVED = Point("delete", "deployments")
PUT_BACK = Point("patch", "deployments", 2)
PUT_BACK_IS_AWAITED = Point("update", "configmaps", 3)
JOURNAL_STAYS = Point("delete", "configmaps", done=False)


class KillPointCase(KilledCase):

    def given_killed_at(self, point, stack, tag):
        """Applies this version until the provider dies at that point."""
        direct = stack.kubeconfig
        with FaultProxy() as proxy:
            stack.kubeconfig = self.edited_kubeconfig(proxy.edit_kubeconfig)

            def kill():
                # Between its look at the processes and the kill one may have ended: that of the plan.
                with contextlib.suppress(ProcessLookupError):
                    stack.kill_provider()

            proxy.inject(point.verb, point.resource, Meanwhile(kill, point.done), times=1, when=point.counter())
            outcome = stack.declare(tag).apply()
            self.assertEqual(proxy.injected(), 1, outcome)
            self.assertEqual(outcome.code, 1, outcome)
            self.says(outcome, "Plugin did not respond")
        stack.kubeconfig = direct
        self.a_lease_time_passes(stack)
        return stack.declare(tag)


class FirstRelease(KillPointCase):

    def test_that_is_good(self):
        for point in (JOURNAL_MADE, NOT_WRITTEN, WRITTEN, AWAITED, JOURNAL_STAYS):
            with self.subTest(str(point)):
                stack = self.given_killed_at(point, self.new_stack(), "1.0.0")
                self.assertFalse(stack.has_state())
                self.plan_shows_changes(stack, "is open: Interrupted")
                self.the_lease_is_gone(stack)
                self.applies(stack)
                self.ends_well(stack, "1.0.0")

    def test_that_fails(self):
        for point in (FAILED, REMOVED, JOURNAL_STAYS):
            with self.subTest(str(point)):
                stack = self.given_killed_at(point, self.new_stack(), "crash")
                self.assertFalse(stack.has_state())
                self.plan_shows_changes(stack, "is open: Interrupted")
                self.the_lease_is_gone(stack)
                self.apply_fails(stack, "CrashLoopBackOff", "was removed")
                self.does_not_exist(stack)
                self.assertFalse(stack.has_state())
                self.nothing_is_left_over()


class Update(KillPointCase):

    def given_release_before(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0"))
        return stack

    def serves(self, stack):
        self.assertNotEqual(self.namespace.running_version(stack.name), [])

    def test_that_is_good(self):
        for point in (JOURNAL_MADE, NOT_WRITTEN, WRITTEN, AWAITED, JOURNAL_STAYS):
            with self.subTest(str(point)):
                stack = self.given_killed_at(point, self.given_release_before(), "1.1.0")
                self.serves(stack)
                self.plan_shows_changes(stack, "Interrupted")
                self.the_lease_is_gone(stack)
                self.applies(stack)
                self.ends_well(stack, "1.1.0")

    def test_that_fails(self):
        for point in (FAILED, PUT_BACK, PUT_BACK_IS_AWAITED, JOURNAL_STAYS):
            with self.subTest(str(point)):
                stack = self.given_killed_at(point, self.given_release_before(), "crash")
                self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
                self.plan_shows_changes(stack, "Interrupted")
                self.the_lease_is_gone(stack)
                self.apply_fails(stack, "CrashLoopBackOff", "rolled back")
                self.runs(stack, "1.0.0")
                self.assertEqual(stack.state()["images"], {"web": image("1.0.0")})
                self.plan_is_empty(stack.declare("1.0.0"))
                self.nothing_is_left_over()
