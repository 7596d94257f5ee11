"""The words of the tests with variants: a workload that somebody else manages, and what stands beside it for a while."""

import json

from canary_case import OWNER, CanaryCase, canary_deployment, http_route, owners, service
from environment import PROMETHEUS, image
from kubernetes_cluster import eventually
from stack import Block, Stack, with_field
from traffic import ask

HEADER = {"X-Variant": "b"}

_REQUESTS = 'http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}"%s}'
_ALL = "sum(increase(%s[{{interval}}]))"


def good_answers(**arguments):
    """Counts: of all requests, those that were answered well."""
    return Block(name="good-answers", total=_ALL % (_REQUESTS % ""), **arguments,
                 prometheus=Block(query=_ALL % (_REQUESTS % ',code="200"')))


def seconds_of_answers(**arguments):
    """Values: the mean duration of a request."""
    series = 'http_request_duration_seconds_%s{namespace="{{namespace}}",pod=~"{{pods}}"}'
    return Block(name="seconds", direction="decrease", **arguments, prometheus=Block(
        query="sum(rate(%s[{{interval}}])) / sum(rate(%s[{{interval}}]))" % (series % "sum", series % "count")))


def matching():
    return Block(header=Block(name="X-Variant", exact="b"))


class VariantStack(Stack):
    """A resource of the given type named "web" beside a workload that is not its own."""

    def __init__(self, resource_type, suffix, *arguments):
        super().__init__(*arguments)
        self.resource_type = resource_type
        self.variant = self.name + suffix
        self.host_name = "%s.%s.example.com" % (self.name, self.namespace)
        self.provider_arguments = {"prometheus": Block(url=PROMETHEUS), "progress_file": "release.log"}

    def declare(self, **arguments):
        """Arguments of None are left out."""
        given = {"workload": Block(namespace=self.namespace, name=self.name),
                 "traffic": Block(gateway_api=Block(route=self.name, service=self.name)),
                 "progress_deadline": "45s", **arguments}
        return self.declare_only(**{name: value for name, value in given.items() if value is not None})

    def refresh(self):
        return self.start("apply", "-refresh-only", "-auto-approve", "-no-color", "-input=false").finish()

    def report(self, metric):
        return next(entry for entry in self.state()["report"] if entry["metric"] == metric)


class VariantCase(CanaryCase):

    resource_type = "delivery_ab_test"
    suffix = "-b"

    # ---- Given

    def new_stack(self, name=None):
        stack = VariantStack(self.resource_type, self.suffix, self.namespace.name, name or "web-%d" % next(self._names))
        self.addCleanup(stack.remove)
        return stack

    def given_workload(self, stack, tag="1.0.0", labels=None, **environment):
        """Version `tag`, which the platform team has put there."""
        manifest = canary_deployment(stack.name, self.namespace.name)
        manifest = with_field(manifest, "spec.template.spec.containers.0.image", image(tag))
        manifest["spec"]["template"]["metadata"]["labels"].update(labels or {})
        manifest["spec"]["template"]["spec"]["containers"][0]["env"] += [
            {"name": name, "value": value} for name, value in environment.items()]
        self.namespace.apply(manifest, OWNER)
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        self.namespace.kubectl("rollout", "status", "deployment/" + stack.name, "--timeout=60s")
        return manifest

    def given_shop(self, **environment):
        """A workload that users reach through the Gateway."""
        stack = self.new_stack()
        self.given_workload(stack, **environment)
        self.namespace.apply(service(stack.name + "-static", stack.name), OWNER)
        self.namespace.apply(http_route(stack.name, stack.host_name, stack.name), OWNER)
        self.is_reached(stack)
        self.route_before = self.route(stack)
        self.pods_before = self.pods_of_workload(stack)
        return stack

    def routed(self, stack, *objects):
        """These objects of the platform team's; remembers how they are."""
        self.objects = objects
        for item in objects:
            self.namespace.apply(item, OWNER)
        self.before = [self.live(item) for item in objects]

    def live(self, item):
        return self.namespace.get("%s.%s" % (item["kind"], item["apiVersion"].split("/")[0]), item["metadata"]["name"],
                                  "--show-managed-fields")

    # ---- Then

    def pods_of_workload(self, stack):
        """Name => restarts of its pods that do not end."""
        return {pod["metadata"]["name"]: sum(status["restartCount"] for status in pod["status"]["containerStatuses"])
                for pod in self.namespace.list("pods")
                if pod["metadata"]["name"].startswith(stack.name + "-")
                and not pod["metadata"]["name"].startswith(stack.variant + "-")
                and not pod["metadata"].get("deletionTimestamp")}

    def workload_was_not_touched(self, stack):
        self.assertEqual(self.pods_of_workload(stack), self.pods_before)
        live = self.namespace.deployment(stack.name)
        self.assertNotIn("terraform-provider-delivery",
                         [entry["manager"] for entry in live["metadata"]["managedFields"]])

    def objects_are_as_before(self):
        for item, before in zip(self.objects, self.before):
            now = self.live(item)
            self.assertEqual(now["spec"], before["spec"])
            self.assertEqual(now["metadata"].get("annotations"), before["metadata"].get("annotations"))
            self.assertEqual(owners(now), owners(before))
            self.namespace.apply(item, OWNER)

    def nothing_is_left(self, stack):
        for kind in ("deployment", "service"):
            self.assertIsNone(self.namespace.get(kind, stack.variant), kind)
        self.assertEqual(self.namespace.leftovers(), [])

    def plan_stays_empty(self, stack):
        self.plan_is_empty(stack)
        self.plan_is_empty(stack)

    def variant_version(self, stack):
        """What is answered to a request that the test's match is about."""
        return ask(stack.host_name, headers=HEADER)[1]["X-Version"]

    def eventually_answered_by(self, stack, version, headers=None):
        eventually(lambda: ask(stack.host_name, headers=headers)[1]["X-Version"] == version,
                   "%s answers" % version)

    def journal(self, stack):
        found = self.namespace.get("configmap", "delivery-deployment-" + stack.variant)
        return json.loads(found["data"]["state"]) if found else None
