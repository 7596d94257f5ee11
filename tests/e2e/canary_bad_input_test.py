"""Canaries that cannot be, or that somebody else disturbs: what is wrong is said before anything is written, and what
goes wrong in between ends with the stable version serving."""

import http.server
import json
import threading

from canary_case import (OURS, OWNER, CanaryCase, analysis, gateway_api, http_route, metric, service, step,
                         success_rate, weight_in)
from environment import image
from kubernetes_cluster import eventually
from stack import Block, with_field


class WrongConfiguration(CanaryCase):
    """Found by plan, all of it at once, without a look at the cluster."""

    def refused(self, *texts, **arguments):
        with self.subTest(texts[0]):
            stack = self.new_stack().declare("1.0.0", **arguments)
            outcome = stack.plan()
            self.assertEqual(outcome.code, 1, outcome)
            self.says(outcome, *texts)

    def test_steps(self):
        self.refused("step", step=None)
        self.refused("weight", "50", step=[step(50), step(20)])
        self.refused("weight", "20", step=[step(20), step(20)])
        self.refused("100", step=[step(101)])
        self.refused("weight", step=[step(0)])
        self.refused("hold", step=[Block(weight=20)])
        self.refused("interval", step=[step(20, hold="500ms")])
        self.refused("hold", "soon", step=[step(20, hold="soon")])
        self.refused("no-such-check", step=[step(20, checks=["no-such-check"])])

    def test_traffic(self):
        self.refused("traffic", traffic=None)
        self.refused("traffic", traffic=Block())
        self.refused("traffic", traffic=Block(gateway_api=Block(route="web", service="web"), replicas=Block()))
        self.refused("service", traffic=Block(gateway_api=Block(route="web")))

    def test_misspelt_arguments(self):
        self.refused("wieght", step=[Block(wieght=20, hold="4s")])
        self.refused("rout", traffic=Block(gateway_api=Block(rout="web", service="web")))
        self.refused("aprove_up_to", aprove_up_to=20)
        self.refused("intervall", analysis=Block(intervall="1s", metric=success_rate()))

    def test_analysis(self):
        self.refused("metric", analysis=Block(interval="1s"))
        self.refused("decides", analysis=analysis(metric("success-rate", "vector(1)")))
        self.refused("success-rate", analysis=analysis(success_rate(), success_rate()))
        self.refused("nobody", analysis=analysis(metric("rate", 'up{pod=~"{{nobody}}"}', min=1)))
        self.refused("on_no_traffic", on_no_traffic="shrug")

    def test_workloads_that_have_no_canary(self):
        stack = self.new_stack()
        for kind in ("StatefulSet", "DaemonSet"):
            with self.subTest(kind):
                manifest = with_field(with_field(stack.manifest, "kind", kind), "spec.strategy", {})
                stack.declare("1.0.0", manifest=manifest)
                self.plan_fails(stack, kind, "delivery_rollout")

    def test_several_mistakes_are_told_at_once(self):
        stack = self.new_stack().declare("1.0.0", step=[step(50), step(20)], on_no_traffic="shrug")
        self.plan_fails(stack, "on_no_traffic", "weight")


