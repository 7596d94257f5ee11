"""Good blue-green releases under continuous load: all traffic moves in one write, and nobody notices."""

import time

from blue_green_case import BlueGreenCase
from canary_case import OWNER, canary_deployment
from environment import image
from stack import Block, with_field


class GoodRelease(BlueGreenCase):

    def test_switches_at_once_keeps_the_old_slot_and_goes_back_at_once(self):
        stack = self.given_shop("1.0.0")
        self.serves(stack, "blue", "1.0.0")
        self.nobody_else_is_left(stack)
        self.plan_is_empty(stack)
        smoke = Block(name="smoke", at="before_promotion",
                      http=Block(target="canary", port=8080, path="/version", expect_body="1.1.0"))
        stack.declare("1.1.0", check=[smoke])

        with self.subTest("plan says what will be seen"):
            told = "\n".join(stack.planned_change()["after"]["release_plan"])
            for words in ("blue -> green", stack.slot("green"), "1 pods", stack.preview, "smoke", "one write",
                          "Service %s/%s" % (stack.namespace, stack.name), "keep " + stack.slot("blue")):
                self.assertIn(words, told)
        with self.users_of(stack, rate=50) as users:
            users.wait_for_first_answer()
            command = stack.start_apply()
            switched_at = self.slot_becomes(stack, "green", command)
            outcome = command.finish()
            self.assertEqual(outcome.code, 0, outcome)
            users.for_seconds(2)
            answers = users.answers()
        self.nobody_noticed(answers)
        with self.subTest("before the switch nobody got the new version, after it nobody the old one"):
            first_new = min(answer.asked_at for answer in answers.of("1.1.0"))
            last_old = max(answer.asked_at for answer in answers.of("1.0.0"))
            print("\nswitch: users saw both versions for %.3f s" % max(0, last_old - first_new))
            self.assertLess(last_old, switched_at + 3)
            self.assertEqual(set(answers.between(switched_at + 3).versions()) - {"1.1.0"}, set())
        self.serves(stack, "green", "1.1.0")
        self.assertEqual(self.size_of(stack, "blue"), 2)
        self.nobody_else_is_left(stack)
        self.plan_is_empty(stack)
        self.plan_is_empty(stack)

        with self.subTest("back to the slot that is kept: one switch, nothing rolls out"):
            pods = {pod["metadata"]["name"] for pod in self.namespace.list("pods", "app=" + stack.name)}
            stack.declare("1.0.0")
            told = "\n".join(stack.planned_change()["after"]["release_plan"])
            self.assertIn("nothing is rolled out", told)
            with self.users_of(stack, rate=50) as users:
                users.wait_for_first_answer()
                self.applies(stack)
                users.for_seconds(1)
                self.nobody_noticed(users.answers())
            self.serves(stack, "blue", "1.0.0")
            self.assertEqual({pod["metadata"]["name"] for pod in self.namespace.list("pods", "app=" + stack.name)},
                             pods)
            self.plan_is_empty(stack)

        with self.subTest("destroy leaves the Service as it was"):
            self.destroys(stack)
            self.everything_is_gone(stack)
            self.service_is_as_before(stack)

    def test_old_slot_goes_at_once_or_after_its_time(self):
        stack = self.given_shop("1.0.0")
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            self.applies(stack.declare("1.1.0", keep_previous="0s"))
            users.for_seconds(1)
        self.nobody_noticed(users.answers())
        self.assertEqual(self.size_of(stack, "blue"), 0)
        self.plan_is_empty(stack)
        self.applies(stack.declare("2.0.0", keep_previous="1s"))
        self.assertEqual((self.size_of(stack, "blue"), self.size_of(stack, "green")), (2, 2))
        time.sleep(1.5)
        change = self.plan_shows_changes(stack, "scale %s to zero" % stack.slot("green"))
        self.does_not_say(change, "rolled")
        self.applies(stack)
        self.assertEqual(self.size_of(stack, "green"), 0)
        self.assertIs(stack.state()["previous_expired"], False)
        self.serves(stack, "blue", "2.0.0")
        self.plan_is_empty(stack)

    def test_waits_for_approval(self):
        stack = self.given_shop("1.0.0")
        stack.declare("1.1.0", approve=False)
        self.applies(stack)
        self.assertEqual(stack.phase(), "Held")
        self.assertEqual(stack.state()["running_images"], {"web": image("1.0.0")})
        self.assertEqual((self.slot_of_service(stack), self.size_of(stack, "green")), ("blue", 1))
        preview = self.namespace.get("service", stack.preview)
        self.assertEqual(preview["spec"]["selector"], {"app": stack.name, "slot": "green"})
        self.plan_is_empty(stack)
        with self.subTest("another image is not approved by that"):
            stack.declare("1.1.0", approve=False, approved={"web": image("2.0.0")})
            self.applies(stack)
            self.assertEqual(stack.phase(), "Held")
        stack.declare("1.1.0", approve=False, approved={"web": image("1.1.0")})
        self.plan_shows_changes(stack, "go on with the held release")
        self.applies(stack)
        self.serves(stack, "green", "1.1.0")
        self.nobody_else_is_left(stack)
        self.plan_is_empty(stack)

    def test_while_it_is_held_it_is_changed_superseded_and_taken_back(self):
        stack = self.given_shop("1.0.0")
        self.applies(stack.declare("1.1.0", approve=False))
        with self.users_of(stack) as users:
            users.wait_for_first_answer()
            with self.subTest("what changes outside the pod template goes to the slot that serves, at once"):
                stack.manifest = with_field(stack.manifest, "spec.replicas", 3)
                self.plan_shows_changes(stack.declare("1.1.0", approve=False), "which serves, gets at once")
                self.applies(stack)
                self.assertEqual(stack.phase(), "Held")
                self.assertEqual((self.size_of(stack, "blue"), self.size_of(stack, "green")), (3, 1))
                self.plan_is_empty(stack)
            with self.subTest("another version begins anew"):
                self.plan_shows_changes(stack.declare("2.0.0", approve=False), "take back the release that is open")
                self.applies(stack)
                self.assertEqual((stack.phase(), self.image_in(stack, "green")), ("Held", image("2.0.0")))
                self.plan_is_empty(stack)
            with self.subTest("the version that serves takes it back"):
                self.applies(stack.declare("1.0.0", approve=False))
                self.serves(stack, "blue", "1.0.0")
                self.assertEqual((self.size_of(stack, "blue"), self.size_of(stack, "green")), (3, 0))
                self.nobody_else_is_left(stack)
                self.plan_is_empty(stack)
            answers = users.answers()
        self.nobody_noticed(answers)
        self.assertEqual(set(answers.versions()), {"1.0.0"})

    def test_change_outside_the_pod_template_switches_nothing(self):
        stack = self.given_shop("1.0.0")
        self.applies(stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.replicas", 3)))
        self.assertEqual(self.size_of(stack, "blue"), 3)
        self.assertIsNone(self.namespace.deployment(stack.slot("green")))
        self.serves(stack, "blue", "1.0.0")
        self.plan_is_empty(stack)

    def test_import_of_both_slots(self):
        stack = self.given_shop("1.0.0")
        self.applies(stack.declare("1.1.0"))
        other = self.new_stack(stack.name)
        other.declare("1.1.0", manifest=with_field(other.manifest, "spec.template.spec.containers.0.image",
                                                   image("1.1.0")), images=None)
        outcome = other.import_("%s/%s" % (other.namespace, other.name))
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(other.state()["active_slot"], "green")


class Autoscaled(BlueGreenCase):

    def test_each_slot_has_an_autoscaler(self):
        stack = self.new_stack()
        stack.manifest = canary_deployment(stack.name, self.namespace.name, replicas=None)
        self.given_shop("1.0.0", stack, keep_previous="0s")
        for slot in ("blue", "green"):
            self.given_autoscaler(stack.slot(slot), 2)
        self.is_scaled_to(stack.slot("blue"), 2)
        self.given_autoscaler(stack.slot("blue"), 4)
        self.is_scaled_to(stack.slot("blue"), 4)
        self.plan_is_empty(stack)

        stack.declare("1.1.0", keep_previous="0s")
        with self.users_of(stack, rate=20) as users:
            users.wait_for_first_answer()
            command = stack.start_apply()
            self.slot_becomes(stack, "green", command)
            with self.subTest("as large as the slot that served, by the live count"):
                self.assertEqual(self.namespace.deployment(stack.slot("green"))["status"]["readyReplicas"], 4)
            self.assertEqual(command.finish().code, 0)
            self.nobody_noticed(users.answers())
        self.serves(stack, "green", "1.1.0")
        self.plan_is_empty(stack)

        with self.subTest("an idle slot stays empty, a change in place keeps the autoscaler's size"):
            self.given_autoscaler(stack.slot("green"), 5)
            self.is_scaled_to(stack.slot("green"), 5)
            stack.manifest = with_field(stack.manifest, "spec.minReadySeconds", 1)
            self.applies(stack.declare("1.1.0", keep_previous="0s"))
            self.assertEqual(self.size_of(stack, "green"), 5)
            self.assertEqual(self.size_of(stack, "blue"), 0)
            self.plan_is_empty(stack)

        with self.subTest("a slot that an autoscaler has sized is written without a conflict"):
            self.applies(stack.declare("2.0.0", keep_previous="0s"))
            self.serves(stack, "blue", "2.0.0")
            self.assertEqual(self.size_of(stack, "blue"), 5)


class BehindRoutes(BlueGreenCase):

    def given_routed(self, **switch):
        stack = self.new_stack()
        self.given_service(stack)
        self.service_before = self.service(stack)
        self.route_before = self.route(stack)
        return stack.declare("1.0.0", switch=Block(**switch))

    def test_backend_of_an_http_route(self):
        stack = self.given_routed(gateway_api=Block(route="web"))
        stack.declare("1.0.0", switch=Block(gateway_api=Block(route=stack.name)))
        self.applies(stack)
        self.is_reached(stack)
        backend = lambda: self.namespace.get("httproute", stack.name)["spec"]["rules"][0]["backendRefs"][0]["name"]
        self.assertEqual(backend(), stack.slot("blue"))
        with self.users_of(stack, rate=50) as users:
            users.wait_for_first_answer()
            self.applies(stack.declare("1.1.0", switch=Block(gateway_api=Block(route=stack.name))))
            users.for_seconds(2)
        self.nobody_noticed(users.answers())
        self.assertEqual(backend(), stack.slot("green"))
        self.serves(stack, "green", "1.1.0")
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.everything_is_gone(stack)
        now = self.route(stack)
        self.assertEqual(now["spec"], self.route_before["spec"])

    def test_backend_of_an_ingress(self):
        stack = self.new_stack()
        self.given_service(stack)
        backend = {"service": {"name": stack.name, "port": {"number": 80}}}
        self.namespace.apply({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": stack.name},
            "spec": {"rules": [{"host": stack.host_name, "http": {"paths": [
                {"path": "/", "pathType": "Prefix", "backend": backend}]}}]}}, OWNER)
        before = self.namespace.get("ingress", stack.name)["spec"]

        def routed():
            rule = self.namespace.get("ingress", stack.name)["spec"]["rules"][0]
            return rule["http"]["paths"][0]["backend"]["service"]["name"]

        switch = Block(ingress=Block(name=stack.name))
        self.applies(stack.declare("1.0.0", switch=switch))
        self.assertEqual(routed(), stack.slot("blue"))
        self.applies(stack.declare("1.1.0", switch=switch))
        self.assertEqual(routed(), stack.slot("green"))
        self.destroys(stack)
        self.assertEqual(self.namespace.get("ingress", stack.name)["spec"], before)
        self.everything_is_gone(stack)
