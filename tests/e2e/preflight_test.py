"""What a plan finds in the cluster that apply would trip on. Findings are as loud as `preflight` says, and none changes
what is planned."""

from environment import image
from kubernetes_cluster import kubectl
from release_case import ReleaseCase
from stack import deployment, with_field


class PreflightCase(ReleaseCase):

    def make(self, api_version, kind, name, **members):
        metadata = {"name": name, "namespace": self.namespace.name}
        self.namespace.apply({"apiVersion": api_version, "kind": kind, "metadata": metadata, **members})
        self.addCleanup(self.namespace.kubectl, "delete", kind, name, "--ignore-not-found")

    def make_quota(self, hard, used):
        """A ResourceQuota that counts as `used` what there is."""
        self.make("v1", "ResourceQuota", "compute", spec={"hard": hard})
        self.eventually(lambda: self.namespace.get("resourcequota", "compute").get("status", {}).get("used") == used,
                        "the quota counts %s" % used)

    def finds(self, stack, manifest, *texts):
        """The release of `manifest` is planned with one warning, which says all of `texts`; with preflight = "error"
        that is an error, with "off" there is none."""
        plan = self.plan_shows_changes(stack.declare("1.1.0", manifest=manifest), "Warning: ", *texts)
        self.assertEqual(plan.output.count("Warning: "), 1, plan)
        stack.provider_arguments = {"preflight": "error"}
        self.plan_fails(stack.declare("1.1.0", manifest=manifest), "Error: ", *texts)
        stack.provider_arguments = {"preflight": "off"}
        self.does_not_say(self.plan_shows_changes(stack.declare("1.1.0", manifest=manifest)), "Warning: ")
        stack.provider_arguments = {}


class Selectors(PreflightCase):

    def given_labelled_release(self):
        stack = self.new_stack()
        labels = {"app": stack.name, "tier": "front"}
        manifest = with_field(stack.manifest, "spec.template.metadata.labels", labels)
        self.applies(stack.declare("1.0.0", manifest=manifest))
        return stack

    def test_service_that_would_lose_its_pods(self):
        stack = self.given_labelled_release()
        for name, selector in (("front", {"tier": "front", "app": stack.name}), ("all", {"app": stack.name})):
            self.make("v1", "Service", name, spec={"selector": selector, "ports": [{"port": 80}]})
        labels = {"app": stack.name, "tier": "edge"}

        self.finds(stack, with_field(stack.manifest, "spec.template.metadata.labels", labels),
                   "Service %s/front would not select" % self.namespace.name, "tier=edge")

    def test_budget_that_would_lose_its_pods(self):
        stack = self.given_labelled_release()
        self.make("policy/v1", "PodDisruptionBudget", "front",
                  spec={"minAvailable": 1, "selector": {"matchLabels": {"tier": "front", "app": stack.name}}})

        self.finds(stack, with_field(stack.manifest, "spec.template.metadata.labels", {"app": stack.name}),
                   "PodDisruptionBudget %s/front would not select" % self.namespace.name)

    def test_label_of_somebody_else_stays(self):
        stack = self.given_labelled_release()
        self.make("v1", "Service", "mesh", spec={"selector": {"mesh": "on", "app": stack.name}, "ports": [{"port": 80}]})
        self.namespace.kubectl("patch", "deployment", stack.name, "--field-manager=mesh", "-p",
                               '{"spec": {"template": {"metadata": {"labels": {"mesh": "on"}}}}}')

        plan = self.plan_shows_changes(stack.declare("1.1.0", manifest=with_field(
            stack.manifest, "spec.template.metadata.labels", {"app": stack.name, "tier": "edge"})))

        self.does_not_say(plan, "Warning: ")