class WrongRoute(CanaryCase):
    """Found before the first write: nothing of a canary is made, and the route is not touched."""

    def refused(self, stack, *texts, **arguments):
        generation = self.generation(stack)
        self.apply_fails(stack.declare("1.1.0", **{"analysis": None, **arguments}), *texts)
        self.assertEqual(self.generation(stack), generation)
        self.nothing_is_left_of_the_canary(stack)
        self.assertEqual(stack.state()["images"], {"web": image("1.0.0")})

    def route_has(self, stack, edit):
        route = http_route(stack.name, stack.host_name, stack.name)
        edit(route["spec"]["rules"])
        self.namespace.apply(route, OWNER)

    def test_that_is_not_there_or_not_clear(self):
        stack = self.given_shop("1.0.0", analysis=None)
        with self.subTest("no route"):
            self.refused(stack, "HTTPRoute", "nowhere", traffic=gateway_api("nowhere", stack.name))
        with self.subTest("no Service"):
            self.refused(stack, "nothing", traffic=gateway_api(stack.name, "nothing"))
        with self.subTest("no rule"):
            self.route_has(stack, lambda rules: rules.pop(1))
            self.refused(stack, "HTTPRoute", stack.name, "rule")
        with self.subTest("two rules"):
            self.route_has(
                stack, lambda rules: rules.append({**rules[1], "matches": [{"path": {"value": "/v2"}}]}))
            self.refused(stack, "HTTPRoute", stack.name, "rule_name")
        with self.subTest("a rule that splits"):
            other = {"name": stack.name + "-static", "port": 80}
            self.route_has(stack, lambda rules: rules[1]["backendRefs"].append(other))
            self.refused(stack, "HTTPRoute", stack.name, "split")
        with self.subTest("a Service that selects other pods"):
            self.route_has(stack, lambda rules: None)
            self.namespace.apply(service(stack.name, "somebody-else"), OWNER)
            self.refused(stack, "Service", stack.name, "select")
            self.namespace.apply(service(stack.name, stack.name), OWNER)
        with self.subTest("all is well again"):
            self.applies(stack.declare("1.1.0", analysis=None, step=[step(50, hold="1s")]))

    def test_stable_version_that_is_not_healthy(self):
        stack = self.given_shop("1.0.0", analysis=None)
        self.namespace.kubectl("set", "image", "deployment/" + stack.name, "web=" + image("crash"))
        eventually(lambda: self.namespace.deployment(stack.name)["status"].get("unavailableReplicas"), "it is ill")
        outcome = stack.declare("1.1.0", analysis=None, drift_mode="ignore", progress_deadline="15s").apply()
        self.assertEqual(outcome.code, 1, outcome)
        self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 0)
        self.nothing_is_left_of_the_canary(stack)


