"""Blue-green releases that cannot be: what is wrong is said, with what to do, before anything is written."""

from blue_green_case import BlueGreenCase
from canary_case import OWNER, http_route, service
from environment import image
from stack import Block, deployment, with_field


class WrongConfiguration(BlueGreenCase):

    def refused(self, *texts, **arguments):
        with self.subTest(texts[0]):
            stack = self.new_stack().declare("1.0.0", **arguments)
            self.plan_fails(stack, *texts)

    def test_arguments(self):
        self.refused("service", service=None)
        self.refused("switch", switch=None)
        self.refused("exactly one of", switch=Block())
        self.refused("exactly one of", switch=Block(selector=Block(), ingress=Block(name="web")))
        self.refused("route", switch=Block(gateway_api=Block()))
        self.refused("preview_replicas", preview_replicas=0)
        self.refused("keep_previous", "soon", keep_previous="soon")
        self.refused("on_failure", on_failure="hold")
        self.refused("aprove", aprove=False)
        self.refused("approved", approved={"nobody": "web:1"})
        self.refused("slot_label", slot_label="not a label")

    def test_label_of_the_slots_is_taken(self):
        stack = self.new_stack()
        manifest = with_field(stack.manifest, "spec.template.metadata.labels", {"app": stack.name, "slot": "one"})
        self.plan_fails(stack.declare("1.0.0", manifest=manifest), "slot_label", "used already", "slot")

    def test_preview_is_not_the_service(self):
        stack = self.new_stack()
        self.plan_fails(stack.declare("1.0.0", preview_service=stack.name), "preview_service")

    def test_workloads_without_slots(self):
        for kind in ("StatefulSet", "DaemonSet"):
            stack = self.new_stack()
            manifest = with_field(with_field(stack.manifest, "kind", kind), "spec.strategy", {})
            self.plan_fails(stack.declare("1.0.0", manifest=manifest), kind, "delivery_rollout")


class WrongCluster(BlueGreenCase):

    def refused(self, stack, *texts, **arguments):
        outcome = stack.declare("1.0.0", **arguments).plan()
        self.assertEqual(outcome.code, 2, outcome)
        self.says(outcome, "could not begin", *texts)
        self.apply_fails(stack, *texts)
        self.assertFalse(stack.has_state())
        self.everything_is_gone(stack)

    def test_no_service(self):
        stack = self.new_stack()
        self.refused(stack, "Service %s/%s does not exist" % (stack.namespace, stack.name))

    def test_service_without_a_selector(self):
        stack = self.new_stack()
        one = service(stack.name, stack.name)
        del one["spec"]["selector"]
        self.namespace.apply(one, OWNER)
        self.refused(stack, "has no selector")

    def test_service_of_others(self):
        stack = self.new_stack()
        self.namespace.apply(service(stack.name, "somebody-else"), OWNER)
        self.refused(stack, "selects app=somebody-else", "service")

    def test_service_that_selects_others_too(self):
        stack = self.new_stack()
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        other = deployment(stack.name + "-cron", stack.namespace, 1)
        other["spec"]["selector"]["matchLabels"] = {"app": stack.name, "job": "cron"}
        other["spec"]["template"]["metadata"]["labels"] = {"app": stack.name, "job": "cron"}
        other["spec"]["template"]["spec"]["containers"][0]["image"] = image("1.0.0")
        self.namespace.apply(other, OWNER)
        self.namespace.kubectl("rollout", "status", "deployment/" + stack.name + "-cron", "--timeout=60s")
        self.refused(stack, "selects pods that are not of this workload", stack.name + "-cron-")

    def test_ports_that_do_not_match(self):
        stack = self.new_stack()
        one = service(stack.name, stack.name)
        one["spec"]["ports"][0]["targetPort"] = "http"
        self.namespace.apply(one, OWNER)
        self.refused(stack, "port http", "no container")

    def test_label_in_the_selector_of_the_service(self):
        stack = self.new_stack()
        one = service(stack.name, stack.name)
        one["spec"]["selector"]["slot"] = "one"
        self.namespace.apply(one, OWNER)
        self.refused(stack, "slot=one", "slot_label")

    def test_route_that_does_not_exist_or_goes_elsewhere(self):
        stack = self.new_stack()
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        switch = Block(gateway_api=Block(route=stack.name))
        self.refused(stack, "HTTPRoute %s/%s does not exist" % (stack.namespace, stack.name), switch=switch)
        self.namespace.apply(http_route(stack.name, stack.host_name, "somebody-else"), OWNER)
        self.refused(stack, "as a backend", switch=switch)

    def test_plain_deployment(self):
        stack = self.new_stack()
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        plain = deployment(stack.name, stack.namespace, 1)
        plain["spec"]["template"]["spec"]["containers"][0]["image"] = image("1.0.0")
        self.namespace.apply(plain, OWNER)
        self.refused(stack, "plain Deployment", "guide")
        self.assertIsNotNone(self.namespace.deployment(stack.name))
        outcome = stack.declare("1.0.0").import_("%s/%s" % (stack.namespace, stack.name))
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "plain Deployment")

    def test_slot_of_somebody_else(self):
        stack = self.new_stack()
        self.namespace.apply(service(stack.name, stack.name), OWNER)
        other = deployment(stack.slot("green"), stack.namespace, 0)
        other["spec"]["template"]["spec"]["containers"][0]["image"] = image("1.0.0")
        self.namespace.apply(other, OWNER)
        outcome = stack.declare("1.0.0").apply()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, stack.slot("green"), "exists already")
