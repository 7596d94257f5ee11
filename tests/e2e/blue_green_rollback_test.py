"""Blue-green releases that fail, and traffic that somebody sends elsewhere."""

import json
import time

from blue_green_case import BlueGreenCase
from canary_case import analysis, success_rate
from kubernetes_cluster import eventually
from stack import Block
from traffic import ask


class BadVersion(BlueGreenCase):

    def test_slot_that_cannot_start_never_gets_a_request(self):
        stack = self.given_shop("1.0.0")
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            self.apply_fails(stack.declare("crash"), "CrashLoopBackOff", "rolled back")
            answers = users.answers()
        self.nobody_noticed(answers)
        self.assertEqual(len(self.of_slot(answers, stack, "green")), 0, answers)
        self.serves(stack, "blue", "1.0.0")
        self.assertEqual(self.size_of(stack, "green"), 0)
        self.nobody_else_is_left(stack)
        with self.subTest("it is not tried again by itself"):
            self.apply_fails(stack, "was rolled back at")

    def test_slot_that_fails_its_check_never_gets_a_request(self):
        stack = self.given_shop("1.0.0")
        smoke = Block(name="smoke", at="before_promotion",
                      http=Block(target="canary", port=8080, path="/version", expect_body="nothing like this"))
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            self.apply_fails(stack.declare("1.1.0", check=[smoke]), "smoke", "rolled back")
            answers = users.answers()
        self.nobody_noticed(answers)
        self.assertEqual(len(self.of_slot(answers, stack, "green")), 0, answers)

    def test_bad_metric_after_the_switch_switches_back_at_once(self):
        stack = self.given_shop("1.0.0")
        with self.users_of(stack, rate=50) as users:
            users.wait_for_first_answer()
            command = stack.declare("wrong", analysis=analysis(success_rate(), duration="20s",
                                                                inconclusive_limit=20)).start_apply()
            self.slot_becomes(stack, "green", command)
            self.slot_becomes(stack, "blue", command)
            back_at = time.monotonic()
            outcome = command.finish()
            users.for_seconds(2)
            answers = users.answers()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "success-rate", "rolled back")
        bad = answers.failed()
        self.assertTrue(bad, "the bad version was seen for a moment")
        print("\nswitch-back: users saw the bad version for %.3f s, for %.3f s after the write"
              % (bad[-1].asked_at - bad[0].asked_at, bad[-1].asked_at - back_at))
        self.assertEqual(len(answers.between(back_at + 3).failed()), 0, answers)
        self.assertEqual([answer for answer in bad if not (answer.pod or "").startswith(stack.slot("green"))], [])
        self.serves(stack, "blue", "1.0.0")
        self.assertEqual(self.size_of(stack, "green"), 0)

    def test_first_release_that_fails_leaves_nothing(self):
        stack = self.new_stack()
        self.given_service(stack)
        self.service_before = self.service(stack)
        self.apply_fails(stack.declare("crash"), "CrashLoopBackOff", "removed")
        self.everything_is_gone(stack)
        self.service_is_as_before(stack)
        self.assertFalse(stack.has_state())

    def test_kept_failure_is_there_to_be_looked_at(self):
        stack = self.given_shop("1.0.0")
        self.apply_fails(stack.declare("crash", on_failure="keep"), "CrashLoopBackOff", "left as it is")
        self.assertEqual(stack.phase(), "Failed")
        self.assertEqual((self.slot_of_service(stack), self.size_of(stack, "green")), ("blue", 1))
        self.applies(stack.declare("1.1.0", on_failure="keep"))
        self.serves(stack, "green", "1.1.0")
        self.nobody_else_is_left(stack)


class LostSwitch(BlueGreenCase):

    def patched(self, stack, value):
        operation = ([{"op": "remove", "path": "/spec/selector/slot"}] if value is None else
                     [{"op": "replace", "path": "/spec/selector/slot", "value": value}])
        self.namespace.kubectl("patch", "service", stack.name, "--type=json", "--field-manager=somebody",
                               "-p", json.dumps(operation))

    def test_slot_that_was_taken_out_is_told_with_its_author_and_repaired(self):
        stack = self.given_shop("1.0.0")
        self.patched(stack, None)
        self.plan_shows_changes(stack, "selects no slot", "somebody", "verify that all traffic goes to")
        self.applies(stack)
        self.serves(stack, "blue", "1.0.0")
        self.plan_is_empty(stack)

    def test_switch_by_hand_is_told_and_taken_back(self):
        stack = self.given_shop("1.0.0")
        self.applies(stack.declare("1.1.0"))
        self.patched(stack, "blue")
        self.plan_shows_changes(stack, "selects slot=blue instead of green", "somebody")
        self.applies(stack)
        self.serves(stack, "green", "1.1.0")
        self.plan_is_empty(stack)

    def test_switch_by_hand_during_a_release_ends_it(self):
        stack = self.given_shop("1.0.0")
        command = stack.declare("1.1.0", analysis=analysis(success_rate(), duration="60s",
                                                           inconclusive_limit=100)).start_apply()
        self.slot_becomes(stack, "green", command)
        self.patched(stack, "blue")
        outcome = command.finish()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "selects slot=blue", "somebody", "rolled back")
        self.serves(stack, "blue", "1.0.0")

    def test_slot_that_serves_is_deleted(self):
        stack = self.given_shop("1.0.0")
        self.applies(stack.declare("1.1.0"))
        self.namespace.kubectl("delete", "deployment", stack.slot("green"))
        self.plan_shows_changes(stack, "was deleted")
        self.applies(stack)
        self.serves(stack, "green", "1.1.0")
        eventually(lambda: ask(stack.host_name)[0] == 200, "it is reached again")
        self.plan_is_empty(stack)
