"""Mirrors with users: the mirrored share is counted on the real data plane, and nothing that the mirror answers
reaches anybody. The objects of routers that do not run here are checked against their definitions."""

import json
import re
import time

from canary_backends_test import destination_rule, ingress, ingress_route, traefik_service, virtual_service
from canary_case import http_route
from environment import image
from kubernetes_cluster import eventually, kubectl
from stack import Block
from traffic import binomial_band
from variant_case import VariantCase, good_answers


class MirrorCase(VariantCase):

    resource_type = "delivery_traffic_mirror"
    suffix = "-mirror"

    def given_mirrored(self, *objects, labels=None):
        stack = self.new_stack()
        self.given_workload(stack, labels=labels)
        self.routed(stack, *[make(stack) for make in objects])
        self.pods_before = self.pods_of_workload(stack)
        return stack

    def requests_of(self, prefix):
        """How many requests the pods with this prefix have answered, by their own count."""
        count = 0
        for pod in self.namespace.list("pods"):
            if not pod["metadata"]["name"].startswith(prefix):
                continue
            page = kubectl("get", "--raw", "/api/v1/namespaces/%s/pods/%s:8080/proxy/metrics"
                           % (self.namespace.name, pod["metadata"]["name"]))
            count += sum(int(number) for number in re.findall(r"^http_requests_total{[^}]*} (\d+)$", page, re.MULTILINE))
        return count

    def settled_requests_of(self, prefix):
        """... once those under way have ended."""
        before = -1
        while (now := self.requests_of(prefix)) != before:
            before = now
            time.sleep(1)
        return now

    def goes_without_a_trace(self, stack):
        self.plan_stays_empty(stack)
        self.workload_was_not_touched(stack)
        self.destroys(stack)
        self.objects_are_as_before()
        self.workload_was_not_touched(stack)
        self.nothing_is_left(stack)


class Traefik(MirrorCase):

    def traffic(self, stack):
        return Block(traefik=Block(traefik_service=stack.name, service=stack.name))

    def test_share_is_counted_and_errors_of_the_mirror_reach_nobody(self):
        stack = self.given_mirrored(traefik_service, ingress_route)
        self.is_reached(stack)
        # Every answer of it is an error.
        stack.declare(images={"web": image("wrong")}, percent=30, traffic=self.traffic(stack),
                      metric=[good_answers()], interval="2s")
        with self.users_of(stack, rate=60) as users:
            users.wait_for_first_answer()
            self.applies(stack)
            eventually(lambda: self.requests_of(stack.variant + "-") > 0, "the router mirrors")
            users.for_seconds(3)
        self.nobody_noticed(users.answers())
        self.assertEqual(set(users.answers().versions()), {"1.0.0"})
        with self.subTest("the share"):
            before = self.settled_requests_of(stack.variant + "-")
            with self.users_of(stack, rate=60) as more:
                more.wait_for_first_answer()
                more.for_seconds(6)
            asked = len(more.answers())
            copied = self.settled_requests_of(stack.variant + "-") - before
            low, high = binomial_band(asked, 0.3)
            self.assertTrue(low <= copied <= high, "%d of %d, not %d to %d" % (copied, asked, low, high))
        with self.subTest("what it answers is measured"):
            def is_worse():
                self.assertEqual(stack.refresh().code, 0)
                return stack.report("good-answers")["verdict"] == "worse"
            eventually(is_worse, "the report says so")
            report = stack.report("good-answers")
            self.assertEqual(report["b"]["mean"], 0)
            self.assertGreater(report["a"]["mean"], 0.95)
        self.goes_without_a_trace(stack)

    def test_share_is_changed_in_place(self):
        stack = self.given_mirrored(traefik_service, ingress_route)
        self.is_reached(stack)
        for percent in (10, 100):
            self.applies(stack.declare(images={"web": image("1.1.0")}, percent=percent, traffic=self.traffic(stack)))
            mirrors = self.live(self.objects[0])["spec"]["mirroring"]["mirrors"]
            self.assertEqual([(entry["name"], entry["percent"]) for entry in mirrors], [(stack.variant, percent)])
        self.goes_without_a_trace(stack)

    def test_one_that_cannot_start_leaves_nothing(self):
        stack = self.given_mirrored(traefik_service, ingress_route)
        self.is_reached(stack)
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            stack.declare(images={"web": image("crash")}, traffic=self.traffic(stack))
            self.apply_fails(stack, "CrashLoopBackOff", "cannot open database", "nothing is left of it")
        self.nobody_noticed(users.answers())
        self.assertFalse(stack.has_state())
        self.objects_are_as_before()
        self.nothing_is_left(stack)


