"""Killed, interrupted, doubled: the workload serves meanwhile, and the next apply goes on or goes back."""

import pathlib
import tempfile
import time

from environment import MIRROR, image
from release_case import ReleaseCase
from stack import with_field


class InterruptionCase(ReleaseCase):

    def journal_names(self, stack):
        return [name for name in self.namespace.leftovers() if name.endswith("-" + stack.name)]

    def given_a_release_under_way(self, stack):
        """An apply of the version that takes eight seconds to be ready, after its first write."""
        generation = self.generation(stack)
        command = stack.declare("slow").start_apply()
        self.becomes_new(stack, than=generation)
        return command

    def goes_on(self, stack):
        """The next apply ends well."""
        self.applies(stack.declare("slow"))
        self.runs(stack, "slow")
        self.plan_is_empty(stack)
        self.nothing_is_left_over()


class Killed(InterruptionCase):

    def test_during_an_update(self):
        stack = self.given_release("1.0.0")
        command = self.given_a_release_under_way(stack)

        stack.kill_provider()
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("1.0.0", self.namespace.running_version(stack.name))
        time.sleep(15)  # until the Lease of the killed one has run out
        self.plan_shows_changes(stack, "resume the interrupted release")
        self.goes_on(stack)

    def test_during_an_update_and_rolled_back_by_the_next_apply(self):
        stack = self.given_release("1.0.0", on_interrupt="rollback")
        generation = self.generation(stack)
        command = stack.declare("slow", on_interrupt="rollback").start_apply()
        self.becomes_new(stack, than=generation)
        stack.kill_provider()
        command.finish()

        self.apply_fails(stack, "rolled back", "interrupted")

        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_during_the_first_release(self):
        stack = self.new_stack().declare("slow")
        command = stack.start_apply()
        self.becomes_new(stack, than=0)
        stack.kill_provider()
        command.finish()

        plan = self.plan_shows_changes(stack, "A release of Deployment", "is open")
        self.does_not_say(plan, "will be destroyed")
        self.goes_on(stack)

    def test_during_the_rollback(self):
        stack = self.new_stack()
        # So that the previous version takes its time to come back.
        stack.declare(manifest=with_field(stack.manifest, "spec.strategy", {"type": "Recreate"}))
        self.applies(stack.declare("slow"))
        generation = self.generation(stack)
        command = stack.declare("crash").start_apply()
        # The second write is the previous version's.
        self.eventually(lambda: self.generation(stack) >= generation + 2, "the rollback has begun")
        stack.kill_provider()
        command.finish()

        self.apply_fails(stack.declare("crash"), "rolled back")

        self.runs(stack, "slow")
        self.nothing_is_left_over()

    def test_another_version_is_released_instead(self):
        stack = self.given_release("1.0.0")
        command = self.given_a_release_under_way(stack)
        stack.kill_provider()
        command.finish()

        self.applies(stack.declare("1.1.0"))

        self.runs(stack, "1.1.0")
        self.plan_is_empty(stack)
        self.nothing_is_left_over()


class CtrlC(InterruptionCase):

    def test_once_pauses_the_rollout_and_apply_goes_on(self):
        stack = self.given_release("1.0.0")
        command = self.given_a_release_under_way(stack)

        began = time.monotonic()
        command.interrupt()
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.assertLess(time.monotonic() - began, 5)
        self.says(outcome, "was interrupted", "Run apply again")
        self.assertEqual(stack.phase(), "Interrupted")
        self.assertTrue(self.namespace.deployment(stack.name)["spec"].get("paused"))
        self.assertIn("1.0.0", self.namespace.running_version(stack.name))
        self.plan_shows_changes(stack, "resume the interrupted release")
        self.goes_on(stack)
        self.assertFalse(self.namespace.deployment(stack.name)["spec"].get("paused"))

    def test_twice_loses_nothing(self):
        stack = self.given_release("1.0.0")
        command = self.given_a_release_under_way(stack)
        command.interrupt()
        command.interrupt()
        command.finish()

        self.assertEqual(stack.state()["uid"], self.uid(stack))
        time.sleep(15)  # should the second one have killed the provider, its Lease has run out now
        self.goes_on(stack)

    def test_during_the_first_release_keeps_it(self):
        stack = self.new_stack().declare("slow")
        command = stack.start_apply()
        self.becomes_new(stack, than=0)
        command.interrupt()
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.assertFalse(stack.is_tainted())
        self.assertEqual(stack.phase(), "Interrupted")
        self.goes_on(stack)


class TwoAtOnce(InterruptionCase):

    def test_the_second_apply_is_told_who_is_at_it(self):
        stack = self.given_release("1.0.0")
        second = self.new_stack(stack.name)
        (second.folder / "terraform.tfstate").write_text((stack.folder / "terraform.tfstate").read_text())
        generation = self.generation(stack)
        command = stack.declare("unready", progress_deadline="25s").start_apply()
        self.becomes_new(stack, than=generation)

        plan = second.declare("1.1.0").plan()
        self.says(plan, "is being released")
        self.apply_fails(second, "Lease", "held by")

        self.assertEqual(command.finish().code, 1)
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()


class Surroundings(InterruptionCase):

    def test_very_long_temporary_folder(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="t-", dir=MIRROR.folder)) / ("very-long-name-" * 12)
        folder.mkdir()
        stack = self.new_stack().declare("1.0.0")
        self.applies(stack, TMPDIR=str(folder))
        self.runs(stack, "1.0.0")

    def test_workload_changed_by_someone_else_during_the_release(self):
        stack = self.given_release("1.0.0")
        command = self.given_a_release_under_way(stack)
        self.scale(stack, 3)
        self.assertEqual(command.finish().code, 0)

        self.plan_shows_changes(stack, "Drift", "spec.replicas", "2 -> 3")
        self.assertEqual(stack.state()["running_images"], {"web": image("slow")})
