"""A/B tests with users: who sees variant B, what the report says of two variants that differ and of two that do not,
and how a test ends."""

import json
import time

from canary_case import SETTLED
from environment import image
from kubernetes_cluster import eventually
from traffic import binomial_band
from variant_case import HEADER, VariantCase, good_answers, matching, seconds_of_answers


class Routed(VariantCase):

    def test_who_matches_sees_b_and_nobody_else_notices(self):
        stack = self.given_shop()
        stack.declare(images={"web": image("2.0.0")}, env={"web": {"BUTTON": "green"}}, replicas=2, match=matching())
        plan = self.plan_shows_changes(stack, "1 to add", "web-", "not written", "BUTTON", "header X-Variant")
        self.does_not_say(plan, "green\"]")
        with self.users_of(stack) as users, self.users_of(stack, rate=10, headers=HEADER) as testers:
            users.wait_for_first_answer()
            self.applies(stack)
            time.sleep(SETTLED)
            began = time.monotonic()
            users.for_seconds(3)
            self.assertEqual(set(testers.answers().between(began).versions()), {"2.0.0"})
            self.assertTrue(all(answer.pod.startswith(stack.variant + "-")
                                for answer in testers.answers().between(began)))
            self.plan_stays_empty(stack)
            state = stack.state()
            self.assertEqual((state["variant"], state["serving"], state["stale"], state["ended"]),
                             (stack.variant, True, False, False))
            self.workload_was_not_touched(stack)
            self.destroys(stack)
            time.sleep(SETTLED)
            ended = time.monotonic()
            users.for_seconds(1)
            self.assertEqual(set(testers.answers().between(ended).versions()), {"1.0.0"})
        self.assertEqual(set(users.answers().versions()), {"1.0.0"})
        self.nobody_noticed(users.answers())
        self.assertEqual(len(testers.answers().failed()), 0, testers.answers())
        self.route_is_as_before(stack, self.route_before)
        self.workload_was_not_touched(stack)
        self.nothing_is_left(stack)

    def test_weight_is_counted_and_changed_in_place(self):
        stack = self.given_shop()
        self.applies(stack.declare(images={"web": image("2.0.0")}, weight=20))
        pods = {pod["metadata"]["name"] for pod in self.namespace.list("pods")}
        for weight in (20, 60):
            self.applies(stack.declare(images={"web": image("2.0.0")}, weight=weight))
            with self.users_of(stack, rate=60) as users:
                users.wait_for_first_answer()
                time.sleep(SETTLED)
                answers = users.for_seconds(4)
            low, high = binomial_band(len(answers), weight / 100)
            self.assertTrue(low <= len(answers.of("2.0.0")) <= high, answers)
            self.nobody_noticed(users.answers())
            self.plan_stays_empty(stack)
        self.assertEqual({pod["metadata"]["name"] for pod in self.namespace.list("pods")}, pods)
        self.destroys(stack)
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)


class Compared(VariantCase):

    def measured(self, env, **metrics):
        """A test in which both sides got some hundred requests."""
        stack = self.given_shop(ERROR_PERCENT="20")
        stack.declare(env={"web": {"VERSION": "b", **env}}, replicas=2, weight=50, confidence=0.999, interval="2s",
                      metric=[good_answers(), seconds_of_answers()])
        self.applies(stack)
        self.assertEqual({entry["verdict"] for entry in stack.state()["report"]}, {"not_enough_data"})
        with self.users_of(stack, rate=60) as users:
            users.wait_for_first_answer()

            def enough():
                self.assertEqual(stack.refresh().code, 0)
                return all(entry["verdict"] != "not_enough_data" for entry in stack.state()["report"]) and \
                    stack.report("good-answers")["samples"] >= 500
            eventually(enough, "there is enough to compare", seconds=90)
        self.plan_stays_empty(stack)
        return stack

    def test_a_real_difference_is_found_in_both_directions(self):
        stack = self.measured({"ERROR_PERCENT": "60", "DELAY": "50ms"})
        answers, seconds = stack.report("good-answers"), stack.report("seconds")
        self.assertEqual((answers["verdict"], seconds["verdict"]), ("worse", "worse"))
        self.assertAlmostEqual(answers["a"]["mean"], 0.8, delta=0.1)
        self.assertAlmostEqual(answers["b"]["mean"], 0.4, delta=0.1)
        self.assertLess(answers["effect_high"], 0)
        self.assertGreater(seconds["effect_low"], 0.03)
        self.assertLess(answers["p_value"], 0.001)
        with self.subTest("a change of what is better changes the verdict alone"):
            self.applies(stack.declare(
                env={"web": {"VERSION": "b", "ERROR_PERCENT": "60", "DELAY": "50ms"}}, replicas=2, weight=50,
                confidence=0.999, interval="2s", metric=[good_answers(direction="decrease"), seconds_of_answers()]))
            stack.refresh()
            self.assertEqual(stack.report("good-answers")["verdict"], "better")
        self.destroys(stack)
        self.nothing_is_left(stack)

    def test_without_a_difference_there_is_no_winner(self):
        stack = self.measured({})
        self.assertEqual({entry["metric"]: entry["verdict"] for entry in stack.state()["report"]},
                         {"good-answers": "no_difference", "seconds": "no_difference"})
        report = stack.report("good-answers")
        self.assertLess(report["effect_low"], 0)
        self.assertGreater(report["effect_high"], 0)
        self.destroys(stack)
        self.nothing_is_left(stack)


