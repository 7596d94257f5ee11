"""A good release by canary through a Gateway: users get the new version step by step, and nobody notices."""

import time

from canary_case import OWNER, CanaryCase, analysis, canary_deployment, duration, step, success_rate
from stack import Block, with_field
from traffic import ask


class GoodRelease(CanaryCase):

    def test_shifts_step_by_step_and_nobody_notices(self):
        stack = self.given_shop("1.0.0", analysis=None)
        before = self.route(stack)
        uid = self.uid(stack)
        stack.declare("1.1.0", step=[step(10, "6s"), step(30, "6s"), step(60, "6s")],
                      analysis=analysis(success_rate(), duration()))

        with self.subTest("plan says what will be seen"):
            told = "\n".join(stack.planned_change()["after"]["release_plan"])
            for words in ("10 %", "30 %", "60 %", "HTTPRoute " + stack.name, stack.canary, "success-rate",
                          "duration-p99", "promote"):
                self.assertIn(words, told)
        with self.users_of(stack, rate=50) as users, self.history_of_route(stack) as history:
            users.wait_for_first_answer()
            command = stack.start_apply()
            self.weight_becomes(stack, 10, command)
            with self.subTest("the Service of the canary selects its pods only"):
                endpoints = self.namespace.list("endpointslices", "kubernetes.io/service-name=" + stack.canary)
                pods = {address["targetRef"]["name"] for part in endpoints for address in part["endpoints"]}
                self.assertTrue(pods and all(pod.startswith(stack.canary + "-") for pod in pods), pods)
            outcome = command.finish()
            users.for_seconds(2)
            answers = users.answers()
            weights = self.shares_are_as_written(stack, history, answers)

        self.assertEqual(outcome.code, 0, outcome)
        self.nobody_noticed(answers)
        for weight in (0, 10, 30, 60):
            self.assertIn(weight, weights)
        # On a busy machine the first look at the route may come late.
        self.assertEqual([weight for weight in weights if weight], [10, 30, 60])
        self.assertEqual(set(answers.between(time.monotonic() - 1.5).versions()) - {"1.1.0"}, set())
        self.runs(stack, "1.1.0")
        self.assertEqual(self.uid(stack), uid)
        self.route_is_as_before(stack, before)
        self.nothing_is_left_of_the_canary(stack)
        with self.subTest("the state tells of it"):
            state = stack.state()
            self.assertEqual((state["status"]["phase"], state["status"]["weight"]), ("Succeeded", 0))
            report = {entry["metric"]: entry for entry in state["analysis_report"]}
            self.assertEqual(set(report), {"success-rate", "duration-p99"})
            for entry in report.values():
                self.assertEqual((entry["verdict"], entry["failures"]), ("pass", 0))
                self.assertGreaterEqual(entry["samples"], 3)
        with self.subTest("Events and the progress file tell the same"):
            told = stack.told()
            for weight in (10, 30, 60):
                self.assertTrue(any("%d %%" % weight in line or "%d%%" % weight in line for line in told), told)
            reasons = [line.split()[3].rstrip(":") for line in told]
            self.assertEqual(reasons[-1], "ReleaseSucceeded")
            # Before the very first write there was no object that an Event could be about.
            self.assertEqual(self.reasons(stack), reasons[1:])
        self.plan_is_empty(stack)
        self.plan_is_empty(stack)

    def test_those_who_match_get_the_canary(self):
        stack = self.given_shop("1.0.0", analysis=None)
        before = self.route(stack)
        stack.declare("1.1.0", step=[step(1, hold="6s")], analysis=None,
                      match=Block(header=Block(name="X-Canary", exact="always")))

        command = stack.start_apply()
        self.weight_becomes(stack, 1, command)
        time.sleep(1)
        matched = [ask(stack.host_name, headers={"X-Canary": "always"})[1]["X-Version"] for _ in range(10)]
        others = [ask(stack.host_name, headers={"X-Canary": "never"})[1]["X-Version"] for _ in range(10)]
        filtered = ask(stack.host_name, headers={"X-Canary": "always"})[1]["X-Routed-By"]

        self.assertEqual(command.finish().code, 0)
        self.assertEqual(matched, ["1.1.0"] * 10)
        self.assertGreaterEqual(others.count("1.0.0"), 9)
        self.assertEqual(filtered, "platform")
        self.runs(stack, "1.1.0")
        self.route_is_as_before(stack, before)

    def test_change_outside_the_pod_template_needs_no_canary(self):
        stack = self.given_shop("1.0.0", analysis=None)
        route = self.route(stack)
        stack.declare("1.0.0", analysis=None,
                      manifest=with_field(stack.manifest, "metadata.annotations", {"team": "shop"}))

        outcome = self.applies(stack)

        self.assertLess(outcome.seconds, 10)
        self.assertEqual(self.namespace.deployment(stack.name)["metadata"]["annotations"]["team"], "shop")
        self.assertEqual(self.route(stack)["metadata"]["resourceVersion"], route["metadata"]["resourceVersion"])
        self.plan_is_empty(stack)

    def test_checks_run_at_their_moments(self):
        stack = self.given_shop("1.0.0", analysis=None)

        def check(name, **more):
            asked = Block(target="canary", port=8080, path="/version", expect_body="1.1.0")
            return Block(name=name, http=asked, **more)

        stack.declare("1.1.0", analysis=None, step=[step(20, hold="1s", checks=["at-20"])],
                      check=[check("first", at="before_traffic"), check("at-20"), check("last", at="before_promotion")])

        self.applies(stack)

        self.runs(stack, "1.1.0")
        self.nothing_is_left_of_the_canary(stack)


class Autoscaled(CanaryCase):

    def test_replicas_are_the_autoscalers(self):
        stack = self.new_stack()
        stack.manifest = canary_deployment(stack.name, self.namespace.name, replicas=None)
        self.given_shop("1.0.0", stack, analysis=None)
        self.given_autoscaler(stack.name, 3)
        self.is_scaled_to(stack.name, 3)
        self.plan_is_empty(stack)
        stack.declare("1.1.0", step=[step(30, hold="20s"), step(60, hold="2s")], analysis=None)

        command = stack.start_apply()
        self.weight_becomes(stack, 30, command)
        with self.subTest("the canary's size follows from the live total"):
            self.assertEqual(self.namespace.get("deployment", stack.canary)["spec"]["replicas"], 1)
        self.given_autoscaler(stack.name, 4)
        self.is_scaled_to(stack.name, 4)
        self.weight_becomes(stack, 60, command)
        with self.subTest("at each step anew"):
            self.assertEqual(self.namespace.get("deployment", stack.canary)["spec"]["replicas"], 3)
        outcome = command.finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.runs(stack, "1.1.0")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 4)
        self.nothing_is_left_of_the_canary(stack)
        self.plan_is_empty(stack)


class Adopted(CanaryCase):

    def test_import_then_release(self):
        stack = self.given_shop("1.0.0", analysis=None)
        other = self.new_stack(stack.name)
        other.declare("1.0.0", analysis=None)

        imported = other.import_("%s/%s" % (self.namespace.name, stack.name))

        self.assertEqual(imported.code, 0, imported)
        pods = self.stable_pods(stack)
        self.applies(other)
        self.assertEqual(self.stable_pods(stack), pods)
        self.applies(other.declare("1.1.0", analysis=None, step=[step(20, hold="1s")]))
        self.runs(other, "1.1.0")
        self.nothing_is_left_of_the_canary(other)
