"""A workload changes hands: from the resources of other providers, without a restart and without a conflict."""

import json
import shutil
import uuid

from environment import MIRROR, image
from release_case import ReleaseCase
from stack import with_field

VERSION = "9.9.9"


def _others_state(namespace, manifest):
    """Type => (provider, attributes of a state), as the public schemas of those providers have them."""
    name = manifest["metadata"]["name"]
    return {
        "kubernetes_deployment_v1": ("hashicorp/kubernetes", {
            "id": "%s/%s" % (namespace, name), "wait_for_rollout": True,
            "metadata": [{"name": name, "namespace": namespace, "generation": 1, "labels": {}, "annotations": {}}],
        }),
        "kubernetes_manifest": ("hashicorp/kubernetes", {
            "manifest": {"type": "dynamic", "value": manifest}, "object": {"type": "dynamic", "value": manifest},
        }),
        "kubectl_manifest": ("gavinbunney/kubectl", {
            "id": "/apis/apps/v1/namespaces/%s/deployments/%s" % (namespace, name), "api_version": "apps/v1",
            "kind": "Deployment", "name": name, "namespace": namespace, "yaml_body": json.dumps(manifest),
        }),
    }


class Moves(ReleaseCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The hosts ask for the provider of what is in the state, and never start it: any binary will do.
        for package in list(MIRROR.folder.glob("mirror/*/delivery-tf/delivery/*/*")):
            for provider in ("hashicorp/kubernetes", "gavinbunney/kubectl"):
                target = package.parents[3] / provider / VERSION / package.name
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(next(package.iterdir()),
                            target / ("terraform-provider-%s_v%s" % (provider.split("/")[1], VERSION)))

    def moves_from(self, source):
        stack = self.new_stack()
        stack.declare()
        manifest = with_field(stack.manifest, "spec.template.spec.containers.0.image", image("1.0.0"))
        self.namespace.kubectl("create", "--field-manager=Terraform", "-f", "-", stdin=json.dumps(manifest))
        self.namespace.kubectl("rollout", "status", "deployment/" + stack.name, "--timeout=60s")
        before = self.namespace.deployment(stack.name)
        provider, attributes = _others_state(self.namespace.name, manifest)[source]
        (stack.folder / "terraform.tfstate").write_text(json.dumps({
            "version": 4, "terraform_version": "1.9.0", "serial": 1, "lineage": str(uuid.uuid4()), "outputs": {},
            "resources": [{"mode": "managed", "type": source, "name": "old",
                           "provider": 'provider["registry.opentofu.org/%s"]' % provider,
                           "instances": [{"schema_version": 1, "attributes": attributes}]}]}))

        def declare(tag):
            stack.declare(manifest=with_field(manifest, "spec.template.spec.containers.0.image", image(tag)))
            main = stack.folder / "main.tf"
            main.write_text(main.read_text() + "\nmoved {\n  from = %s.old\n  to   = delivery_rollout.web\n}\n" % source)

        declare("1.0.0")
        init = stack.start("init", "-no-color", "-input=false").finish()
        self.assertEqual(init.code, 0, init)
        plan = self.plan_shows_changes(stack, "moved from %s.old" % source, "nothing is written to the cluster")
        self.says(plan, "0 to add", "0 to destroy")
        self.applies(stack)
        self.assertEqual(self.namespace.deployment(stack.name)["metadata"]["generation"],
                         before["metadata"]["generation"])
        self.plan_is_empty(stack)

        declare("1.1.0")
        self.plan_shows_changes(stack, "taken over from other tools", "Terraform")
        self.applies(stack)
        self.assertEqual(self.uid(stack), before["metadata"]["uid"])
        self.runs(stack, "1.1.0")

    def test_from_kubernetes_deployment(self):
        self.moves_from("kubernetes_deployment_v1")

    def test_from_kubernetes_manifest(self):
        self.moves_from("kubernetes_manifest")

    def test_from_kubectl_manifest(self):
        self.moves_from("kubectl_manifest")
