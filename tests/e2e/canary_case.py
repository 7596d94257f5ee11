"""The words of the tests with canaries: a shop behind a Gateway, users who go on using it, and what they get."""

import json
import subprocess
import threading
import time

from environment import KUBECONFIG, KUBECTL, PROMETHEUS
from kubernetes_cluster import eventually
from release_case import ReleaseCase
from stack import Block, Stack, deployment, with_field
from traffic import Traffic, ask, binomial_band

OWNER = "platform"  # who manages the routes, by server-side apply
OURS = "terraform-provider-delivery-traffic"
# From a write of the API server until all requests are routed by it: Traefik takes changes every 100 ms, but on a
# machine that is busy with everything else it was seen two seconds late.
SETTLED = 2.0

_REQUESTS = 'http_requests_total{namespace="{{namespace}}",pod=~"{{pods}}"%s}'
SUCCESS_RATE = "100 * sum(rate(%s[4s])) / sum(rate(%s[4s]))" % (_REQUESTS % ',code!~"5.."', _REQUESTS % "")
SECONDS_99 = ('histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{'
              'namespace="{{namespace}}",pod=~"{{pods}}"}[4s])))')


def step(weight, hold="4s", **more):
    return Block(weight=weight, hold=hold, **more)


def gateway_api(route, service=None, **more):
    return Block(gateway_api=Block(route=route, service=service or route, **more))


def metric(name, query, **limits):
    return Block(name=name, prometheus=Block(query=query), **limits)


def success_rate(minimum=95):
    return metric("success-rate", SUCCESS_RATE, min=minimum)


def duration(maximum=0.2):
    return metric("duration-p99", SECONDS_99, max=maximum)


def analysis(*metrics, **arguments):
    """Asked every second, once the rates have two samples; `arguments` of None are left out."""
    given = {"interval": "1s", "initial_delay": "2s", **arguments, "metric": list(metrics) or [success_rate()]}
    return Block(**{name: value for name, value in given.items() if value is not None})


def service(name, selected):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
            "spec": {"selector": {"app": selected}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}}


def http_route(name, host, backend):
    """The platform team's: a rule with filters for the workload, and one that is none of our business."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": name, "labels": {"team": "platform"}, "annotations": {"example.com/ticket": "OPS-1"}},
        "spec": {
            "parentRefs": [{"name": "web", "namespace": "default"}],
            "hostnames": [host],
            "rules": [{
                "matches": [{"path": {"type": "PathPrefix", "value": "/static"}}],
                "filters": [{"type": "ResponseHeaderModifier",
                             "responseHeaderModifier": {"set": [{"name": "Cache-Control", "value": "max-age=60"}]}}],
                "backendRefs": [{"name": backend + "-static", "port": 80}],
            }, {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "filters": [{"type": "ResponseHeaderModifier",
                             "responseHeaderModifier": {"add": [{"name": "X-Routed-By", "value": "platform"}]}}],
                "backendRefs": [{"name": backend, "port": 80}],
            }],
        },
    }


def weight_in(route_spec, canary):
    """The percent of the canary in the rule that serves both sides; 0 where no rule does."""
    for rule in route_spec["rules"]:
        weights = {reference["name"]: reference.get("weight", 1) for reference in rule.get("backendRefs", [])}
        if canary in weights and len(weights) > 1:
            return 100 * weights[canary] / sum(weights.values())
    return 0


class History:
    """What an object's spec was, and from when on, while the block of `with` is executed."""

    def __init__(self, namespace, kind, name):
        self._command = [KUBECTL, "--kubeconfig", KUBECONFIG, "-n", namespace.name, "get", kind, name, "--watch",
                         "-o", 'jsonpath={.spec}{"\\n"}']
        self._entries = []

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        eventually(lambda: self._entries, "the watch has begun")
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def _read(self):
        for line in self._process.stdout:
            self._entries.append((time.monotonic(), json.loads(line)))

    def entries(self):
        return list(self._entries)

    def plateaus(self, value_of, end=None):
        """Times in which value_of(spec) stayed the same: (value, begin, end)."""
        found = []
        for at, spec in self.entries():
            value = value_of(spec)
            if not found or found[-1][0] != value:
                if found:
                    found[-1][2] = at
                found.append([value, at, None])
        found[-1][2] = end or time.monotonic()
        return [tuple(plateau) for plateau in found]


class CanaryStack(Stack):
    """A delivery_canary_release named "web"; its Service and its HTTPRoute have the workload's name."""

    resource_type = "delivery_canary_release"

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.host_name = "%s.%s.example.com" % (self.name, self.namespace)
        self.provider_arguments = {"prometheus": Block(url=PROMETHEUS), "progress_file": "release.log"}
        self.manifest = canary_deployment(self.name, self.namespace)

    @property
    def canary(self):
        return self.name + "-canary"

    def declare(self, tag=None, **arguments):
        """Arguments of None are left out."""
        given = {"scale_down_delay": "3s", "traffic": gateway_api(self.name), "step": [step(20), step(50)],
                 "analysis": analysis(), **arguments}
        return super().declare(tag, **{name: value for name, value in given.items() if value is not None})

    def told(self):
        """The lines of the progress file."""
        path = self.folder / "release.log"
        return path.read_text().splitlines() if path.exists() else []


def canary_deployment(name, namespace, replicas=2):
    """A workload that loses no request in a rolling update, and whose metrics Prometheus has. Two seconds to drain do
    on a machine that is idle; on one that is busy the Gateway hears of a pod's end later than that."""
    manifest = deployment(name, namespace, replicas)
    manifest = with_field(manifest, "spec.strategy",
                          {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})
    manifest = with_field(manifest, "spec.template.metadata.annotations", {"prometheus.io/scrape": "true"})
    manifest = with_field(manifest, "spec.template.spec.terminationGracePeriodSeconds", 8)
    return with_field(manifest, "spec.template.spec.containers.0.env", [{"name": "DRAIN", "value": "4s"}])


