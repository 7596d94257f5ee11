"""A/B tests and mirrors that cannot be: what is wrong is said before anything is written."""

from canary_backends_test import ingress, traefik_service
from canary_case import OWNER, CanaryCase, http_route, service, step
from environment import image
from stack import Block
from traffic_mirror_test import MirrorCase
from variant_case import VariantCase, VariantStack, good_answers, matching


class WrongConfiguration(VariantCase):
    """Found by plan without a look at the cluster, each with its attribute."""

    def refused(self, *texts, **arguments):
        with self.subTest(texts[0]):
            stack = self.new_stack().declare(images={"web": image("1.0.0")}, **arguments)
            outcome = stack.plan()
            self.assertEqual(outcome.code, 1, outcome)
            self.says(outcome, *texts)

    def test_who_sees_it(self):
        self.refused("Both match and weight", match=matching(), weight=10)
        self.refused("Neither match nor weight")
        self.refused("weight", "between 1 and 100", weight=0)
        self.refused("A header without a value", match=Block(header=Block(name="X-Variant")))
        self.refused("A match without conditions", match=Block())

    def test_routers(self):
        self.refused("Nothing routes requests", traffic=Block(replicas=Block()), weight=10)
        self.refused("weights only", match=matching(),
                     traffic=Block(traefik=Block(traefik_service="web", service="web")))
        self.refused("always", match=Block(cookie=Block(name="variant", exact="b")),
                     traffic=Block(nginx_ingress=Block(ingress="web", service="web")))
        self.refused("Traffic without a router", traffic=Block(), weight=10)

    def test_times_and_numbers(self):
        self.refused("duration", "soon", weight=10, duration="soon")
        self.refused("A test without time", weight=10, duration="0s")
        self.refused("replicas", weight=10, replicas=0)
        self.refused("confidence", weight=10, confidence=1)
        self.refused("interval", weight=10, interval="0s")

    def test_metrics(self):
        self.refused("A name used twice", weight=10, metric=[good_answers(), good_answers()])
        self.refused("A metric without a source", weight=10, metric=Block(name="orders"))
        self.refused("Trials without successes", weight=10,
                     metric=Block(name="orders", kubernetes="restarts", total="sum(x)"))
        self.refused("direction", weight=10, metric=good_answers(direction="sideways"))
        self.refused("no-such", weight=10,
                     metric=Block(name="orders", prometheus=Block(query="sum(x{pod=~'{{no-such}}'})")))


class WrongMirror(MirrorCase):

    def test_found_by_plan(self):
        for traffic, percent, text in (
                (Block(replicas=Block()), 20, "Nothing routes requests"),
                (Block(nginx_ingress=Block(ingress="web", service="web")), 20, "set percent = 100"),
                (Block(traefik=Block(traefik_service="web", service="web")), 101, "between 1 and 100")):
            with self.subTest(text):
                self.plan_fails(self.new_stack().declare(images={"web": image("1.0.0")}, percent=percent,
                                                         traffic=traffic), text)

    def test_a_gateway_that_cannot_mirror_is_never_asked_to(self):
        """Traefik would answer every request of such a rule with 500."""
        stack = self.given_shop()
        stack.declare(images={"web": image("1.1.0")}, percent=20)
        self.says(stack.plan(), "does not support HTTPRouteRequestPercentageMirror")
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            self.apply_fails(stack, "GatewayClass traefik", "does not support", "Nothing was changed")
            users.for_seconds(3)
        self.nobody_noticed(users.answers())
        self.assertFalse(stack.has_state())
        self.route_is_as_before(stack, self.route_before)
        self.nothing_is_left(stack)

    def test_what_mirrors_already_is_refused(self):
        def mirrors_already(stack):
            item = traefik_service(stack)
            item["spec"] = {"mirroring": {"name": stack.name, "port": 80,
                                          "mirrors": [{"name": "other", "port": 80, "percent": 5}]}}
            return item

        stack = self.given_mirrored(mirrors_already)
        stack.declare(images={"web": image("1.1.0")}, traffic=Block(
            traefik=Block(traefik_service=stack.name, service=stack.name)))
        self.apply_fails(stack, "mirrors its requests already", "Nothing was changed")
        self.objects_are_as_before()

    def test_an_ingress_of_several_services_is_refused(self):
        def of_two(stack):
            item = ingress(stack)
            paths = item["spec"]["rules"][0]["http"]["paths"]
            paths.append({"path": "/static", "pathType": "Prefix",
                          "backend": {"service": {"name": "cdn", "port": {"number": 80}}}})
            return item

        stack = self.given_mirrored(of_two)
        stack.declare(images={"web": image("1.1.0")}, percent=100, traffic=Block(
            nginx_ingress=Block(ingress=stack.name, service=stack.name)))
        self.apply_fails(stack, "leads elsewhere", "an Ingress of its own")


