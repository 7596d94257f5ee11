"""An API server that misbehaves now and then, or for good: releases get through, requests are not repeated like mad, and
what cannot work ends soon and loses nothing."""

import contextlib

from environment import image
from fault_proxy import (CONFLICT, ERROR_EVENT_GONE, GONE, INTERNAL_ERROR, UNAVAILABLE, Answer, Cut, Delay, FaultProxy,
                         too_many_requests)
from release_case import ReleaseCase
from stack import Block, deployment

LIMITS = Block(create="20s", update="20s")
# Of one apply of one small workload; without faults there are about 65.
MOST_REQUESTS = 120


class FaultCase(ReleaseCase):

    @contextlib.contextmanager
    def proxy(self, stack=None):
        """The way of a stack, or of a new one, to the cluster."""
        stack = stack or self.new_stack()
        direct = stack.kubeconfig
        stack.manifest = deployment(stack.name, self.namespace.name, replicas=1)
        with FaultProxy() as proxy:
            stack.kubeconfig = self.edited_kubeconfig(proxy.edit_kubeconfig)
            yield stack, proxy
        stack.kubeconfig = direct

    def given_small_release(self):
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=deployment(stack.name, self.namespace.name, replicas=1)))
        return stack

    def gets_through(self, *faults, at_least=1, at_most=MOST_REQUESTS):
        """A first release and an update succeed though each of them meets all these faults; each fault is what
        `inject` takes."""
        with self.proxy() as (stack, proxy):
            for tag in ("1.0.0", "1.1.0"):
                proxy.mend()
                for fault in faults:
                    proxy.inject(*fault)
                met, made = proxy.injected(), len(proxy.requests())
                with self.subTest(tag):
                    self.applies(stack.declare(tag))
                    self.runs(stack, tag)
                    self.assertGreaterEqual(proxy.injected() - met, at_least, "the fault was met")
                    self.assertLess(len(proxy.requests()) - made, at_most, self.told(proxy))
            proxy.mend()
            self.plan_is_empty(stack)
            self.nothing_is_left_over()
            return proxy

    def told(self, proxy):
        """The requests, for who reads why a test has failed."""
        return "\n".join("%.2f %s %s %s" % (request.at, request.verb, request.resource, request.fault)
                         for request in proxy.requests())


class Writes(FaultCase):

    def test_conflict(self):
        self.gets_through(("patch", "deployments", CONFLICT, 2, _is_written))

    def test_too_many_requests(self):
        proxy = self.gets_through(("patch", "deployments", too_many_requests(2), 2),
                                  ("create", "configmaps", too_many_requests(2), 1),
                                  ("create", "leases", too_many_requests(2), 1), at_least=4)
        for resource, verb in (("deployments", "patch"), ("configmaps", "create"), ("leases", "create")):
            requests = proxy.requests(verb, resource)
            for refused, repeated in zip(requests, requests[1:]):
                if refused.fault:
                    self.assertGreater(repeated.at - refused.at, 1.9, "%s of %s" % (verb, resource))

    def test_server_errors(self):
        for fault in (INTERNAL_ERROR, UNAVAILABLE):
            with self.subTest(str(fault)):
                self.gets_through(("patch", "deployments", fault, 2, _is_written), ("update", "configmaps", fault, 1),
                                  ("delete", "configmaps", fault, 1), ("delete", "leases", fault, 1),
                                  ("get", "deployments", fault, 2), at_least=5)

    def test_answer_of_a_proxy_that_is_no_api_server(self):
        bad_gateway = Answer(502, "")
        bad_gateway.object = "<html>Bad Gateway</html>"
        self.gets_through(("patch", "deployments", bad_gateway, 2), ("get", "deployments", bad_gateway, 1))

    def test_answers_that_are_lost(self):
        """What was asked for has been done, and the provider does not know."""
        self.gets_through(("patch", "deployments", Cut(), 1, _is_written), ("update", "configmaps", Cut(), 1),
                          ("create", "configmaps", Cut(), 1), ("create", "leases", Cut(), 1),
                          ("delete", "configmaps", Cut(), 1), ("delete", "leases", Cut(), 1), at_least=6)

    def test_answers_that_are_torn(self):
        self.gets_through(("patch", "deployments", Cut(40), 1), ("get", "deployments", Cut(40), 1),
                          ("list", "*", Cut(40), 2), at_least=3)

    def test_slow_server(self):
        self.gets_through(("patch", "*", Delay(2), 3), ("get", "*", Delay(1), 3), ("list", "*", Delay(1)),
                          ("watch", "*", Delay(1)))


