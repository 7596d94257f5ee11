"""A canary that waits for somebody to say yes: Held, and what is found out meanwhile."""

import http.server
import json
import threading

from canary_case import CanaryCase, analysis, step, weight_in
from environment import image
from stack import Block


class Gauge:
    """A metric that says what the test wants; works while a `with` lasts."""

    def __init__(self, value=0):
        self.value = value

    def __enter__(self):
        gauge = self

        class Handler(http.server.BaseHTTPRequestHandler):

            def do_GET(self):
                body = json.dumps({"data": [{"value": gauge.value}]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.metric = Block(name="complaints", max=3, http=Block(
            url="http://127.0.0.1:%d/" % self._server.server_port, json_path="$.data[0].value"))
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


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
