"""The state of an image policy: it can be imported, and a provider that is killed leaves it whole."""

import time

from fault_proxy import Delay
from faulty_registry import FaultyRegistry
from image_policy_case import ImagePolicyCase


class Import(ImagePolicyCase):

    def imported(self, repository, suffix):
        stack = self.new_policy().declare(repository)
        outcome = stack.import_(repository.reference + suffix)
        self.assertEqual(outcome.code, 0, outcome)
        return stack

    def test_repository(self):
        repository = self.new_repository("1.3.9", "1.4.0")

        stack = self.imported(repository, "")

        self.assertEqual(stack.state()["repository"], repository.reference)
        self.apply_selects(stack, repository, "1.4.0")
        self.plan_is_empty(stack)

    def test_tag_sets_the_current_selection(self):
        repository = self.new_repository("1.3.9", "1.4.0")

        stack = self.imported(repository, ":1.3.9")

        self.selects(stack, repository, "1.3.9")
        self.applies(stack)
        self.applies(stack)  # the first records the arguments
        self.selects(stack, repository, "1.4.0")
        self.plan_is_empty(stack)

    def test_tag_and_digest(self):
        repository = self.new_repository("1.4.0")

        stack = self.imported(repository, ":1.4.0@" + repository.digest("1.4.0"))

        self.selects(stack, repository, "1.4.0")
        change = stack.planned_change()
        self.assertEqual([change["after"].get(name) for name in ("tag", "digest", "image")],
                         [change["before"][name] for name in ("tag", "digest", "image")])
        self.applies(stack)
        self.plan_is_empty(stack)

    def test_what_is_not_there(self):
        repository = self.new_repository("1.4.0")
        stack = self.new_policy().declare(repository)

        for suffix in (":1.9.9", "@sha256:" + "0" * 64, ":1.4.0@sha256:" + "0" * 64, ":not a tag"):
            with self.subTest(suffix):
                outcome = stack.import_(repository.reference + suffix)
                self.assertEqual(outcome.code, 1, outcome)
                self.says(outcome, suffix.lstrip(":@")[:20])
                self.assertFalse(stack.has_state())


class Killed(ImagePolicyCase):

    def killed_while_listing(self, stack, slow):
        slow.inject("list", Delay(5))
        slow.forget()
        command = stack.start_apply()
        self.eventually(lambda: slow.requests("list"), "the tags are listed")
        stack.kill_provider()
        self.assertEqual(command.finish().code, 1)
        slow.mend()

    def test_state_is_whole(self):
        repository = self.new_repository("1.3.9")
        with FaultyRegistry(self.registry) as slow:
            stack = self.new_policy(slow.host).declare(self.seen_from(slow.host, repository))

            self.killed_while_listing(stack, slow)
            self.assertFalse(stack.has_state())
            self.apply_selects(stack, repository, "1.3.9")

            repository.push("1.4.0")
            self.killed_while_listing(stack, slow)
            self.selects(stack, repository, "1.3.9")
            self.apply_selects(stack, repository, "1.4.0")
            self.plan_is_empty(stack)

    def test_interrupted_apply_ends_soon(self):
        with FaultyRegistry(self.registry) as slow:
            repository = self.seen_from(slow.host, self.new_repository("1.3.9"))
            stack = self.new_policy(slow.host).declare(repository)
            stack.plan("-out=saved.tfplan")  # the host pays no heed to Ctrl-C while an apply plans
            slow.forget()
            slow.inject("list", Delay(30))
            command = stack.start("apply", "-no-color", "-input=false", "saved.tfplan")
            self.eventually(lambda: slow.requests("list"), "the tags are listed")
            began = time.monotonic()
            command.interrupt()

            command.finish()

        self.assertLess(time.monotonic() - began, 15)
        self.assertFalse(stack.has_state() and stack.is_tainted())
