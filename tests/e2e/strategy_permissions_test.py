"""What the guide "Permissions" gives is enough for every strategy, and what is missing of it is said by name."""

import json
import pathlib
import re

from blue_green_case import BlueGreenCase
from canary_backends_test import ingress_route, traefik_service
from canary_case import CanaryCase, step
from environment import image
from kubernetes_cluster import kubectl
from permissions_test import PermissionCase, name_of
from stack import Block
from traffic_mirror_test import MirrorCase
from variant_case import VariantCase, matching

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs/guides/permissions.md"
MISSING = "A Role with these is needed"


def traffic_role():
    """The guide's: (API group, resource) => verbs."""
    text = re.search(r'^```yaml title="traffic-role.yaml"\n(.*?)^```$', GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    role = json.loads(kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", stdin=text.group(1)))
    return {(group, resource): rule["verbs"] for rule in role["rules"]
            for group in rule["apiGroups"] for resource in rule["resources"]}


class Canary(PermissionCase, CanaryCase):

    def test_role_of_the_guide_is_enough(self):
        self.grant(more=traffic_role())
        stack = self.new_stack()
        stack.context = "nobody"
        self.given_shop("1.0.0", stack, analysis=None)
        stack.declare("1.1.0", analysis=None, step=[step(50, hold="1s")])

        self.does_not_say(self.plan_shows_changes(stack), MISSING)
        self.applies(stack)
        self.runs(stack, "1.1.0")
        self.nothing_is_left_of_the_canary(stack)

        self.applies(stack.declare("2.0.0", analysis=None, step=[step(50, hold="1s")], approve_up_to=50))
        self.assertEqual(stack.phase(), "Held")
        self.destroys(stack)
        self.nothing_is_left_of_the_canary(stack)

    def test_each_that_is_missing_is_named_before_anything_is_written(self):
        stack = self.given_shop("1.0.0", analysis=None)
        before, route = stack.state(), self.route(stack)
        role = traffic_role()
        stack.context = "nobody"
        stack.declare("1.1.0", analysis=None, step=[step(50, hold="1s")])
        for permission in ["%s %s" % (verb, name_of(*what)) for what, verbs in role.items() for verb in verbs]:
            with self.subTest(permission):
                self.grant(without=permission, more=role)

                self.is_refused(stack, permission)

                self.assertEqual(stack.state(), before)
                self.assertEqual(self.route(stack), route)
                self.nothing_is_left_of_the_canary(stack)


class BlueGreen(PermissionCase, BlueGreenCase):

    def test_role_of_the_guide_is_enough(self):
        role = traffic_role()
        del role["gateway.networking.k8s.io", "httproutes"]
        self.grant(more=role)
        stack = self.new_stack()
        stack.context = "nobody"
        self.given_shop("1.0.0", stack)

        self.does_not_say(self.plan_shows_changes(stack.declare("1.1.0")), MISSING)
        self.applies(stack)
        self.serves(stack, "green", "1.1.0")
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.everything_is_gone(stack)


class AbTest(PermissionCase, VariantCase):

    def test_role_of_the_guide_is_enough(self):
        stack = self.given_shop()
        self.grant(more=traffic_role())
        stack.context = "nobody"

        stack.declare(images={"web": image("1.1.0")}, match=matching())
        self.does_not_say(self.plan_shows_changes(stack), MISSING)
        self.applies(stack)
        self.eventually_answered_by(stack, "1.1.0", headers={"X-Variant": "b"})
        self.plan_is_empty(stack)
        self.destroys(stack)
        self.nothing_is_left(stack)


class TrafficMirror(PermissionCase, MirrorCase):

    def test_role_of_the_guide_is_enough(self):
        stack = self.given_mirrored(traefik_service, ingress_route)
        role = traffic_role()
        role["traefik.io", "traefikservices"] = role.pop(("gateway.networking.k8s.io", "httproutes"))
        self.grant(more=role)
        stack.context = "nobody"

        stack.declare(images={"web": image("1.1.0")}, percent=50,
                      traffic=Block(traefik=Block(traefik_service=stack.name, service=stack.name)))
        self.does_not_say(self.plan_shows_changes(stack), MISSING)
        self.applies(stack)
        self.plan_is_empty(stack)
        self.goes_without_a_trace(stack)
