"""What the tests of canaries stand on: the Gateway keeps weights, loses no request, and Prometheus sees each pod. No
release is made here: with this red, what is red among the canaries says nothing."""

import json
import time
import urllib.parse
import urllib.request

from canary_case import OURS, OWNER, SETTLED, CanaryCase, canary_deployment, http_route, owners, service
from environment import PROMETHEUS, image
from kubernetes_cluster import eventually
from stack import with_field
from traffic import Traffic, ask, binomial_band


class DataPlaneCase(CanaryCase):

    def given_shop_of_two(self, name, other="1.1.0"):
        """Versions 1.0.0 and `other` of a workload, each behind a Service, and the route to the first."""
        self.host = "%s.%s.example.com" % (name, self.namespace.name)
        for deployment, tag in ((name, "1.0.0"), (name + "-canary", other)):
            manifest = canary_deployment(deployment, self.namespace.name)
            self.namespace.apply(with_field(manifest, "spec.template.spec.containers.0.image", image(tag)))
            self.namespace.apply(service(deployment, deployment), OWNER)
        self.namespace.apply(service(name + "-static", name), OWNER)
        for deployment in (name, name + "-canary"):
            self.namespace.kubectl("rollout", "status", "deployment/" + deployment, "--timeout=60s")
        self.namespace.apply(http_route(name, self.host, name), OWNER)
        eventually(lambda: ask(self.host)[0] == 200, "the Gateway routes")

    def split(self, name, weight):
        """As a release does it: by JSON patch, as another manager than the owner."""
        backends = [{"group": "", "kind": "Service", "name": name, "port": 80, "weight": 100 - weight},
                    {"group": "", "kind": "Service", "name": name + "-canary", "port": 80, "weight": weight}]
        self.patch(name, [{"op": "replace", "path": "/spec/rules/1/backendRefs", "value": backends}])
        time.sleep(SETTLED)

    def patch(self, name, operations):
        self.namespace.kubectl("patch", "httproute", name, "--type=json", "--field-manager=" + OURS,
                               "-p", json.dumps(operations))


class Gateway(DataPlaneCase):

    def test_keeps_weights_and_filters_and_loses_nothing(self):
        self.given_shop_of_two("web")
        with Traffic(self.host, rate=50) as users:
            users.wait_for_first_answer()
            for weight in (10, 50, 100, 0):
                with self.subTest("weight %d" % weight):
                    self.split("web", weight)
                    answers = users.for_seconds(3)
                    low, high = binomial_band(len(answers), weight / 100)
                    count = len(answers.of("1.1.0"))
                    self.assertTrue(low <= count <= high, "%d, not %d to %d of %s" % (count, low, high, answers))
                    self.assertEqual(len(answers.of_pods("web-canary-")), count)
        self.nobody_noticed(users.answers())
        self.assertEqual(ask(self.host)[1]["X-Routed-By"], "platform")
        status, headers, _ = ask(self.host, "/static/logo.png")
        self.assertEqual((status, headers["Cache-Control"], headers["X-Routed-By"]), (200, "max-age=60", None))

    def test_loses_nothing_in_a_rolling_update(self):
        self.given_shop_of_two("shop")
        with Traffic(self.host, rate=50) as users:
            users.wait_for_first_answer()
            self.namespace.kubectl("set", "image", "deployment/shop", "web=" + image("2.0.0"))
            self.namespace.kubectl("rollout", "status", "deployment/shop", "--timeout=60s")
            users.for_seconds(3)
        self.nobody_noticed(users.answers())
        self.assertGreater(len(users.answers().of("1.0.0")), 0)
        self.assertGreater(len(users.answers().of("2.0.0")), 0)


class Ownership(DataPlaneCase):

    def test_list_of_rules_can_be_given_back(self):
        self.given_shop_of_two("web")
        before = self.route_named("web")
        self.split("web", 20)
        self.assertIn(OURS, [entry["manager"] for entry in owners(self.route_named("web"))])

        self.patch("web", [{"op": "replace", "path": "/spec/rules/1/backendRefs",
                            "value": before["spec"]["rules"][1]["backendRefs"]}])
        kept = [entry for entry in self.route_named("web")["metadata"]["managedFields"] if entry.get("subresource")]
        self.patch("web", [{"op": "replace", "path": "/metadata/managedFields", "value": owners(before) + kept}])

        now = self.route_named("web")
        self.assertEqual(now["spec"], before["spec"])
        self.assertEqual(owners(now), owners(before))
        self.namespace.apply(http_route("web", self.host, "web"), OWNER)

    def route_named(self, name):
        return self.namespace.get("httproute", name, "--show-managed-fields")


class Metrics(DataPlaneCase):

    def query(self, query):
        url = PROMETHEUS + "/api/v1/query?" + urllib.parse.urlencode({"query": query})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return json.load(answer)["data"]["result"]

    def test_of_each_pod_are_there_every_second(self):
        self.given_shop_of_two("web", "flaky")
        self.split("web", 50)
        requests = 'sum(increase(http_requests_total{namespace="%s",pod=~"web-canary-.*"%s}[6s]))'
        with Traffic(self.host, rate=50) as users:
            users.for_seconds(8)
            failed, = self.query(requests % (self.namespace.name, ',code="500"'))
            total, = self.query(requests % (self.namespace.name, ""))
            rows = self.query('http_request_duration_seconds_count{namespace="%s"}' % self.namespace.name)
            age, = self.query('time() - max(timestamp(http_requests_total{namespace="%s"}))' % self.namespace.name)
            through_gateway = self.query('sum(rate(traefik_service_requests_total{code="200"}[5s]))')
        self.assertAlmostEqual(float(failed["value"][1]) / float(total["value"][1]), 0.3, delta=0.1)
        pods = {pod["metadata"]["name"] for pod in self.namespace.list("pods")}
        self.assertEqual({row["metric"]["pod"] for row in rows}, pods)
        self.assertLess(float(age["value"][1]), 4)
        self.assertGreater(float(through_gateway[0]["value"][1]), 0)


class Definitions(DataPlaneCase):
    """The API server knows the objects of all routers that a canary can use, and refuses what is wrong in them."""

    def test_wrong_objects_are_refused(self):
        too_light = {"rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": -1}]}]}
        heavy = {"http": [{"route": [{"destination": {"host": "web"}, "weight": "heavy"}]}]}
        for kind, version, spec in (
                ("HTTPRoute", "gateway.networking.k8s.io/v1", too_light),
                ("GRPCRoute", "gateway.networking.k8s.io/v1", too_light),
                ("TraefikService", "traefik.io/v1alpha1", {"weighted": {"services": [{"name": "web", "weight": "1"}]}}),
                ("VirtualService", "networking.istio.io/v1", heavy),
                ("DestinationRule", "networking.istio.io/v1", {"subsets": [{"labels": {"track": "canary"}}]})):
            with self.subTest(kind):
                wrong = {"apiVersion": version, "kind": kind, "metadata": {"name": "wrong"}, "spec": spec}
                printed = self.namespace.kubectl("create", "--validate=false", "-f", "-", check=False,
                                                 stdin=json.dumps(wrong))
                self.assertEqual(printed, "")
                self.assertIsNone(self.namespace.get("%s.%s" % (kind, version.split("/")[0]), "wrong"))
