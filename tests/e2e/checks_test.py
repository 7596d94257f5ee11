"""Checks after a rollout: the new version must pass them, or the release has failed."""

import contextlib
import http.server
import json
import threading

from environment import image
from release_case import ReleaseCase
from stack import Block


@contextlib.contextmanager
def server(statuses):
    """A server on loopback that answers POSTs with these statuses, the last one again and again. Gives its URL and
    the requests that it got."""
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers, json.loads(body)))
            self.send_response(statuses[min(len(got), len(statuses)) - 1])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield "http://127.0.0.1:%d/gate" % listener.server_port, got
    finally:
        listener.shutdown()
        listener.server_close()


def smoke(**arguments):
    return Block(name="smoke", timeout="20s", http=Block(**{"port": 8080, **arguments}))


def job(command, name="migrate", image_of="1.0.0"):
    """A check by a Job whose container runs the application with these variables."""
    container = {"name": "job", "image": image(image_of), "env": [{"name": key, "value": value}
                                                                  for key, value in command.items()]}
    return Block(name=name, timeout="30s", job=Block(yaml=json.dumps({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"backoffLimit": 0, "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}}})))


class HttpChecks(ReleaseCase):

    def test_version_that_answers_wrongly_is_rolled_back(self):
        stack = self.given_release("1.0.0", check=smoke(path="/"))

        self.plan_shows_changes(stack.declare("wrong", check=smoke(path="/")),
                                "check smoke: GET / of a ready pod, port 8080, expect 200 (at most 20s)")
        self.apply_fails(stack, "failed and was rolled back", "check smoke", "500")

        self.runs(stack, "1.0.0")
        self.assertEqual(stack.phase(), "RolledBack")
        self.nothing_is_left_over()

    def test_first_release_that_fails_its_check_is_removed(self):
        stack = self.new_stack().declare("wrong", check=smoke(path="/"))
        self.apply_fails(stack, "check smoke", "was removed")
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())

    def test_body_of_the_new_version_through_a_service(self):
        self.namespace.kubectl("create", "service", "clusterip", "front", "--tcp=80:8080")
        stack = self.new_stack("front")
        expect = smoke(service="front", port=80, path="/version", expect_body_regex="^1[.]1")
        self.applies(stack.declare("1.1.0", check=expect))
        self.plan_is_empty(stack)

        self.apply_fails(stack.declare("2.0.0", check=expect), "check smoke", "2.0.0")
        self.runs(stack, "1.1.0")


class JobChecks(ReleaseCase):

    def jobs(self):
        return [item["metadata"]["name"] for item in self.namespace.list("jobs")]

    def test_job_that_fails_is_explained_and_removed(self):
        stack = self.given_release("1.0.0")

        self.apply_fails(stack.declare("1.1.0", check=job({"START_FAILURE": "schema is too old"})),
                         "check migrate", "schema is too old")

        self.runs(stack, "1.0.0")
        self.eventually(lambda: not self.jobs(), "the Job is gone")

    def test_job_that_never_ends_is_bounded(self):
        stack = self.given_release("1.0.0")
        hanging = job({})
        hanging.arguments["timeout"] = "4s"
        self.apply_fails(stack.declare("1.1.0", check=hanging), "check migrate", "4s")
        self.eventually(lambda: not self.jobs(), "the Job is gone")

    def test_no_job_at_all(self):
        stack = self.new_stack().declare("1.0.0", check=Block(name="broken", job=Block(yaml="kind: Pod")))
        outcome = stack.validate()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "Invalid check broken", "Job")


class Webhooks(ReleaseCase):

    def test_release_waits_until_the_gate_opens(self):
        stack = self.given_release("1.0.0")
        with server([503, 403, 204]) as (url, got):
            gate = Block(name="gate", timeout="30s", webhook=Block(url=url, poll="1s"))
            self.applies(stack.declare("1.1.0", check=gate))

        self.assertEqual(len(got), 3)
        headers, body = got[0]
        self.assertEqual(body["images"], {"web": image("1.1.0")})
        self.assertEqual((body["namespace"], body["name"], body["check"]),
                         (self.namespace.name, stack.name, "gate"))
        self.assertEqual(headers["Idempotency-Key"], "%s/gate" % body["run_id"])
        self.runs(stack, "1.1.0")

    def test_gate_that_stays_shut_and_checks_in_order(self):
        stack = self.given_release("1.0.0")
        with server([403]) as (url, got):
            gate = Block(name="gate", timeout="3s", webhook=Block(url=url, poll="1s"))
            self.apply_fails(stack.declare("1.1.0", check=[smoke(path="/"), gate]), "check gate", "403")
            self.assertGreaterEqual(len(got), 2)
        self.runs(stack, "1.0.0")

    def test_interrupted_check_is_run_again_by_the_next_apply(self):
        stack = self.given_release("1.0.0")
        with server([503]) as (url, got):
            gate = Block(name="gate", timeout="60s", webhook=Block(url=url, poll="1s"))
            command = stack.declare("1.1.0", check=gate).start_apply()
            self.eventually(lambda: got, "the gate was asked")
            command.interrupt()
            outcome = command.finish()
        self.assertLess(outcome.seconds, 30)
        self.assertEqual(stack.phase(), "Interrupted")

        with server([200]) as (url, _):
            gate = Block(name="gate", timeout="60s", webhook=Block(url=url, poll="1s"))
            self.applies(stack.declare("1.1.0", check=gate))
        self.runs(stack, "1.1.0")
        self.nothing_is_left_over()


class BadChecks(ReleaseCase):

    def test_everything_wrong_at_once(self):
        stack = self.new_stack().declare("1.0.0", check=[
            Block(name="a"), Block(name="a", http=Block(port=80), webhook=Block(url="http://localhost/")),
            Block(name="b", at="before_traffic", http=Block(port=80)),
            Block(name="c", http=Block(target="canary", port=80)),
            Block(name="d", http=Block(port=80, expect_body_regex="(")),
            Block(name="e", timeout="soon", http=Block(port=80))])
        outcome = stack.validate()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "without a kind", "of two kinds", "A name used twice", "before_traffic", "canary",
                  "Invalid check d", "soon")