class CanaryCase(ReleaseCase):

    # ---- Given

    def new_stack(self, name=None):
        stack = CanaryStack(self.namespace.name, name or "web-%d" % next(self._names))
        self.addCleanup(stack.remove)
        return stack

    def given_shop(self, tag="1.0.0", stack=None, **arguments):
        """A workload of this version that users reach through the Gateway."""
        stack = stack or self.new_stack()
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        self.namespace.apply(service(stack.name + "-static", stack.name), OWNER)
        self.namespace.apply(http_route(stack.name, stack.host_name, stack.name), OWNER)
        self.applies(stack.declare(tag, **arguments))
        self.is_reached(stack)
        return stack

    def given_autoscaler(self, deployment, least):
        """Without metrics a HorizontalPodAutoscaler does one thing: it keeps the least size."""
        self.namespace.apply({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": deployment},
            "spec": {"minReplicas": least, "maxReplicas": 6,
                     "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment},
                     "metrics": [{"type": "Resource", "resource": {
                         "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}]},
        }, OWNER)

    def is_scaled_to(self, deployment, replicas):
        self.eventually(lambda: self.namespace.deployment(deployment)["status"].get("readyReplicas") == replicas,
                        "the autoscaler has brought %s to %d" % (deployment, replicas))

    def is_reached(self, stack):
        eventually(lambda: ask(stack.host_name)[0] == 200, "%s is reached through the Gateway" % stack.name)

    def users_of(self, stack, **options):
        return Traffic(stack.host_name, **options)

    def history_of_route(self, stack):
        return History(self.namespace, "httproute", stack.name)

    def route(self, stack):
        return self.namespace.get("httproute", stack.name, "--show-managed-fields")

    def stable_pods(self, stack):
        """Name => restarts of the pods that are not a canary's."""

        def restarts(pod):
            return sum(status["restartCount"] for status in pod["status"].get("containerStatuses", []))

        return {pod["metadata"]["name"]: restarts(pod) for pod in self.namespace.list("pods", "app=" + stack.name)
                if not pod["metadata"]["name"].startswith(stack.canary + "-")
                and not pod["metadata"].get("deletionTimestamp")}

    # ---- When

    def weight_becomes(self, stack, weight, command=None, seconds=60):
        """Waits until the route gives the canary this share."""

        def reached():
            if weight_in(self.namespace.get("httproute", stack.name)["spec"], stack.canary) == weight:
                return True
            if command is not None and not command.runs():
                self.fail("It ended before the weight was %s.\n%s" % (weight, command.finish()))
            return False

        eventually(reached, "the weight of %s is %s" % (stack.canary, weight), seconds=seconds)

    # ---- Then

    def shares_are_as_written(self, stack, history, answers, end=None):
        """In each time in which a weight stood, the canary got its share of the requests; returns the weights."""
        plateaus = history.plateaus(lambda spec: weight_in(spec, stack.canary), end)
        checked = []
        for weight, begin, end in plateaus:
            asked = answers.between(begin + SETTLED, end)
            if len(asked) < 40:
                continue  # it stood too briefly to say anything
            low, high = binomial_band(len(asked), weight / 100)
            count = len(asked.of_pods(stack.canary + "-"))
            self.assertTrue(low <= count <= high, "At weight %s the canary got %d of %d requests, not %d to %d. %s"
                            % (weight, count, len(asked), low, high, asked))
            checked.append(weight)
        return checked

    def nobody_noticed(self, answers):
        self.assertGreater(len(answers), 100)
        self.assertEqual(len(answers.failed()), 0, answers)

    def only_the_share_failed(self, stack, answers, share):
        """What failed is no more than what a canary of this share (0 to 1) gets, and the stable version answers."""
        self.assertGreater(len(answers), 100)
        _, high = binomial_band(len(answers), share)
        self.assertLessEqual(len(answers.failed()), high, answers)
        by_stable = [answer for answer in answers.failed()
                     if answer.pod and not answer.pod.startswith(stack.canary + "-")]
        self.assertEqual(by_stable, [], answers)

    def route_is_as_before(self, stack, before):
        """Byte for byte, and its fields belong to whom they belonged."""
        now = self.route(stack)
        self.assertEqual(now["spec"], before["spec"])
        for part in ("labels", "annotations", "ownerReferences", "finalizers"):
            self.assertEqual(now["metadata"].get(part), before["metadata"].get(part))
        self.assertEqual(owners(now), owners(before))
        with self.subTest("its owner applies it again without a conflict"):
            self.namespace.apply(http_route(stack.name, stack.host_name, stack.name), OWNER)

    def nothing_is_left_of_the_canary(self, stack):
        for kind in ("deployment", "service"):
            self.assertIsNone(self.namespace.get(kind, stack.canary), kind)
        self.assertEqual(self.namespace.leftovers(), [])

    def reasons(self, stack):
        """Reasons of our Events about the workload, in their order."""
        uid = self.uid(stack)
        found = [event for event in self.namespace.list("events")
                 if event["involvedObject"].get("uid") == uid
                 and event["source"].get("component") == "terraform-provider-delivery"]
        return [event["reason"] for event in sorted(found, key=lambda event: event["metadata"]["name"])]


def owners(item):
    """The managedFields entries but that of the status, which the Gateway's controller writes when it likes."""
    return [entry for entry in item["metadata"]["managedFields"] if entry.get("subresource") != "status"]