class Quotas(PreflightCase):

    def manifest(self, stack, memory="16Mi", **spec):
        manifest = deployment(stack.name, self.namespace.name, replicas=2)
        manifest["spec"].update(spec)
        return with_field(manifest, "spec.template.spec.containers.0.resources",
                          {"requests": {"memory": memory, "cpu": "10m"}})

    def given_release_with(self, hard, used):
        """A release of two pods, 16Mi each, in a namespace with this quota."""
        stack = self.new_stack()
        self.applies(stack.declare("1.0.0", manifest=self.manifest(stack)))
        self.addCleanup(self.destroys, stack)
        self.make_quota(hard, used)
        return stack

    def test_surge_without_room(self):
        stack = self.given_release_with({"pods": "2"}, {"pods": "2"})

        self.finds(stack, self.manifest(stack), "ResourceQuota %s/compute leaves no room" % self.namespace.name,
                   "pods: used 2, hard 2, needed 3 (1 pod more than now)")

        with self.subTest("it is true"):
            self.apply_fails(stack.declare("1.1.0", manifest=self.manifest(stack)), "exceeded quota")
            self.runs(stack, "1.0.0")
        with self.subTest("without a surge there is room"):
            strategy = {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
            stack.declare("1.1.0", manifest=self.manifest(stack, strategy=strategy))
            self.does_not_say(self.plan_shows_changes(stack), "Warning: ")

    def test_larger_pods_without_room(self):
        stack = self.given_release_with({"requests.memory": "60Mi"}, {"requests.memory": "32Mi"})

        self.finds(stack, self.manifest(stack, memory="32Mi"),
                   "requests.memory: used 32Mi, hard 60Mi, needed 64Mi (1 pod more than now, 32Mi each)")

    def test_change_that_replaces_no_pods_needs_no_room(self):
        stack = self.given_release_with({"pods": "2"}, {"pods": "2"})
        stack.declare("1.0.0", manifest=self.manifest(stack, minReadySeconds=1))

        self.does_not_say(self.plan_shows_changes(stack), "Warning: ")

    def test_workload_object_that_the_quota_refuses(self):
        self.make_quota({"count/deployments.apps": "0"}, {"count/deployments.apps": "0"})
        stack = self.new_stack()

        self.finds(stack, stack.manifest, "Apply would fail for Deployment", "exceeded quota: compute")


class Admission(PreflightCase):

    def forbid(self, what, reason):
        """Nobody may make Deployments of this class's namespace with this property."""
        name = self.namespace.name
        rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
                "resources": ["deployments"]}
        place = {"matchLabels": {"kubernetes.io/metadata.name": name}}
        for kind, spec in (
                ("ValidatingAdmissionPolicy",
                 {"failurePolicy": "Fail", "matchConstraints": {"namespaceSelector": place, "resourceRules": [rule]},
                  "validations": [{"expression": what, "message": "not in this company", "reason": reason}]}),
                ("ValidatingAdmissionPolicyBinding", {"policyName": name, "validationActions": ["Deny"]})):
            self.namespace.apply({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
                                  "metadata": {"name": name}, "spec": spec})
            self.addCleanup(kubectl, "delete", kind, name, "--ignore-not-found")

    def test_refusal_by_a_policy(self):
        for reason in ("Invalid", "Forbidden"):
            with self.subTest(reason):
                stack = self.new_stack()
                self.forbid("object.spec.replicas > 5", reason)
                self.eventually(lambda: self.refuses(stack, reason), "the API server knows the policy")

                self.finds(stack, stack.manifest, "Apply would fail for Deployment", "not in this company")
                self.apply_fails(stack.declare("1.1.0"), "not in this company")

                self.does_not_exist(stack)
                self.doCleanups()

    def refuses(self, stack, reason):
        manifest = with_field(stack.manifest, "spec.template.spec.containers.0.image", image("1.0.0"))
        try:
            self.namespace.apply({**manifest, "metadata": {**manifest["metadata"], "name": "probe"}})
        except AssertionError as refusal:
            return "not in this company" in str(refusal)
        self.namespace.kubectl("delete", "deployment", "probe")
        return False


class RolesForNamedObjects(PreflightCase):

    def grant(self, stack):
        """The user `nobody` may release this workload, and no other."""
        journal = "delivery-deployment-" + stack.name
        rules = [
            {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": [stack.name],
             "verbs": ["get", "list", "watch", "patch"]},
            {"apiGroups": ["apps"], "resources": ["replicasets"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
            {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
            {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [journal],
             "verbs": ["get", "update", "delete"]},
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "resourceNames": [journal],
             "verbs": ["get", "update", "delete"]},
        ]
        self.make("rbac.authorization.k8s.io/v1", "Role", "one", rules=rules)
        self.make("rbac.authorization.k8s.io/v1", "RoleBinding", "one",
                  roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "one"},
                  subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "nobody"}])
        self.eventually(lambda: kubectl("auth", "can-i", "create", "leases", "--as=nobody", "-n", self.namespace.name,
                                        check=False).strip() == "yes", "the API server knows the role")

    def test_they_are_enough_and_nothing_is_said(self):
        stack = self.given_release("1.0.0")
        self.grant(stack)
        stack.context = "nobody"

        self.does_not_say(self.plan_shows_changes(stack.declare("1.1.0")), "Warning: ")
        self.applies(stack)

        self.runs(stack, "1.1.0")
        self.nothing_is_left_over()

    def test_another_workload_is_not_theirs(self):
        stack = self.given_release("1.0.0")
        self.grant(stack)
        other = self.new_stack()
        other.context = "nobody"

        plan = self.plan_shows_changes(other.declare("1.0.0"), "patch deployments.apps")

        self.assertEqual(plan.output.count("Warning: "), 1, plan)
