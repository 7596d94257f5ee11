"""Credentials that may not do everything: what is forbidden is said by verb and resource, before anything is written."""

import json

from kubernetes_cluster import kubectl
from release_case import ReleaseCase

# What apply needs in the namespace: (API group, resource) => verbs.
NEEDED = {
    ("apps", "deployments"): ["get", "list", "watch", "create", "patch", "delete"],
    ("apps", "replicasets"): ["list", "watch"],
    ("", "pods"): ["list", "watch"],
    ("", "configmaps"): ["get", "create", "update", "delete"],
    ("coordination.k8s.io", "leases"): ["get", "create", "update", "delete"],
}

# What makes its reports better.
USEFUL = {
    ("", "pods/log"): ["get"],
    ("", "events"): ["list", "create"],
}


def name_of(group, resource):
    return "%s.%s" % (resource, group) if group else resource


class PermissionCase(ReleaseCase):

    def acts_as(self, user, stack, tag):
        """From here on the stack acts as this user of the test cluster."""
        stack.context = user
        return stack.declare(tag)

    def grant(self, without=None, useful=True, more=None):
        """The user `nobody` may do in this namespace what apply needs and `more`, but not `without`: "patch
        deployments.apps"."""
        granted = {}
        for what, verbs in {**NEEDED, **USEFUL, **(more or {})}.items():
            granted[what] = [verb for verb in verbs if "%s %s" % (verb, name_of(*what)) != without
                             and (useful or what in NEEDED)]
        metadata = {"name": "releaser", "namespace": self.namespace.name}
        self.namespace.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": metadata, "rules": [
                {"apiGroups": [group], "resources": [resource], "verbs": verbs}
                for (group, resource), verbs in granted.items() if verbs]},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata,
             "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "releaser"},
             "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}]}]}))
        expected = {name_of(*what): set(verbs) for what, verbs in granted.items()}
        self.eventually(lambda: {what: self.granted().get(what, set()) for what in expected} == expected,
                        "the API server knows the role")

    def granted(self):
        """What the API server says: resource => verbs that `nobody` may use on it."""
        rows = kubectl("auth", "can-i", "--list", "--no-headers", "--as=nobody", "-n", self.namespace.name)
        return {row.split()[0]: set(row[row.rindex("[") + 1:row.rindex("]")].split())
                for row in rows.splitlines() if not row.startswith(" ")}

    def is_refused(self, stack, permission):
        """The plan warns, and apply ends before the first write; both name what is missing."""
        outcome = stack.apply()
        self.assertEqual(outcome.code, 1, outcome)
        warning, _, error = outcome.text.partition("Error: ")
        self.assertIn(permission, warning, outcome)
        # Ours, or in Kubernetes' words: cannot patch resource "deployments" in API group "apps".
        verb, resource = permission.split()
        self.assertRegex(error, r'\b%s (%s|resource "%s")' % (verb, resource, resource.split(".")[0]))
        self.assertLess(outcome.seconds, 20)

    def nothing_was_made(self, stack):
        self.does_not_exist(stack)
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()


class ReadOnly(PermissionCase):

    def test_first_release_is_planned_with_one_warning_and_apply_is_refused(self):
        stack = self.acts_as("reader", self.new_stack(), "1.0.0")

        plan = self.plan_shows_changes(stack, "not checked with the cluster", "patch deployments.apps")
        self.assertEqual(plan.output.count("Warning: "), 1, plan)
        outcome = self.apply_fails(stack, "Error: ", "may not do what the release", "patch deployments.apps",
                                   "Nothing was changed")

        self.assertLess(outcome.seconds, 20)
        self.nothing_was_made(stack)

    def test_refresh_needs_to_read_only(self):
        stack = self.given_release("1.0.0")

        plan = self.plan_is_empty(self.acts_as("reader", stack, "1.0.0"))
        self.does_not_say(plan, "Warning")

        with self.subTest("drift is shown too"):
            self.scale(stack, 1)
            self.plan_shows_changes(stack, "spec.replicas: 2 -> 1, by kubectl")

    def test_next_release_is_planned_with_one_warning_and_apply_is_refused(self):
        stack = self.given_release("1.0.0")
        before = stack.state()

        plan = self.plan_shows_changes(self.acts_as("reader", stack, "1.1.0"), "1 to change", "patch deployments.apps")
        self.assertEqual(plan.output.count("Warning: "), 1, plan)
        self.apply_fails(stack, "Error: ", "may not do what the release", "patch deployments.apps",
                         "Nothing was changed")

        self.assertEqual(stack.state(), before)
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_destroy_is_refused_and_loses_nothing(self):
        stack = self.given_release("1.0.0")

        outcome = self.acts_as("reader", stack, "1.0.0").destroy()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "Error: ", "forbidden")
        self.assertTrue(stack.has_state())
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()

    def test_import_needs_to_read_only(self):
        stack = self.given_release("1.0.0")
        again = self.acts_as("reader", self.new_stack(stack.name), "1.0.0")

        outcome = again.import_("%s/%s" % (self.namespace.name, stack.name))

        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(again.state()["running_images"], stack.state()["running_images"])


