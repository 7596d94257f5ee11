"""A canary that waits for somebody to say yes: Held, and what is found out meanwhile."""

from canary_case import CanaryCase, analysis, step, weight_in
from environment import image
from gauge import Gauge


class ApprovalCase(CanaryCase):

    def declared(self, stack, tag, gauge, **arguments):
        return stack.declare(tag, **{"step": [step(20, hold="2s"), step(50, hold="2s")],
                                     "analysis": analysis(gauge.metric, initial_delay=None), **arguments})

    def given_held(self, gauge, **arguments):
        """A shop of 1.0.0 whose canary of 1.1.0 waits at 20 percent."""
        stack = self.given_shop("1.0.0", analysis=None)
        self.before = self.route(stack)
        self.applies(self.declared(stack, "1.1.0", gauge, approve_up_to=20, **arguments))
        self.is_held(stack, 20)
        return stack

    def is_held(self, stack, weight):
        state = stack.state()
        self.assertEqual((state["status"]["phase"], state["status"]["weight"]), ("Held", weight))
        self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), weight)
        self.assertEqual(state["images"], {"web": image("1.1.0")})
        self.assertEqual(state["running_images"], {"web": image("1.0.0")})

    def ends_well(self, stack, tag):
        self.assertEqual(stack.phase(), "Succeeded")
        self.runs(stack, tag)
        self.route_is_as_before(stack, self.before)
        self.nothing_is_left_of_the_canary(stack)


class Held(ApprovalCase):

    def test_waits_and_goes_on_when_more_is_approved(self):
        with Gauge() as gauge:
            stack = self.given_held(gauge)
            self.plan_is_empty(stack)
            self.plan_is_empty(stack)
            self.is_held(stack, 20)

            self.declared(stack, "1.1.0", gauge)
            self.plan_shows_changes(stack, "approve_up_to", "go on")
            with self.users_of(stack) as users:
                users.wait_for_first_answer()
                self.applies(stack)
            self.nobody_noticed(users.answers())
            self.ends_well(stack, "1.1.0")

    def test_measurement_that_fails_meanwhile_is_found_by_refresh_and_undone_by_apply(self):
        with Gauge() as gauge:
            stack = self.given_held(gauge)
            gauge.value = 7
            self.plan_shows_changes(stack, "complaints", "Failed")
            self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 20)  # a plan changes nothing

            self.apply_fails(stack, "complaints", "rolled back")

            self.assertEqual(stack.phase(), "RolledBack")
            self.runs(stack, "1.0.0")
            self.route_is_as_before(stack, self.before)
            self.nothing_is_left_of_the_canary(stack)

    def test_gives_way_to_another_version_that_starts_at_step_one(self):
        with Gauge() as gauge:
            stack = self.given_held(gauge)
            self.declared(stack, "2.0.0", gauge)
            with self.history_of_route(stack) as history:
                self.applies(stack)
                weights = [weight for weight, _, _ in history.plateaus(lambda spec: weight_in(spec, stack.canary))]
            self.assertEqual(weights, [20, 0, 20, 50, 0])
            self.ends_well(stack, "2.0.0")

    def test_gives_way_to_the_version_before(self):
        with Gauge() as gauge:
            stack = self.given_held(gauge)
            self.applies(self.declared(stack, "1.0.0", gauge))
            self.runs(stack, "1.0.0")
            self.route_is_as_before(stack, self.before)
            self.nothing_is_left_of_the_canary(stack)

    def test_is_destroyed_with_everything(self):
        with Gauge() as gauge:
            stack = self.given_held(gauge)
            self.destroys(stack)
            self.does_not_exist(stack)
            self.assertEqual(self.route(stack)["spec"], self.before["spec"])
            self.nothing_is_left_of_the_canary(stack)


class Approved(ApprovalCase):

    def test_without_traffic_first(self):
        stack = self.given_shop("1.0.0", analysis=None)
        self.before = self.route(stack)
        with Gauge() as gauge:
            self.applies(self.declared(stack, "1.1.0", gauge, approve_up_to=0))
            self.is_held(stack, 0)
            self.assertIsNotNone(self.namespace.get("deployment", stack.canary))
            self.plan_is_empty(stack)
            self.applies(self.declared(stack, "1.1.0", gauge))
            self.ends_well(stack, "1.1.0")

    def test_images_that_are_approved_do_not_wait(self):
        stack = self.given_shop("1.0.0", analysis=None)
        self.before = self.route(stack)
        with Gauge() as gauge:
            with self.subTest("others do"):
                self.applies(self.declared(stack, "1.1.0", gauge, approve_up_to=20, approved={"web": image("2.0.0")}))
                self.is_held(stack, 20)
            self.applies(self.declared(stack, "1.1.0", gauge, approve_up_to=20, approved={"web": image("1.1.0")}))
            self.ends_well(stack, "1.1.0")
