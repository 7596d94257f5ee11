"""Canaries without a Gateway: by the number of pods, by TraefikService, and by objects of routers that do not run here,
which the API server checks against their definitions."""

import time

from canary_case import OWNER, SETTLED, CanaryCase, History, canary_deployment, http_route, owners, service, step
from stack import Block
from traffic import binomial_band


class BackendCase(CanaryCase):

    def given_routed(self, *objects, traffic, replicas=2, labels=None):
        """A shop of 1.0.0 with these objects of the platform team's, whose pods have these labels, too."""
        stack = self.new_stack()
        stack.manifest = canary_deployment(stack.name, self.namespace.name, replicas)
        stack.manifest["spec"]["template"]["metadata"]["labels"].update(labels or {})
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        self.objects = [make(stack) for make in objects]
        for item in self.objects:
            self.namespace.apply(item, OWNER)
        self.traffic = traffic(stack)
        self.applies(self.declared(stack, "1.0.0"))
        self.before = [self.live(item) for item in self.objects]
        return stack

    def declared(self, stack, tag, **arguments):
        return stack.declare(tag, **{"analysis": None, "traffic": self.traffic, "on_no_traffic": "continue",
                                     "step": [step(25, hold="1s"), step(50, hold="1s")], **arguments})

    def live(self, item):
        return self.namespace.get("%s.%s" % (item["kind"], item["apiVersion"].split("/")[0]), item["metadata"]["name"],
                                  "--show-managed-fields")

    def held_at_25(self, stack):
        self.applies(self.declared(stack, "1.1.0", approve_up_to=25))
        self.assertEqual(stack.phase(), "Held")

    def ends_well(self, stack):
        """The rest of the release, and the objects are as they were and their owner's."""
        self.applies(self.declared(stack, "1.1.0"))
        self.runs(stack, "1.1.0")
        self.nothing_is_left_of_the_canary(stack)
        for item, before in zip(self.objects, self.before):
            now = self.live(item)
            self.assertEqual(now["spec"], before["spec"])
            self.assertEqual(now["metadata"].get("annotations"), before["metadata"].get("annotations"))
            self.assertEqual(owners(now), owners(before))
            self.namespace.apply(item, OWNER)
        self.plan_is_empty(stack)

    def gets_its_share(self, stack, users, weight):
        time.sleep(SETTLED)
        answers = users.for_seconds(4)
        low, high = binomial_band(len(answers), weight / 100)
        self.assertTrue(low <= len(answers.of_pods(stack.canary + "-")) <= high, answers)


def ingress_route(stack):
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": stack.name},
            "spec": {"entryPoints": ["web"], "routes": [{
                "match": "Host(`%s`)" % stack.host_name, "kind": "Rule",
                "services": [{"name": stack.name, "kind": "TraefikService"}]}]}}


def traefik_service(stack):
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "TraefikService", "metadata": {"name": stack.name},
            "spec": {"weighted": {"services": [{"name": stack.name, "port": 80, "kind": "Service", "weight": 1}]}}}


def virtual_service(stack):
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": stack.name},
            "spec": {"hosts": [stack.host_name], "gateways": ["istio-system/public"], "http": [
                {"name": "static", "match": [{"uri": {"prefix": "/static"}}],
                 "route": [{"destination": {"host": "cdn"}}]},
                {"name": "web", "timeout": "5s", "retries": {"attempts": 2},
                 "route": [{"destination": {"host": stack.name}}]}]}}


def destination_rule(stack):
    return {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": stack.name},
            "spec": {"host": stack.name, "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}}}}


def ingress(stack):
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": stack.name},
            "spec": {"ingressClassName": "nginx", "rules": [{"host": stack.host_name, "http": {"paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": {"service": {"name": stack.name, "port": {"number": 80}}}}]}}]}}


