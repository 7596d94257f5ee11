"""The provider or its host is killed: the workload goes on serving, and the next apply goes on where it ended."""

import json

from environment import image
from release_case import ReleaseCase
from stack import deployment, with_field


class KilledCase(ReleaseCase):

    def new_stack(self, name=None):
        """One replica: a version that starts slowly starts once."""
        stack = super().new_stack(name)
        stack.manifest = deployment(stack.name, self.namespace.name, replicas=1)
        return stack

    def given_killed(self, stack, tag="slow", **arguments):
        """A stack whose provider was killed after the first write of this version, which starts slowly."""
        generation = self.generation(stack)
        command = stack.declare(tag, **arguments).start_apply()
        self.becomes_new(stack, than=generation)
        stack.kill_provider()
        self.assertEqual(command.finish().code, 1)
        return stack

    def lease(self, stack):
        return "delivery-deployment-" + stack.name

    def a_lease_time_passes(self, stack):
        """What the clock would do in 15 s: plan sees that the holder is dead. Apply watches it all the same."""
        self.namespace.kubectl("patch", "lease", self.lease(stack), "--type=merge", "-p", json.dumps(
            {"spec": {"renewTime": "2020-01-01T00:00:00.000000Z"}}))

    def the_lease_is_gone(self, stack):
        """For the tests that are not about it, since apply watches the Lease of a dead one for 15 s."""
        self.namespace.kubectl("delete", "lease", self.lease(stack))

    def ends_well(self, stack, tag):
        self.assertEqual(stack.phase(), "Succeeded")
        self.runs(stack, tag)
        self.plan_is_empty(stack)
        self.nothing_is_left_over()


class KilledUpdate(KilledCase):

    def test_next_plan_tells_of_it_and_next_apply_goes_on(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)
        self.given_killed(stack)

        with self.subTest("it might still run"):
            self.says(stack.plan(), "Warning: ", "is being released")
        with self.subTest("it does not"):
            self.a_lease_time_passes(stack)
            plan = self.plan_shows_changes(stack, "resume the interrupted release", "Interrupted", "1 to change")
            # Nothing but what the user changed, although the host has lost our private state.
            self.does_not_say(plan, "progressDeadlineSeconds", "terminationMessagePath", "Drift")
        with self.subTest("the old version serves meanwhile"):
            self.assertIn("1.0.0", self.namespace.running_version(stack.name))

        self.applies(stack)

        self.assertEqual(self.uid(stack), uid)
        self.ends_well(stack, "slow")

    def test_is_rolled_back_where_the_user_wants_that(self):
        stack = self.given_release("1.0.0", on_interrupt="rollback")
        self.given_killed(stack, on_interrupt="rollback")
        self.a_lease_time_passes(stack)

        self.plan_shows_changes(stack, "roll back the interrupted release")
        self.the_lease_is_gone(stack)
        self.apply_fails(stack, "rolled back", "interrupted")

        self.assertEqual(stack.phase(), "RolledBack")
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_that_became_a_failure_meanwhile_is_rolled_back(self):
        stack = self.given_release("1.0.0")
        self.given_killed(stack, "crash")
        self.the_lease_is_gone(stack)

        self.apply_fails(stack, "CrashLoopBackOff", "rolled back")

        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_gives_way_to_another_version(self):
        stack = self.given_release("1.0.0")
        self.given_killed(stack)
        self.a_lease_time_passes(stack)

        self.plan_shows_changes(stack.declare("1.1.0"), "release another version", "in place of the interrupted one")
        self.the_lease_is_gone(stack)
        self.applies(stack)

        self.ends_well(stack, "1.1.0")

    def test_gives_way_to_the_version_before(self):
        stack = self.given_release("1.0.0")
        self.given_killed(stack)
        self.the_lease_is_gone(stack)

        self.plan_shows_changes(stack.declare("1.0.0"), "1 to change")
        self.applies(stack)

        self.ends_well(stack, "1.0.0")

    def test_is_destroyed_like_any_other(self):
        stack = self.given_release("1.0.0")
        self.given_killed(stack)
        self.the_lease_is_gone(stack)

        self.destroys(stack)

        self.does_not_exist(stack)
        self.nothing_is_left_over()


class KilledRollback(KilledCase):

    def test_is_finished_by_the_next_apply(self):
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
        self.the_lease_is_gone(stack)

        self.apply_fails(stack, "CrashLoopBackOff", "rolled back")

        self.runs(stack, "slow")
        self.nothing_is_left_over()


class KilledFirstRelease(KilledCase):

    def test_next_plan_tells_of_it_and_next_apply_goes_on(self):
        stack = self.given_killed(self.new_stack())
        uid = self.uid(stack)
        self.assertFalse(stack.has_state())  # the host has none of a create that did not return
        self.a_lease_time_passes(stack)

        plan = self.plan_shows_changes(stack, "Warning: ", "A release of Deployment", "is open: Interrupted")
        self.does_not_say(plan, "exists already")
        self.applies(stack)

        self.assertEqual(self.uid(stack), uid)
        self.ends_well(stack, "slow")

    def test_another_version_is_refused_with_the_way_out(self):
        stack = self.given_killed(self.new_stack())
        self.the_lease_is_gone(stack)

        self.apply_fails(stack.declare("1.0.0"), "exists already", "adopt_existing = true")

        with self.subTest("which works"):
            self.applies(stack.declare("1.0.0", adopt_existing=True))
            self.ends_well(stack, "1.0.0")

    def test_that_became_a_failure_meanwhile_is_removed(self):
        stack = self.given_killed(self.new_stack(), "crash")
        self.the_lease_is_gone(stack)

        self.apply_fails(stack, "CrashLoopBackOff", "removed")

        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()


class KilledDestroy(KilledCase):

    def test_is_finished_by_the_next_one(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("patch", "deployment", stack.name, "-p", '{"metadata": {"finalizers": ["e2e/wait"]}}')
        command = stack.start("destroy", "-auto-approve", "-no-color", "-input=false")
        self.eventually(lambda: "deletionTimestamp" in self.namespace.deployment(stack.name)["metadata"],
                        "it is being deleted")
        stack.kill_provider()
        self.assertEqual(command.finish().code, 1)
        self.namespace.kubectl("patch", "deployment", stack.name, "-p", '{"metadata": {"finalizers": null}}')
        self.the_lease_is_gone(stack)

        self.destroys(stack)

        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()


class KilledHost(KilledCase):

    def test_provider_ends_and_the_next_apply_goes_on(self):
        stack = self.given_release("1.0.0")
        generation = self.generation(stack)
        command = stack.declare("slow").start_apply()
        self.becomes_new(stack, than=generation)

        command.kill()

        self.eventually(lambda: not stack.provider_processes(), "the provider has ended")
        self.assertIn("1.0.0", self.namespace.running_version(stack.name))
        self.assertEqual(stack.state()["images"], {"web": image("1.0.0")})
        self.applies(stack)
        self.ends_well(stack, "slow")
