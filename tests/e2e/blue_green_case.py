"""The words of the tests with blue-green releases: a shop behind a Gateway, whose Service, Ingress or route is
switched between two slots."""

import time

from canary_case import OWNER, CanaryCase, CanaryStack, http_route, owners, service
from environment import image
from kubernetes_cluster import eventually
from stack import Block

SELECTOR = {"selector": Block()}


def route_to(name, host, backend):
    """A rule for the workload alone."""
    route = http_route(name, host, backend)
    del route["spec"]["rules"][0]
    return route


class BlueGreenStack(CanaryStack):
    """A delivery_blue_green_release; its Service and its HTTPRoute have the workload's name."""

    resource_type = "delivery_blue_green_release"

    @property
    def preview(self):
        return self.name + "-preview"

    def slot(self, slot):
        return "%s-%s" % (self.name, slot)

    def declare(self, tag=None, **arguments):
        given = {"service": self.name, "switch": Block(**SELECTOR), "preview_service": self.preview,
                 "preview_replicas": 1, "scale_down_delay": None, "traffic": None, "step": None, "analysis": None,
                 **arguments}
        return super().declare(tag, **given)


class BlueGreenCase(CanaryCase):

    # ---- Given

    def new_stack(self, name=None):
        stack = BlueGreenStack(self.namespace.name, name or "web-%d" % next(self._names))
        self.addCleanup(stack.remove)
        return stack

    def given_service(self, stack, **spec):
        one = service(stack.name, stack.name)
        one["spec"].update(spec)
        self.namespace.apply(one, OWNER)
        self.namespace.apply(route_to(stack.name, stack.host_name, stack.name), OWNER)

    def given_shop(self, tag="1.0.0", stack=None, **arguments):
        """A workload of this version in the slot blue, that users reach through the Gateway."""
        stack = stack or self.new_stack()
        self.given_service(stack)
        self.service_before = self.service(stack)
        self.route_before = self.route(stack)
        self.applies(stack.declare(tag, **arguments))
        self.is_reached(stack)
        return stack

    def service(self, stack):
        return self.namespace.get("service", stack.name, "--show-managed-fields")

    def slot_of_service(self, stack):
        return self.namespace.get("service", stack.name)["spec"]["selector"].get("slot")

    def image_in(self, stack, slot):
        live = self.namespace.deployment(stack.slot(slot))
        return live and live["spec"]["template"]["spec"]["containers"][0]["image"]

    def size_of(self, stack, slot):
        live = self.namespace.deployment(stack.slot(slot))
        return live["spec"]["replicas"] if live else 0

    # ---- When

    def slot_becomes(self, stack, slot, command=None, seconds=60):
        def reached():
            if self.slot_of_service(stack) == slot:
                return True
            if command is not None and not command.runs():
                self.fail("It ended before slot %s got the traffic.\n%s" % (slot, command.finish()))
            return False

        eventually(reached, "slot %s of %s gets the traffic" % (slot, stack.name), seconds=seconds)
        return time.monotonic()

    # ---- Then

    def serves(self, stack, slot, tag):
        """State, Service and cluster agree that this slot serves this version."""
        state = stack.state()
        self.assertEqual((state["active_slot"], state["idle_slot"]),
                         (slot, {"blue": "green", "green": "blue"}[slot]))
        self.assertEqual(state["running_images"], {"web": image(tag)})
        self.assertEqual(self.image_in(stack, slot), image(tag))
        if self.is_switched_by_selector(state):
            self.assertEqual(self.slot_of_service(stack), slot)

    @staticmethod
    def is_switched_by_selector(state):
        switch = state["switch"]
        return (switch[0] if isinstance(switch, list) else switch)["selector"] not in (None, [])

    def nobody_else_is_left(self, stack):
        self.assertIsNone(self.namespace.get("service", stack.preview))
        self.assertEqual(self.namespace.leftovers(), [])

    def everything_is_gone(self, stack):
        for kind, name in (("deployment", stack.slot("blue")), ("deployment", stack.slot("green")),
                           ("service", stack.preview), ("service", stack.slot("blue")),
                           ("service", stack.slot("green"))):
            self.assertIsNone(self.namespace.get(kind, name), name)
        self.assertEqual(self.namespace.leftovers(), [])

    def service_is_as_before(self, stack):
        now = self.service(stack)
        self.assertEqual(now["spec"], self.service_before["spec"])
        self.assertEqual(owners(now), owners(self.service_before))

    def of_slot(self, answers, stack, slot):
        return answers.of_pods(stack.slot(slot) + "-")