class Replicas(BackendCase):

    def test_share_is_that_of_the_pods(self):
        stack = self.given_routed(lambda stack: http_route(stack.name, stack.host_name, stack.name),
                                  traffic=lambda stack: Block(replicas=Block()), replicas=3)
        self.is_reached(stack)
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            self.held_at_25(stack)
            self.assertEqual(self.namespace.deployment(stack.canary)["spec"]["replicas"], 1)
            self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 3)
            self.assertEqual(stack.state()["status"]["weight"], 25)
            self.assertIsNone(self.namespace.get("service", stack.canary))
            self.gets_its_share(stack, users, 25)
            self.ends_well(stack)
        self.nobody_noticed(users.answers())

    def test_what_it_cannot_do_is_refused_by_plan(self):
        stack = self.new_stack()
        for arguments, text in (
                ({"step": [step(60)]}, "50"),
                ({"match": Block(header=Block(name="X-Canary", exact="always"))}, "match"),
                ({"check": Block(name="smoke", at="before_traffic", http=Block(target="canary", port=8080, path="/"))},
                 "before_traffic")):
            with self.subTest(text):
                self.plan_fails(stack.declare("1.0.0", analysis=None, traffic=Block(replicas=Block()), **arguments),
                                "replicas", text)


class Traefik(BackendCase):

    def test_weights_are_counted(self):
        stack = self.given_routed(
            traefik_service, ingress_route,
            traffic=lambda stack: Block(traefik=Block(traefik_service=stack.name, service=stack.name)))
        self.is_reached(stack)
        with self.users_of(stack) as users, History(self.namespace, "traefikservice", stack.name) as history:
            users.wait_for_first_answer()
            self.held_at_25(stack)
            self.gets_its_share(stack, users, 25)
            self.ends_well(stack)
            seen = [{entry["name"]: entry.get("weight") for entry in spec["weighted"]["services"]}.get(stack.canary)
                    for _, spec in history.entries()]
            users.for_seconds(1)
        self.assertIn(25, seen)
        self.assertIn(50, seen)
        self.nobody_noticed(users.answers())


class Istio(BackendCase):

    def test_objects_are_what_istio_takes(self):
        stack = self.given_routed(virtual_service, destination_rule, traffic=lambda stack: Block(istio=Block(
            virtual_service=stack.name, service=stack.name, destination_rule=stack.name, route_names=["web"])),
            labels={"track": "stable"})
        self.held_at_25(stack)
        static, web = self.live(self.objects[0])["spec"]["http"]
        self.assertEqual(static, self.before[0]["spec"]["http"][0])
        self.assertEqual(sorted(entry["weight"] for entry in web["route"]), [25, 75])
        self.assertEqual((web["timeout"], web["retries"]), ("5s", {"attempts": 2}))
        subsets = {subset["name"]: subset["labels"] for subset in self.live(self.objects[1])["spec"]["subsets"]}
        self.assertEqual(len(subsets), 2)
        for entry in web["route"]:
            labels = subsets[entry["destination"]["subset"]]
            selector = ",".join("%s=%s" % label for label in labels.items())
            pods = [pod["metadata"]["name"] for pod in self.namespace.list("pods", selector)
                    if pod["metadata"]["name"].startswith(stack.name)]
            self.assertTrue(pods, selector)
            for pod in pods:
                self.assertEqual(pod.startswith(stack.canary + "-"), entry["weight"] == 25)
        self.ends_well(stack)


class NginxIngress(BackendCase):

    def test_canary_ingress_is_what_nginx_takes(self):
        stack = self.given_routed(ingress, traffic=lambda stack: Block(nginx_ingress=Block(
            ingress=stack.name, service=stack.name)))
        self.held_at_25(stack)
        ours, = [item for item in self.namespace.list("ingresses") if item["metadata"]["name"] != stack.name]
        annotations = ours["metadata"]["annotations"]
        self.assertEqual(annotations["nginx.ingress.kubernetes.io/canary"], "true")
        self.assertEqual(annotations["nginx.ingress.kubernetes.io/canary-weight"], "25")
        rule, = ours["spec"]["rules"]
        self.assertEqual(rule["host"], stack.host_name)
        self.assertEqual(rule["http"]["paths"][0]["backend"]["service"], {"name": stack.canary, "port": {"number": 80}})
        self.assertEqual(self.live(self.objects[0])["metadata"]["resourceVersion"],
                         self.before[0]["metadata"]["resourceVersion"])
        self.ends_well(stack)
        self.assertEqual([item["metadata"]["name"] for item in self.namespace.list("ingresses")], [stack.name])