class OtherRouters(MirrorCase):

    def test_gateway_api(self):
        def of_another_gateway(stack):
            route = http_route(stack.name, stack.host_name, stack.name)
            route["spec"]["parentRefs"] = [{"name": "mesh"}]  # of a class that says nothing
            return route

        stack = self.given_mirrored(of_another_gateway)
        traffic = Block(gateway_api=Block(route=stack.name, service=stack.name))
        for percent in (20, 100):
            self.applies(stack.declare(images={"web": image("1.1.0")}, percent=percent, traffic=traffic))
            static, web = self.live(self.objects[0])["spec"]["rules"]
            self.assertEqual(static, self.before[0]["spec"]["rules"][0])
            added, mirror = web["filters"]
            self.assertEqual([added], self.before[0]["spec"]["rules"][1]["filters"])
            self.assertEqual((mirror["type"], mirror["requestMirror"]["backendRef"]["name"],
                              mirror["requestMirror"]["backendRef"]["port"], mirror["requestMirror"].get("percent", 100)),
                             ("RequestMirror", stack.variant, 80, percent))
        self.goes_without_a_trace(stack)

    def test_istio(self):
        stack = self.given_mirrored(virtual_service, destination_rule, labels={"track": "stable"})
        self.applies(stack.declare(images={"web": image("1.1.0")}, percent=20, traffic=Block(istio=Block(
            virtual_service=stack.name, service=stack.name, destination_rule=stack.name, route_names=["web"]))))
        static, web = self.live(self.objects[0])["spec"]["http"]
        self.assertEqual(static, self.before[0]["spec"]["http"][0])
        subsets = {subset["name"]: subset["labels"] for subset in self.live(self.objects[1])["spec"]["subsets"]}
        for destination, pods_of in ((web["route"][0]["destination"], stack.name), (web["mirror"], stack.variant)):
            selector = ",".join("%s=%s" % label for label in subsets[destination["subset"]].items())
            pods = [pod["metadata"]["name"] for pod in self.namespace.list("pods", "app=%s,%s" % (stack.name, selector))]
            self.assertTrue(pods)
            self.assertTrue(all(pod.rsplit("-", 2)[0] == pods_of for pod in pods), pods)
        self.assertEqual(web["mirrorPercentage"], {"value": 20})
        self.goes_without_a_trace(stack)

    def test_nginx_ingress(self):
        stack = self.given_mirrored(ingress)
        self.applies(stack.declare(images={"web": image("1.1.0")}, percent=100, traffic=Block(nginx_ingress=Block(
            ingress=stack.name, service=stack.name))))
        live = self.live(self.objects[0])
        self.assertEqual(live["metadata"]["annotations"]["nginx.ingress.kubernetes.io/mirror-target"],
                         "http://%s.%s.svc:80$request_uri" % (stack.variant, self.namespace.name))
        self.assertEqual(live["spec"], self.before[0]["spec"])
        self.goes_without_a_trace(stack)


class Meanwhile(MirrorCase):

    def test_a_mirror_that_somebody_removes_is_told_and_made_anew(self):
        stack = self.given_mirrored(traefik_service, ingress_route)
        self.is_reached(stack)
        self.applies(stack.declare(images={"web": image("1.1.0")}, percent=50, traffic=Block(
            traefik=Block(traefik_service=stack.name, service=stack.name))))
        self.namespace.kubectl("patch", "traefikservice", stack.name, "--type=json", "--field-manager=intruder", "-p",
                               json.dumps([{"op": "remove", "path": "/spec/mirroring/mirrors"}]))
        self.plan_shows_changes(stack, "no longer serves", "1 to change")
        self.applies(stack)
        eventually(lambda: self.live(self.objects[0])["spec"]["mirroring"].get("mirrors"), "it is mirrored again")
        self.plan_stays_empty(stack)
        self.destroys(stack)
        self.nothing_is_left(stack)
