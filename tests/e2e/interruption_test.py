"""Ctrl-C: apply ends within seconds, nothing is lost, and the next apply goes on or goes back."""

import json
import pathlib
import tempfile

from environment import MIRROR
from release_case import ReleaseCase
from stack import deployment, with_field

A_FEW_SECONDS = 5  # the provider has two, and the host writes its state


class InterruptionCase(ReleaseCase):

    def new_stack(self, name=None):
        """One replica: a version that starts slowly starts once."""
        stack = super().new_stack(name)
        stack.manifest = deployment(stack.name, self.namespace.name, replicas=1)
        return stack

    def given_under_way(self, stack, tag="slow", **arguments):
        """An apply of this version, which starts slowly, after its first write."""
        generation = self.generation(stack)
        command = stack.declare(tag, **arguments).start_apply()
        self.becomes_new(stack, than=generation)
        return command

    def given_interrupted(self, stack, tag="slow", **arguments):
        self.ends_soon(self.given_under_way(stack, tag, **arguments))
        self.assertEqual(stack.phase(), "Interrupted")
        return stack

    def ends_soon(self, command, signal_it="interrupt"):
        getattr(command, signal_it)()
        outcome = command.finish(seconds=A_FEW_SECONDS)
        self.assertEqual(outcome.code, 1, outcome)
        return outcome

    def is_paused(self, stack):
        return self.namespace.deployment(stack.name)["spec"].get("paused", False)

    def ends_well(self, stack, tag):
        self.assertEqual(stack.phase(), "Succeeded")
        self.assertFalse(self.is_paused(stack))
        self.runs(stack, tag)
        self.plan_is_empty(stack)
        self.nothing_is_left_over()


class CtrlCDuringAnUpdate(InterruptionCase):

    def test_pauses_the_rollout_and_the_next_apply_goes_on(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)

        outcome = self.ends_soon(self.given_under_way(stack))

        self.says(outcome, "was interrupted", "stopped at step", "Run apply again")
        self.assertEqual(stack.phase(), "Interrupted")
        self.assertTrue(self.is_paused(stack))
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
        plan = self.plan_shows_changes(stack, "resume the interrupted release", "1 to change")
        self.does_not_say(plan, "Drift")
        self.applies(stack)
        self.assertEqual(self.uid(stack), uid)
        self.ends_well(stack, "slow")

    def test_is_rolled_back_where_the_user_wants_that(self):
        stack = self.given_release("1.0.0")
        self.given_interrupted(stack, on_interrupt="rollback")

        self.plan_shows_changes(stack, "roll back the interrupted release")
        self.apply_fails(stack, "rolled back", "interrupted")

        self.assertEqual(stack.phase(), "RolledBack")
        self.assertFalse(self.is_paused(stack))
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_gives_way_to_the_version_before(self):
        stack = self.given_interrupted(self.given_release("1.0.0"))

        self.plan_shows_changes(stack.declare("1.0.0"), "1 to change")
        self.applies(stack)

        self.ends_well(stack, "1.0.0")

    def test_gives_way_to_another_version(self):
        stack = self.given_interrupted(self.given_release("1.0.0"))

        self.applies(stack.declare("1.1.0"))

        self.ends_well(stack, "1.1.0")

    def test_is_destroyed_like_any_other(self):
        stack = self.given_interrupted(self.given_release("1.0.0"))

        self.destroys(stack)

        self.does_not_exist(stack)
        self.nothing_is_left_over()

    def test_job_that_is_cancelled_by_sigterm_is_the_same(self):
        stack = self.given_release("1.0.0")

        self.ends_soon(self.given_under_way(stack), "terminate")

        self.assertEqual(stack.phase(), "Interrupted")
        self.assertTrue(self.is_paused(stack))
        self.applies(stack)
        self.ends_well(stack, "slow")

    def test_twice_loses_nothing(self):
        stack = self.given_release("1.0.0")
        command = self.given_under_way(stack)

        command.interrupt()
        self.ends_soon(command)

        self.eventually(lambda: not stack.provider_processes(), "the provider has ended")
        self.assertEqual(stack.state()["uid"], self.uid(stack))
        self.applies(stack)
        self.ends_well(stack, "slow")

    def test_damaged_journal_is_an_error_with_the_way_out(self):
        stack = self.given_interrupted(self.given_release("1.0.0"))
        journal = "delivery-deployment-" + stack.name
        self.namespace.kubectl("patch", "configmap", journal, "-p", json.dumps({"data": {"state": "{"}}))

        self.apply_fails(stack, "The journal", journal, "delete that ConfigMap")

        self.namespace.kubectl("delete", "configmap", journal)
        self.applies(stack)
        self.ends_well(stack, "slow")


