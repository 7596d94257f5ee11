"""N rollouts in one stack, and beside them what the API server and the host need for as many of the same."""

import statistics
import time

import folders
from api_server import DEPLOYMENTS
from folders import PARALLELISM, Folder

FIRST, SECOND = "1.0.0", "1.1.0"  # tags of the test cluster's registry; nothing is pulled without replicas
PLANS = 3  # it changes nothing and so can be repeated; the median counts

STEPS = ("create", "plan", "update")


class Step:
    """Figures of one step with N objects; seconds unless said otherwise."""

    tofu = None  # N rollouts
    host = None  # N terraform_data of the same content
    plain = None  # N requests of the kind, by curl
    observed = None  # the same, until the controllers have seen what was written; None where nothing is
    requests = None  # of N rollouts, by (verb, resource)
    counted = None  # how many of those verbs and resources the API server counted meanwhile

    def factor(self):
        """Against the least that it can take: the plain requests, and what the host needs for as many resources."""
        return self.tofu / (self.plain + self.host)

    def factor_observed(self):
        """The same with the time that the controllers need, which a rollout has to wait for."""
        return self.tofu / (self.observed + self.host)


def measure(api, namespaces, count, say):
    steps = {name: Step() for name in STEPS}
    for what, part in (("plain requests", _plain), ("terraform_data", _host), ("delivery_rollout", _rollouts),
                       ("delivery_rollout, requests counted", _count_requests)):
        say("N = %d: %s" % (count, what))
        namespace = namespaces.new()
        part(steps, count, namespace, api)
        namespaces.delete(namespace)
    return steps


def _plain(steps, count, namespace, api):
    """Server-side apply is what creates and updates; a refresh, which an update begins with, is a GET."""
    names = ["web-%d" % number for number in range(count)]

    def path(name):
        return DEPLOYMENTS % namespace + "/" + name

    def applies(tag):
        return [("PATCH", path(name) + "?fieldManager=bench", folders.manifest(name, namespace, tag))
                for name in names]

    def observed(requests):
        """Seconds of the requests, and until the controllers have seen what they wrote."""
        began = time.monotonic()
        plain = api.send(requests, PARALLELISM)
        api.wait_until_observed(namespace, count)
        return plain, time.monotonic() - began

    gets = [("GET", path(name), None) for name in names]
    steps["create"].plain, steps["create"].observed = observed(applies(FIRST))
    steps["plan"].plain = statistics.median(api.send(gets, PARALLELISM) for _ in range(PLANS))
    written, seen = observed(applies(SECOND))
    steps["update"].plain = steps["plan"].plain + written
    steps["update"].observed = steps["plan"].plain + seen


def _commands(folder):
    """What is run for each step, in the order of STEPS."""
    return ((folder.apply, FIRST), (folder.empty_plan, FIRST), (folder.apply, SECOND))


def _seconds(folder):
    for name, (command, tag) in zip(STEPS, _commands(folder)):
        yield name, statistics.median(command(tag) for _ in range(PLANS if name == "plan" else 1))


def _host(steps, count, namespace, _):
    with Folder.of_data(count, namespace) as folder:
        for name, seconds in _seconds(folder):
            steps[name].host = seconds


def _rollouts(steps, count, namespace, _):
    with Folder.of_rollouts(count, namespace) as folder:
        for name, seconds in _seconds(folder):
            steps[name].tofu = seconds


def _count_requests(steps, count, namespace, api):
    with Folder.of_rollouts(count, namespace) as folder:
        for name, (command, tag) in zip(STEPS, _commands(folder)):
            before = api.counted()
            steps[name].requests = folder.requests_of(command, tag)
            asked = {(verb, resource) for verbs, resource in steps[name].requests for verb in verbs.split(" or ")}
            after = api.counted()
            steps[name].counted = sum(after[kind] - before[kind] for kind in asked)


def frequent(requests, count):
    """The kinds of requests that come with each object, most frequent first."""
    return [kind for kind, total in requests.most_common() if total >= count / 2]