class Watches(FaultCase):

    def lists_again(self, fault):
        with self.proxy(self.given_small_release()) as (stack, proxy):
            proxy.inject("watch", "deployments", fault, 1)
            proxy.inject("watch", "pods", fault, 1)
            self.applies(stack.declare("1.1.0"))

            self.runs(stack, "1.1.0")
            self.assertEqual(proxy.injected(), 2)
            for resource in ("deployments", "pods"):
                verbs = [request.verb for request in proxy.requests(resource=resource)
                         if request.verb in ("list", "watch")]
                gone = next(i for i, request in enumerate(verbs) if request == "watch")
                self.assertEqual(verbs[gone + 1:gone + 3], ["list", "watch"], self.told(proxy))
            self.assertLess(len(proxy.requests()), MOST_REQUESTS, self.told(proxy))

    def test_version_that_is_gone(self):
        self.lists_again(GONE)

    def test_version_that_is_gone_as_an_event(self):
        self.lists_again(ERROR_EVENT_GONE)

    def test_watches_that_always_end_at_once(self):
        for fault in (GONE, ERROR_EVENT_GONE, Cut(0), UNAVAILABLE, INTERNAL_ERROR, too_many_requests(1)):
            with self.subTest(str(fault)), self.proxy(self.given_small_release()) as (stack, proxy):
                proxy.inject("watch", "pods", fault)
                proxy.inject("watch", "replicasets", fault)
                outcome = self.applies(stack.declare("1.1.0"))

                self.runs(stack, "1.1.0")
                self.assertTrue(proxy.injected())
                # Two watches whose delays grow.
                self.assertLess(proxy.injected(), 2 * (5 + outcome.seconds), self.told(proxy))

    def test_watches_that_are_cut(self):
        self.gets_through(("watch", "*", Cut(9000)))

    def test_lists_that_fail(self):
        self.gets_through(("list", "*", UNAVAILABLE, 4), ("list", "*", too_many_requests(1), 2), at_least=6)


class ForGood(FaultCase):
    """The error is said in the server's words, and what ran before runs on."""

    def fails(self, stack, proxy, *texts):
        outcome = self.apply_fails(stack, "Error: ", *texts)
        self.assertLess(outcome.seconds, 60)
        self.assertLess(len(proxy.requests()), MOST_REQUESTS, self.told(proxy))

    def update_fails(self, fault, *texts, when=lambda request: True, ends_the_run=True):
        stack = self.given_small_release()
        before = stack.state()
        with self.proxy(stack) as (stack, proxy):
            proxy.inject("patch", "deployments", fault, when=when)
            self.fails(stack.declare("1.1.0", timeouts=LIMITS), proxy, *texts)
        self.runs(stack, "1.0.0")
        self.assertEqual(stack.state()["images"], {"web": image("1.0.0")})
        self.assertEqual(stack.state()["last_good_images"], before["last_good_images"])
        if ends_the_run:
            self.nothing_is_left_over()
            self.plan_is_empty(stack.declare("1.0.0"))
        self.applies(stack.declare("1.1.0"))
        self.runs(stack, "1.1.0")
        self.nothing_is_left_over()

    def create_fails(self, verb, resource, fault, *texts, when=lambda request: True, ends_the_run=True):
        with self.proxy() as (stack, proxy):
            proxy.inject(verb, resource, fault, when=when)
            self.fails(stack.declare("1.0.0", timeouts=LIMITS), proxy, *texts)
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        if ends_the_run:
            self.nothing_is_left_over()
        self.applies(stack.declare("1.0.0"))
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_update_that_is_never_admitted(self):
        self.update_fails(INTERNAL_ERROR, "etcdserver: leader changed")

    def test_update_that_cannot_be_written_after_its_rehearsal(self):
        # It may have been written, for all that is known: the run stays open.
        self.update_fails(INTERNAL_ERROR, "etcdserver: leader changed", when=_is_written, ends_the_run=False)

    def test_create_that_cannot_be_written_after_its_rehearsal(self):
        self.create_fails("patch", "deployments", INTERNAL_ERROR, "etcdserver: leader changed", when=_is_written,
                          ends_the_run=False)

    def test_conflict_for_ever(self):
        self.update_fails(CONFLICT, "the object has been modified", when=_is_written)

    def test_journal_that_cannot_be_made(self):
        for resource in ("configmaps", "leases"):
            with self.subTest(resource):
                self.create_fails("create", resource, INTERNAL_ERROR, "etcdserver: leader changed")

    def test_unavailable_until_the_provider_gives_up(self):
        self.update_fails(UNAVAILABLE, "currently unable to handle the request", when=_is_written, ends_the_run=False)


def _is_written(request):
    return not request.dry_run