class CtrlCDuringARollback(InterruptionCase):

    def test_next_apply_finishes_it(self):
        stack = self.new_stack()
        # So that the previous version takes its time to come back.
        stack.declare(manifest=with_field(stack.manifest, "spec.strategy", {"type": "Recreate"}))
        self.applies(stack.declare("slow"))
        generation = self.generation(stack)
        command = stack.declare("crash").start_apply()
        # The second write is the previous version's.
        self.eventually(lambda: self.generation(stack) >= generation + 2, "the rollback has begun")

        self.ends_soon(command)

        self.assertEqual(stack.phase(), "Interrupted")
        self.apply_fails(stack, "CrashLoopBackOff", "rolled back")
        self.assertEqual(stack.phase(), "RolledBack")
        self.runs(stack, "slow")
        self.plan_is_empty(stack.declare("slow"))
        self.nothing_is_left_over()


class CtrlCDuringTheFirstRelease(InterruptionCase):

    def test_keeps_it_and_the_next_apply_goes_on(self):
        stack = self.new_stack()
        command = self.given_under_way(stack)
        uid = self.uid(stack)

        outcome = self.ends_soon(command)

        self.says(outcome, "Warning: ", "was interrupted", "Run apply again")
        self.assertFalse(stack.is_tainted())
        self.assertEqual(stack.phase(), "Interrupted")
        self.plan_shows_changes(stack, "0 to add, 1 to change, 0 to destroy")
        self.applies(stack)
        self.assertEqual(self.uid(stack), uid)
        self.ends_well(stack, "slow")

    def test_is_removed_where_the_user_wants_that(self):
        stack = self.new_stack()
        self.ends_soon(self.given_under_way(stack, on_interrupt="rollback"))

        self.apply_fails(stack, "interrupted", "removed")

        self.does_not_exist(stack)
        self.nothing_is_left_over()
        with self.subTest("and can be released anew"):
            self.applies(stack.declare("1.0.0"))
            self.ends_well(stack, "1.0.0")


class CtrlCBeforeAndAfter(InterruptionCase):

    def test_while_the_lease_of_a_dead_apply_is_watched_nothing_was_changed(self):
        stack = self.given_release("1.0.0")
        before, generation = stack.state(), self.generation(stack)
        now = "2026-01-01T00:00:00.000000Z"
        self.namespace.kubectl("apply", "-f", "-", stdin=json.dumps({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "delivery-deployment-" + stack.name},
            "spec": {"holderIdentity": "elsewhere", "leaseDurationSeconds": 15, "acquireTime": now, "renewTime": now}}))
        command = stack.declare("1.1.0").start_apply()
        self.eventually(lambda: "Modifying" in command.printed(), "apply is under way")

        self.ends_soon(command)

        self.assertEqual(stack.state(), before)
        self.assertEqual(self.generation(stack), generation)
        with self.subTest("the next apply waits, and takes it over"):
            self.applies(stack)
            self.ends_well(stack, "1.1.0")

    def test_during_a_destroy_the_next_one_goes_on(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("patch", "deployment", stack.name, "-p", '{"metadata": {"finalizers": ["e2e/wait"]}}')
        command = stack.start("destroy", "-auto-approve", "-no-color", "-input=false")
        self.eventually(lambda: "deletionTimestamp" in self.namespace.deployment(stack.name)["metadata"],
                        "it is being deleted")

        self.says(self.ends_soon(command), "stopped while it was being deleted")

        self.assertTrue(stack.has_state())
        self.namespace.kubectl("patch", "deployment", stack.name, "-p", '{"metadata": {"finalizers": null}}')
        self.destroys(stack)
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()


class Surroundings(InterruptionCase):

    def test_very_long_temporary_folder(self):
        # The address of a unix socket has room for 108 characters.
        folder = pathlib.Path(tempfile.mkdtemp(prefix="t-", dir=MIRROR.folder)) / ("very-long-name-" * 12)
        folder.mkdir()
        stack = self.new_stack().declare("1.0.0")

        self.applies(stack, TMPDIR=str(folder))

        self.runs(stack, "1.0.0")
        self.assertEqual(list(folder.iterdir()), [])