class WrongCluster(VariantCase):
    """At plan a warning, since it may be made in the same apply; before the first write an error."""

    def refused(self, stack, *texts):
        outcome = stack.plan()
        self.assertEqual(outcome.code, 2, outcome)
        self.says(outcome, "Warning", *texts)
        self.apply_fails(stack, *texts, "Nothing was changed")
        self.assertFalse(stack.has_state())
        self.nothing_is_left(stack)

    def declared(self, stack, **arguments):
        return stack.declare(**{"images": {"web": image("1.1.0")}, "weight": 10, **arguments})

    def test_no_workload(self):
        stack = self.new_stack()
        self.refused(self.declared(stack), stack.name + " does not exist", "Create it first")

    def test_no_service_no_route_no_selector(self):
        stack = self.new_stack()
        self.given_workload(stack)
        with self.subTest("route"):
            self.refused(self.declared(stack), "HTTPRoute", "does not exist")
        self.namespace.apply(service(stack.name + "-static", stack.name), OWNER)
        self.namespace.apply(http_route(stack.name, stack.host_name, "other"), OWNER)
        with self.subTest("route without the backend"):
            self.refused(self.declared(stack), "no rule routes to Service " + stack.name)
        with self.subTest("service"):
            self.refused(self.declared(stack, traffic=Block(gateway_api=Block(route=stack.name, service="none"))),
                         "none does not exist")
        without = service("blind", stack.name)
        del without["spec"]["selector"]
        self.namespace.apply(without, OWNER)
        with self.subTest("selector"):
            self.refused(self.declared(stack, traffic=Block(gateway_api=Block(route=stack.name, service="blind"))),
                         "blind has no selector")

    def test_containers_that_are_not_there(self):
        stack = self.given_shop()
        self.refused(self.declared(stack, images={"wbe": image("1.1.0")}), "wbe", "web")
        self.refused(self.declared(stack, env={"wbe": {"A": "b"}}), "wbe", "its containers are: web")

    def test_a_name_of_somebody_else(self):
        stack = self.given_shop()
        self.given_workload(self.new_stack(stack.name + "-b"))
        self.says(self.declared(stack).plan(), "exists already and is not of this release", "variant B")
        self.apply_fails(stack, "exists already", "Nothing was changed")
        self.assertFalse(stack.has_state())

    def test_labels_of_somebody_else(self):
        stack = self.given_shop()
        self.given_workload(self.new_stack("other-" + stack.name))
        self.declared(stack, variant_labels={"app": "other-" + stack.name})
        # The other workload's own Service would send them requests, too.
        self.apply_fails(stack, "Service other-" + stack.name + " selects their labels", "variant_labels")
        self.namespace.kubectl("delete", "service", "other-" + stack.name)
        self.apply_fails(stack, "which other pods have already", "variant_labels", "Nothing was changed")
        self.assertFalse(stack.has_state())

    def test_a_route_on_which_a_canary_is_open(self):
        stack = self.given_shop()
        rules = self.namespace.get("httproute", stack.name)["spec"]["rules"]
        rules[1]["backendRefs"] += [{"name": stack.name + "-canary", "port": 80, "weight": 10}]
        item = http_route(stack.name, stack.host_name, stack.name)
        item["spec"]["rules"] = rules
        self.namespace.apply(item, OWNER)
        self.refused(self.declared(stack), "splits the traffic among several backends already")


class BesideReleases(CanaryCase):
    """The workload's own release goes on beside a test of it."""

    def test_a_canary_waits_until_the_test_is_over(self):
        stack = self.given_shop("1.0.0", analysis=None)
        test = VariantStack("delivery_ab_test", "-b", self.namespace.name, stack.name)
        self.addCleanup(test.remove)
        self.applies(test.declare(images={"web": image("2.0.0")}, weight=10))
        with self.subTest("it finds a route that splits"):
            self.apply_fails(stack.declare("1.1.0", analysis=None), "splits the traffic among several backends already")
        with self.subTest("and takes its turn afterwards"):
            self.destroys(test)
            self.applies(stack.declare("1.1.0", analysis=None, step=[step(50, hold="1s")]))
            self.runs(stack, "1.1.0")