class BadPrometheus:
    """Answers everything with this; works while a `with` lasts."""

    def __init__(self, status, body):
        self._answer = (status, json.dumps(body).encode())

    def __enter__(self):
        status, body = self._answer

        class Handler(http.server.BaseHTTPRequestHandler):

            def do_GET(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return "http://127.0.0.1:%d" % self._server.server_port

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


def vector(*values):
    return {"status": "success", "data": {"resultType": "vector", "result": [
        {"metric": {"pod": str(number)}, "value": [0, value]} for number, value in enumerate(values)]}}


class MetricsThatDecideNothing(CanaryCase):

    def is_undone(self, stack, *texts):
        """No release passes without a measurement."""
        before = self.route(stack)
        self.apply_fails(stack, "rolled back", *texts)
        self.runs(stack, "1.0.0")
        self.route_is_as_before(stack, before)
        self.nothing_is_left_of_the_canary(stack)

    def declared(self, stack, query="vector(1)", url=None):
        source = Block(query=query, url=url) if url else Block(query=query)
        judged = Block(name="judge", min=1, prometheus=source)
        return stack.declare("1.1.0", step=[step(20, hold="15s")], retry="always", analysis=analysis(
            judged, initial_delay=None, consecutive_error_limit=2, inconclusive_limit=2))

    def test_source_that_does_not_answer(self):
        stack = self.given_shop("1.0.0", analysis=None)
        with self.subTest("down"):
            self.declared(stack, url="http://127.0.0.1:9")
            self.says(stack.plan(), "Warning: ", "judge")
            self.is_undone(stack, "judge")
        with self.subTest("401"), BadPrometheus(401, {"status": "error", "error": "who are you?"}) as url:
            self.is_undone(self.declared(stack, url=url), "judge", "401")
        with self.subTest("a query that is none"):
            self.declared(stack, query="sum(rate(http_requests_total[5s])")
            self.says(stack.plan(), "Warning: ", "judge", "parse error")
            self.is_undone(stack, "judge", "parse error")

    def test_answers_that_say_nothing(self):
        stack = self.given_shop("1.0.0", analysis=None)
        for what, values in (("empty", ()), ("NaN", ("NaN",)), ("several elements", ("1", "2"))):
            with self.subTest(what), BadPrometheus(200, vector(*values)) as url:
                self.is_undone(self.declared(stack, url=url), "judge")
                entry, = stack.state()["analysis_report"]
                self.assertGreater(entry["inconclusive"], 0)
                self.assertEqual((entry["failures"], entry["verdict"]), (0, "inconclusive"))

    def test_no_traffic(self):
        stack = self.given_shop("1.0.0", analysis=None)
        steps = [step(20, hold="12s")]
        self.apply_fails(stack.declare("1.1.0", step=steps), "success-rate", "rolled back")
        self.runs(stack, "1.0.0")
        self.nothing_is_left_of_the_canary(stack)


class Disturbed(CanaryCase):
    """Somebody else is at work during a release."""

    def given_at_20(self):
        stack = self.given_shop("1.0.0", analysis=None)
        self.command = stack.declare("1.1.0", analysis=None, step=[step(20, hold="20s"), step(50)]).start_apply()
        self.weight_becomes(stack, 20, self.command)
        return stack

    def fails(self, stack, *texts):
        outcome = self.command.finish()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, *texts)
        self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 0)
        self.nothing_is_left_of_the_canary(stack)

    def test_route_is_written_by_its_owner(self):
        stack = self.given_at_20()
        self.namespace.apply(http_route(stack.name, stack.host_name, stack.name), OWNER, force=True)
        self.fails(stack, "HTTPRoute", OWNER)
        self.runs(stack, "1.0.0")
        route = self.route(stack)
        self.assertEqual([reference["name"] for reference in route["spec"]["rules"][1]["backendRefs"]], [stack.name])
        self.assertNotIn(OURS, [entry["manager"] for entry in route["metadata"]["managedFields"]])
        self.namespace.apply(http_route(stack.name, stack.host_name, stack.name), OWNER)

    def test_canary_is_deleted(self):
        stack = self.given_at_20()
        self.namespace.kubectl("delete", "deployment", stack.canary)
        outcome = self.command.finish()
        self.assertIsNone(self.namespace.get("deployment", stack.canary))
        self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 0)
        self.nothing_is_left_of_the_canary(stack)
        self.runs(stack, "1.1.0" if outcome.code == 0 else "1.0.0")

    def test_stable_version_is_changed(self):
        stack = self.given_at_20()
        self.namespace.kubectl("set", "image", "deployment/" + stack.name, "web=" + image("2.0.0"))
        self.fails(stack, "kubectl-set")

    def test_second_apply_is_told_who_is_at_it(self):
        stack = self.given_at_20()
        second = self.new_stack(stack.name).declare("2.0.0", analysis=None)
        (second.folder / "terraform.tfstate").write_text((stack.folder / "terraform.tfstate").read_text())
        self.apply_fails(second, "another apply is releasing this workload", "is held by")
        self.assertEqual(self.command.finish().code, 0)
        self.runs(stack, "1.1.0")
        self.nothing_is_left_of_the_canary(stack)


class Journal(CanaryCase):

    def given_held(self):
        stack = self.given_shop("1.0.0", analysis=None)
        self.applies(stack.declare("1.1.0", analysis=None, approve_up_to=20))
        self.assertEqual(stack.phase(), "Held")
        return stack

    def test_that_cannot_be_read_is_an_error_with_the_way_out(self):
        stack = self.given_held()
        journal = "delivery-deployment-" + stack.name
        written = self.namespace.get("configmap", journal)["data"]["state"]
        newer = json.dumps({**json.loads(written), "schema_version": 999})
        stack.declare("1.1.0", analysis=None)
        for what, state in (("damaged", "{"), ("of a newer version", newer)):
            with self.subTest(what):
                self.namespace.kubectl("patch", "configmap", journal, "-p", json.dumps({"data": {"state": state}}))
                self.apply_fails(stack, journal)
                self.assertEqual(weight_in(self.route(stack)["spec"], stack.canary), 20)
        self.namespace.kubectl("patch", "configmap", journal, "-p", json.dumps({"data": {"state": written}}))
        self.applies(stack)
        self.runs(stack, "1.1.0")
        self.nothing_is_left_of_the_canary(stack)
