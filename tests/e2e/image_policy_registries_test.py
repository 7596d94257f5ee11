"""Registries that misbehave: the client is patient with what passes, and clear about what does not. And it gives nobody
what is not theirs."""

import time

from fault_proxy import Cut, Delay
from faulty_registry import GARBAGE, HTML, TOO_MANY, UNAVAILABLE, Answer, ContentHost, FaultyRegistry, Hang, Without
from image_policy_case import ImagePolicyCase, docker_auths
from registry_server import RegistryServer, basic
from stack import Block


class FaultCase(ImagePolicyCase):

    def setUp(self):
        self.proxy = self.enterContext(FaultyRegistry(self.registry))
        self.repository = self.seen_from(self.proxy.host, self.new_repository("1.3.9", "1.4.0"))

    def policy(self, **arguments):
        return self.new_policy(self.proxy.host).declare(self.repository, **arguments)

    def works_with(self, kind, fault, times):
        """A first selection meets the fault so often, and succeeds."""
        self.proxy.inject(kind, fault, times=times)
        stack = self.policy(platform="linux/amd64")
        self.apply_selects(stack, self.repository, "1.4.0")
        self.assertGreaterEqual(self.proxy.injected(), times, self.proxy.counts())
        self.proxy.mend()

    def refresh_fails(self, stack, *texts):
        before = stack.state()
        outcome = self.plan_fails(stack, "Error: ", *texts)
        self.assertEqual(stack.state(), before)
        return outcome


class FaultsThatPass(FaultCase):

    def test_too_many_requests(self):
        for kind in ("list", "manifest", "blob"):
            with self.subTest(kind):
                self.works_with(kind, TOO_MANY, times=2)

    def test_retry_after_is_obeyed(self):
        self.proxy.inject("list", Answer(429, b"", {"Retry-After": "3"}), times=1)

        self.applies(self.policy())

        at = [request.at for request in self.proxy.requests("list")]
        self.assertGreaterEqual(at[1] - at[0], 2.9)

    def test_unavailable(self):
        for kind in ("list", "manifest"):
            with self.subTest(kind):
                self.works_with(kind, UNAVAILABLE, times=2)

    def test_cut_connections(self):
        for kind in ("list", "manifest", "blob"):
            with self.subTest(kind):
                self.works_with(kind, Cut(5), times=2)

    def test_slow_answers(self):
        self.works_with("list", Delay(3), times=1)

    def test_digest_is_not_told(self):
        for kind in ("head", "manifest"):
            self.proxy.inject(kind, Without("Docker-Content-Digest"))

        stack = self.policy()
        self.apply_selects(stack, self.repository, "1.4.0")
        self.plan_is_empty(stack)

    def test_head_is_not_allowed(self):
        self.proxy.inject("head", Answer(405))

        stack = self.policy()
        self.apply_selects(stack, self.repository, "1.4.0")
        self.plan_is_empty(stack)