class NoPermissionAtAll(PermissionCase):

    def test_first_release_is_planned_with_one_warning_and_apply_is_refused(self):
        stack = self.acts_as("nobody", self.new_stack(), "1.0.0")

        plan = self.plan_shows_changes(stack, "get deployments.apps", "create configmaps",
                                       "create leases.coordination.k8s.io")
        self.assertEqual(plan.output.count("Warning: "), 1, plan)
        self.apply_fails(stack, "Error: ", "forbidden", "resource \"deployments\"", self.namespace.name)

        self.nothing_was_made(stack)

    def test_refresh_is_an_error_and_loses_nothing(self):
        stack = self.given_release("1.0.0")
        before = stack.state()

        self.plan_fails(self.acts_as("nobody", stack, "1.0.0"), "forbidden", "cannot get resource \"deployments\"",
                        stack.name)
        self.apply_fails(stack, "cannot get resource \"deployments\"")

        self.assertEqual(stack.state(), before)


class OnePermissionIsMissing(PermissionCase):

    NEEDED = ["%s %s" % (verb, name_of(*what)) for what, verbs in NEEDED.items() for verb in verbs]

    def test_first_release(self):
        for permission in self.NEEDED:
            with self.subTest(permission):
                self.grant(without=permission)
                stack = self.acts_as("nobody", self.new_stack(), "1.0.0")

                self.is_refused(stack, permission)

                self.nothing_was_made(stack)

    def test_next_release(self):
        stack = self.given_release("1.0.0")
        before, generation = stack.state(), self.generation(stack)
        self.acts_as("nobody", stack, "1.1.0")
        # An update neither creates nor deletes, and without `get` its refresh fails.
        others = ["create deployments.apps", "delete deployments.apps", "get deployments.apps"]
        for permission in [permission for permission in self.NEEDED if permission not in others]:
            with self.subTest(permission):
                self.grant(without=permission)

                self.is_refused(stack, permission)

                self.assertEqual(stack.state(), before)
                self.assertEqual(self.generation(stack), generation)
                self.nothing_is_left_over()

        with self.subTest("with all of them it works"):
            self.grant()
            self.applies(stack)
            self.runs(stack, "1.1.0")

    def test_destroy(self):
        stack = self.given_release("1.0.0")
        self.grant(without="delete deployments.apps")

        outcome = self.acts_as("nobody", stack, "1.0.0").destroy()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "cannot delete resource \"deployments\"")
        self.assertTrue(stack.has_state())
        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()
        with self.subTest("with it, it works"):
            self.grant()
            self.destroys(stack)
            self.does_not_exist(stack)
            self.nothing_is_left_over()

    def test_update_needs_neither_create_nor_delete(self):
        stack = self.given_release("1.0.0")
        for verb in ("create", "delete"):
            self.grant(without=verb + " deployments.apps")
            self.applies(self.acts_as("nobody", stack, "1.1.0" if verb == "create" else "1.0.0"))

    def test_without_logs_and_events_a_failure_is_still_explained(self):
        stack = self.given_release("1.0.0")
        self.grant(useful=False)

        self.plan_shows_changes(self.acts_as("nobody", stack, "crash"), "Less could be told about a failed release",
                                "get pods/log", "list events")
        self.apply_fails(stack, "CrashLoopBackOff", "exit code 1", "rolled back")

        self.runs(stack, "1.0.0")
        self.nothing_is_left_over()


class PermissionIsTakenAwayDuringARelease(PermissionCase):

    def test_rollback_that_is_forbidden_is_said_and_the_next_apply_heals_it(self):
        stack = self.given_release("1.0.0")
        generation = self.generation(stack)
        self.grant()
        command = self.acts_as("nobody", stack, "crash").start_apply()
        self.becomes_new(stack, than=generation)

        self.grant(without="patch deployments.apps")
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "CrashLoopBackOff", "rollback failed too", "cannot patch resource \"deployments\"")
        self.assertEqual(stack.phase(), "Failed")
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
        with self.subTest("the next apply heals it"):
            self.grant()
            self.plan_shows_changes(stack.declare("1.0.0"), "1 to change")
            self.applies(stack)
            self.runs(stack, "1.0.0")
            self.plan_is_empty(stack)
            self.nothing_is_left_over()
