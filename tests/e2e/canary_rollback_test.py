"""Bad versions: found by what is measured or seen, taken back, and only the share of the canary was touched."""

from canary_case import CanaryCase, analysis, duration, step, success_rate, weight_in
from environment import image
from stack import Block


class RollbackCase(CanaryCase):

    def replica_sets(self, stack):
        return [item["metadata"]["name"] for item in self.namespace.list("replicasets", "app=" + stack.name)
                if not item["metadata"]["name"].startswith(stack.canary + "-")]

    def fails_and_is_undone(self, tag, *texts, share=0.2, **arguments):
        """Releases this version on a shop with users; returns what they got."""
        stack = self.given_shop("1.0.0", analysis=None)
        before, pods = self.route(stack), self.stable_pods(stack)
        replica_sets = self.replica_sets(stack)
        stack.declare(tag, **{"step": [step(20, hold="8s"), step(50)], **arguments})
        with self.users_of(stack, rate=40) as users, self.history_of_route(stack) as history:
            users.wait_for_first_answer()
            outcome = self.apply_fails(stack, "rolled back", *texts)
            users.for_seconds(1)
            answers = users.answers()
            weights = [weight for weight, _, _ in history.plateaus(lambda spec: weight_in(spec, stack.canary))]
        self.assertEqual(weights, [0, 20, 0] if share else [0])
        self.only_the_share_failed(stack, answers, share)
        with self.subTest("the stable version was not touched"):
            self.assertEqual(self.stable_pods(stack), pods)
            self.assertEqual(self.replica_sets(stack), replica_sets)
            self.runs(stack, "1.0.0")
        self.route_is_as_before(stack, before)
        self.nothing_is_left_of_the_canary(stack)
        state = stack.state()
        self.assertEqual(state["status"]["phase"], "RolledBack")
        self.assertEqual(state["images"], {"web": image("1.0.0")})
        self.assertEqual(state["failed_images"], {"web": image(tag)})
        return stack, outcome


class BadAnswers(RollbackCase):

    def test_errors_are_measured_and_the_same_version_is_not_tried_again(self):
        stack, outcome = self.fails_and_is_undone("flaky", "success-rate", "95")
        self.assertLess(outcome.seconds, 45)
        self.assertEqual(stack.state()["analysis_report"][0]["verdict"], "fail")

        with self.subTest("the next plan shows the change, and warns"):
            self.plan_shows_changes(stack, image("flaky"), "1 to change", "Warning: ", "retry")
        with self.subTest("apply refuses before it writes anything"):
            generation = self.generation(stack)
            route = self.route(stack)
            refused = self.apply_fails(stack, "retry", image("flaky"))
            self.assertLess(refused.seconds, 15)
            self.assertEqual(self.generation(stack), generation)
            self.assertEqual(self.route(stack), route)
            self.nothing_is_left_of_the_canary(stack)
        with self.subTest("a new retry_token tries it again"):
            stack.declare("flaky", step=[step(20, hold="8s")], retry_token="once more")
            with self.users_of(stack):
                self.apply_fails(stack, "success-rate")
        with self.subTest("the version before is nothing to do, and a good one is released"):
            self.plan_is_empty(stack.declare("1.0.0", step=[step(20, hold="8s")], retry_token="once more"))
            self.applies(stack.declare("1.1.0", analysis=None, step=[step(50, hold="1s")]))
            self.runs(stack, "1.1.0")

    def test_slowness_is_measured(self):
        self.fails_and_is_undone("laggy", "duration-p99", analysis=analysis(success_rate(), duration()))


class PodsThatDoNotWork(RollbackCase):

    def test_never_ready_gets_no_request(self):
        _, outcome = self.fails_and_is_undone("unready", "no progress", share=0, progress_deadline="12s")
        self.assertLess(outcome.seconds, 45)

    def test_crash_at_start_is_explained_and_gets_no_request(self):
        _, outcome = self.fails_and_is_undone(
            "crash", "CrashLoopBackOff", "cannot open database: connection refused", share=0)
        self.assertLess(outcome.seconds, 60)

    def test_crash_under_traffic(self):
        self.fails_and_is_undone("brittle", step=[step(20, hold="30s")])

    def test_check_before_traffic_keeps_users_away(self):
        smoke = Block(name="smoke", at="before_traffic", http=Block(target="canary", port=8080, path="/"))
        self.fails_and_is_undone("wrong", "smoke", "500", share=0, check=smoke)


class LeftAsItIs(CanaryCase):

    def test_hold_stays_at_the_weight_and_the_next_apply_measures_again(self):
        stack = self.given_shop("1.0.0", analysis=None)
        before = self.route(stack)
        stack.declare("flaky", on_failure="hold", step=[step(20, hold="8s"), step(50)])
        with self.users_of(stack):
            self.apply_fails(stack, "success-rate")
            self.assertEqual(stack.phase(), "Failed")
            self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 20)
            self.assertEqual(stack.state()["status"]["weight"], 20)
            self.plan_shows_changes(stack, "again")
            self.apply_fails(stack, "success-rate")
        self.assertEqual(stack.phase(), "Failed")

        self.applies(stack.declare("1.0.0", on_failure="hold", analysis=None))

        self.runs(stack, "1.0.0")
        self.route_is_as_before(stack, before)
        self.nothing_is_left_of_the_canary(stack)
