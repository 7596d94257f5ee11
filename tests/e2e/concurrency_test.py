"""Others at the same workload at the same time: a second apply, and people with kubectl."""

import json

from environment import image
from release_case import ReleaseCase
from stack import with_field


class ConcurrencyCase(ReleaseCase):

    def given_under_way(self, stack, tag, **arguments):
        """An apply of this version after its first write."""
        generation = self.generation(stack)
        command = stack.declare(tag, **arguments).start_apply()
        self.becomes_new(stack, than=generation)
        return command


class TwoApplies(ConcurrencyCase):

    def copy_of(self, stack):
        """The same stack in another checkout, as of now."""
        copy = self.new_stack(stack.name)
        copy.declare("1.0.0")
        (copy.folder / "terraform.tfstate").write_text((stack.folder / "terraform.tfstate").read_text())
        return copy

    def test_second_one_is_told_who_is_at_it_and_changes_nothing(self):
        stack = self.given_release("1.0.0")
        second = self.copy_of(stack)
        command = self.given_under_way(stack, "unready", progress_deadline="30s")

        with self.subTest("a plan that asks for nothing has nothing to do, and tells of it"):
            self.says(self.plan_is_empty(second), "Warning: ", "is being released")
        with self.subTest("apply ends with the name of the holder"):
            generation = self.generation(stack)
            outcome = self.apply_fails(second.declare("1.1.0"), "another apply is releasing this workload",
                                       "delivery-deployment-" + stack.name, "is held by")
            self.assertLess(outcome.seconds, 20)
            self.assertEqual(self.generation(stack), generation)
            self.assertEqual(second.state()["images"], {"web": image("1.0.0")})
            self.assertEqual(second.state()["last_good_images"], {"web": image("1.0.0")})
        with self.subTest("destroy does too"):
            outcome = second.destroy()
            self.assertEqual(outcome.code, 1, outcome)
            self.says(outcome, "is held by")

        self.assertEqual(command.finish().code, 1)  # of its own: the version is never ready
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()
        with self.subTest("afterwards the second one works"):
            self.applies(second)
            self.runs(second, "1.1.0")

    def test_first_releases_at_once(self):
        stack = self.new_stack().declare("slow")
        second = self.new_stack(stack.name).declare("slow")
        command = self.given_under_way(stack, "slow")

        self.apply_fails(second, "held by")

        self.assertEqual(command.finish().code, 0)
        self.runs(stack, "slow")
        self.assertFalse(second.has_state())
        self.nothing_is_left_over()


class PeopleWithKubectl(ConcurrencyCase):

    def shows_and_takes_back(self, stack, tag, *texts):
        self.plan_shows_changes(stack, "Drift: ", *texts)
        self.applies(stack)
        self.runs(stack, tag)
        self.plan_is_empty(stack)
        self.nothing_is_left_over()

    def test_scaled_meanwhile(self):
        stack = self.given_release("1.0.0")
        command = self.given_under_way(stack, "slow")

        self.scale(stack, 3)
        self.assertEqual(command.finish().code, 0)

        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 3)
        self.shows_and_takes_back(stack, "slow", "spec.replicas: 2 -> 3, by kubectl")

    def test_another_image_set_meanwhile(self):
        stack = self.given_release("1.0.0")
        command = self.given_under_way(stack, "slow")

        self.namespace.kubectl("set", "image", "deployment/" + stack.name, "web=" + image("1.1.0"))
        command.finish()

        with self.subTest("the state says what runs"):
            self.runs(stack, "1.1.0")
        self.shows_and_takes_back(stack, "slow", image("1.1.0"), "by kubectl-set")

    def test_paused_meanwhile(self):
        stack = self.given_release("1.0.0")
        command = self.given_under_way(stack, "slow", progress_deadline="12s")

        self.namespace.kubectl("rollout", "pause", "deployment/" + stack.name)
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "paused")
        self.assertIn("1.0.0", self.namespace.running_version(stack.name))
        with self.subTest("once it goes on, apply sets it right"):
            self.namespace.kubectl("rollout", "resume", "deployment/" + stack.name)
            self.applies(stack.declare("slow"))
            self.runs(stack, "slow")
            self.plan_is_empty(stack)
            self.nothing_is_left_over()

    def test_first_release_deleted_meanwhile(self):
        stack = self.new_stack()
        command = self.given_under_way(stack, "unready")

        self.namespace.kubectl("delete", "deployment", stack.name)
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "deleted by someone else")
        self.assertFalse(stack.has_state())
        self.does_not_exist(stack)
        self.nothing_is_left_over()

    def test_first_release_deleted_and_made_anew_by_someone_else(self):
        stack = self.new_stack()
        command = self.given_under_way(stack, "unready")
        theirs = with_field(stack.manifest, "spec.template.spec.containers.0.image", image("1.0.0"))

        self.namespace.kubectl("replace", "--force", "-f", "-", stdin=json.dumps(theirs))
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "someone else")
        self.assertFalse(stack.has_state())
        with self.subTest("theirs is not touched"):
            self.eventually(lambda: self.namespace.running_version(stack.name) == ["1.0.0"], "theirs runs")
            self.nothing_is_left_over()

    def test_namespace_deleted_meanwhile(self):
        stack = self.new_stack()
        namespace = self.namespace.name + "-doomed"
        self.namespace.kubectl("create", "namespace", namespace)
        self.addCleanup(self.namespace.kubectl, "delete", "namespace", namespace, "--wait=false", "--ignore-not-found")
        stack.declare("unready", manifest=with_field(stack.manifest, "metadata.namespace", namespace))
        command = stack.start_apply()
        self.eventually(lambda: self.namespace.kubectl("get", "deployment", stack.name, "-n", namespace, check=False),
                        "it was written")

        self.namespace.kubectl("delete", "namespace", namespace, "--wait=false")
        outcome = command.finish(seconds=60)

        self.assertEqual(outcome.code, 1, outcome)
        self.assertFalse(stack.has_state())