class FaultsThatStay(FaultCase):

    def refresh_is_missed(self, stack, *texts):
        """A registry that is down does not stop anybody: the plan is empty, and warns."""
        before = stack.state()
        outcome = self.plan_is_empty(stack)
        self.says(outcome, "Warning: ", "was not asked", self.proxy.host, *texts)
        self.assertLess(outcome.seconds, 20)
        self.applies(stack)
        self.assertEqual(stack.state(), before)

    def test_refresh_during_an_outage(self):
        self.applies(stack := self.policy(timeout="6s"))
        for fault, texts in ((TOO_MANY, ["429"]), (UNAVAILABLE, ["503"]), (Cut(5), []), (Hang(), ["timeout"])):
            with self.subTest(str(fault)):
                self.proxy.inject("*", fault)
                self.refresh_is_missed(stack, *texts)
                self.proxy.mend()
        self.does_not_say(self.plan_is_empty(stack), "Warning: ")

    def test_garbage(self):
        self.applies(stack := self.policy())
        for body in (HTML, b"{", b'{"tags": "1.0.0"}', b"[]", b"\xff\xfe\x00", b""):
            with self.subTest(body[:20]):
                self.proxy.inject("list", Answer(200, body, GARBAGE.headers))

                outcome = self.refresh_fails(stack, self.proxy.host)

                self.assertLess(outcome.seconds, 20)
                self.does_not_say(outcome, "\x00", "did not respond", "exception")
                self.proxy.mend()
        self.plan_is_empty(stack)

    def test_first_selection_is_planned_with_a_warning_and_apply_fails(self):
        self.proxy.inject("*", UNAVAILABLE)
        stack = self.policy(timeout="4s")

        self.plan_shows_changes(stack, "Warning: ", self.proxy.host)
        self.apply_fails(stack, "Error: ", self.proxy.host, "503")

        self.assertFalse(stack.has_state())

    def test_registry_is_down(self):
        registry = self.enterContext(RegistryServer())
        repository = self.new_repository("1.0.0", registry=registry)
        stack = self.given_policy(repository, timeout="6s")
        registry.stop()

        outcome = self.plan_is_empty(stack)
        self.says(outcome, "Warning: ", "was not asked", registry.host)
        self.assertLess(outcome.seconds, 20)

        registry.start()
        self.does_not_say(self.plan_is_empty(stack), "Warning: ")

    def test_list_without_end(self):
        self.proxy.page_size, self.proxy.page_link = 1, "{path}?n=1"

        outcome = self.apply_fails(self.policy(timeout="30s"), "Error: ", self.proxy.host)

        self.assertLess(outcome.seconds, 60)

    def test_list_too_large(self):
        listed = b'{"tags": ["' + b'","'.join(b"1.0.%d" % number for number in range(200_000)) + b'"]}'
        self.proxy.inject("list", Answer(200, listed, {"Content-Type": "application/json"}))
        stack = self.policy()

        outcome = stack.plan()  # memory is the matter: it says that it is too much, or it works

        self.assertTrue(self.proxy.injected())
        self.assertEqual(outcome.code, 2, outcome)
        self.says(outcome, "Warning: ")
        self.assertLess(outcome.seconds, 40)

    def test_redirects_without_end(self):
        self.proxy.inject("list", Answer(307, b"", {"Location": "/v2/%s/tags/list" % self.repository.name}))

        outcome = self.apply_fails(self.policy(), "Error: ", self.proxy.host, "redirect")

        self.assertLess(outcome.seconds, 30)


class OtherHosts(FaultCase):
    """Credentials go to the host that they are for, and to no other."""

    @classmethod
    def make_registry(cls):
        return RegistryServer(users=True)

    def policy(self, **arguments):
        stack = super().policy(**arguments)
        stack.environment = {"DOCKER_CONFIG": str(docker_auths(self.proxy.host))}
        return stack

    def test_contents_are_on_another_host(self):
        content = self.enterContext(ContentHost())
        self.proxy.redirects = {"manifest": content, "blob": content, "list": content}

        stack = self.policy(platform="linux/amd64")
        self.apply_selects(stack, self.repository, "1.4.0")

        self.assertTrue(content.requests)
        for headers in content.requests:
            self.assertNotIn("authorization", headers)
        self.assertIn("Basic " + basic(), [request.headers.get("authorization") for request in self.proxy.requests()])

    def test_redirect_to_the_same_host_keeps_them(self):
        path = "/v2/%s/tags/list" % self.repository.name
        self.proxy.inject("list", Answer(307, b"", {"Location": path + "?redirected"}), times=2)

        self.apply_selects(self.policy(), self.repository, "1.4.0")

    def test_next_page_is_on_another_host(self):
        other = self.enterContext(FaultyRegistry(self.registry))
        self.proxy.page_size = 1
        self.proxy.page_link = "http://%s{path}?{query}" % other.host

        stack = self.policy()
        stack.registries.append(Block(host=other.host, plain_http=True))
        self.apply_fails(stack.declare(self.repository), "Error: ", self.proxy.host, "next page")

        self.assertTrue(self.proxy.requests("list"))
        for request in other.requests():
            self.assertNotIn("authorization", request.headers)

    def test_challenge_names_another_host(self):
        thief = self.enterContext(FaultyRegistry(self.registry))
        self.proxy.inject("*", Answer(401, b"", {
            "WWW-Authenticate": 'Basic realm="http://%s/"' % thief.host}), times=3)

        self.policy().apply()

        self.assertGreater(self.proxy.injected(), 0)
        self.assertEqual(thief.counts(), {})

    def test_refused_credentials_are_not_tried_again_and_again(self):
        self.proxy.inject("*", Answer(401, b"", {"WWW-Authenticate": 'Basic realm="tests"'}))
        began = time.monotonic()

        self.apply_fails(self.policy(), "Error: ", self.proxy.host, "401")

        self.assertLess(len(self.proxy.requests()), 15)
        self.assertLess(time.monotonic() - began, 30)