class Ends(VariantCase):

    def test_when_its_time_is_over(self):
        stack = self.given_shop()

        def declared(duration):
            return stack.declare(images={"web": image("2.0.0")}, weight=50, duration=duration)

        self.applies(declared("3s"))
        self.assertFalse(stack.state()["ended"])
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            time.sleep(3)
            self.plan_shows_changes(stack, "1 to change", "out of the route")
            self.plan_shows_changes(stack, "1 to change")
            self.applies(stack)
        self.nobody_noticed(users.answers())
        self.assertEqual((stack.state()["ended"], stack.state()["serving"]), (True, False))
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)
        self.plan_stays_empty(stack)
        with self.subTest("more time begins a new test"):
            self.applies(declared("1h"))
            self.assertEqual((stack.state()["ended"], stack.state()["serving"]), (False, True))
            self.plan_stays_empty(stack)
        with self.subTest("a time that is over already ends it"):
            time.sleep(1)
            self.applies(declared("1s"))
            self.assertEqual((stack.state()["ended"], stack.state()["serving"]), (True, False))
            self.nothing_is_left(stack)
            self.plan_stays_empty(stack)
        self.destroys(stack)


class Meanwhile(VariantCase):

    def test_a_new_template_of_the_workload_makes_b_anew(self):
        stack = self.given_shop()
        self.applies(stack.declare(env={"web": {"VERSION": "b"}}, match=matching()))
        uid = self.namespace.deployment(stack.variant)["metadata"]["uid"]
        self.eventually_answered_by(stack, "b", HEADER)
        self.given_workload(stack, "1.1.0", NEW="yes")
        self.plan_shows_changes(stack, "is stale", "1 to change")
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            self.applies(stack)
        self.nobody_noticed(users.answers())
        variant = self.namespace.deployment(stack.variant)
        self.assertNotEqual(variant["metadata"]["uid"], uid)
        container = variant["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], image("1.1.0"))
        self.assertIn({"name": "NEW", "value": "yes"}, container["env"])
        self.eventually_answered_by(stack, "b", HEADER)
        self.plan_stays_empty(stack)
        self.destroys(stack)
        self.nothing_is_left(stack)

    def test_what_others_take_away_is_told_and_made_anew(self):
        stack = self.given_shop()
        self.applies(stack.declare(images={"web": image("2.0.0")}, weight=30))
        with self.subTest("the variant"):
            self.namespace.kubectl("delete", "deployment", stack.variant)
            self.plan_shows_changes(stack, stack.variant + " was deleted", "1 to change")
            self.applies(stack)
            self.plan_stays_empty(stack)
        with self.subTest("the route"):
            rules = [{"op": "replace", "path": "/spec/rules/1/backendRefs/1/weight", "value": 90}]
            self.namespace.kubectl("patch", "httproute", stack.name, "--type=json", "--field-manager=intruder",
                                   "-p", json.dumps(rules))
            self.plan_shows_changes(stack, "intruder", "1 to change")
            self.applies(stack)
            self.plan_stays_empty(stack)
        self.destroys(stack)
        self.nothing_is_left(stack)

    def test_a_workload_that_is_gone_is_told_and_the_route_given_back(self):
        stack = self.given_shop()
        self.applies(stack.declare(images={"web": image("2.0.0")}, weight=30))
        self.namespace.kubectl("delete", "deployment", stack.name)
        self.plan_shows_changes(stack, stack.name, "does not exist", "destroy")
        self.apply_fails(stack, "does not exist", "Nothing was changed")
        self.destroys(stack)
        self.route_is_as_before(stack, self.route_before)
        eventually(lambda: self.namespace.get("deployment", stack.variant) is None, "the variant went with it")
        self.assertEqual(self.namespace.leftovers(), [])

    def test_import_and_its_first_apply_change_nothing(self):
        stack = self.given_shop()
        stack.declare(images={"web": image("2.0.0")}, weight=30)
        self.applies(stack)
        before = self.namespace.deployment(stack.variant)
        (stack.folder / "terraform.tfstate").unlink()
        with self.subTest("a second test of the workload is refused"):
            self.apply_fails(stack.declare(images={"web": image("1.1.0")}, weight=30), "serves already", "import")
        stack.declare(images={"web": image("2.0.0")}, weight=30)
        outcome = stack.import_("%s/%s" % (self.namespace.name, stack.name))
        self.assertEqual(outcome.code, 0, outcome)
        self.applies(stack)
        now = self.namespace.deployment(stack.variant)
        self.assertEqual((now["metadata"]["uid"], now["spec"]), (before["metadata"]["uid"], before["spec"]))
        self.plan_stays_empty(stack)
        self.destroys(stack)
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)
