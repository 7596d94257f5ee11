"""A policy feeds a release on the real cluster: one plan shows both, and what the registry does not have is found
before anything is written."""

import http.client
import json
import re
import shutil

import documentation_test
from environment import KUBECONFIG, REGISTRY
from faulty_registry import FaultyRegistry
from image_policy_case import PolicyStack, PolicyWords
from kubernetes_cluster import kubectl
from registry_images import Repository, run_tool
from registry_server import PASSWORD, USER, RegistryServer, basic
from release_case import ReleaseCase
from stack import LONGEST_COMMAND, Block, with_field

_ROLLOUT = '''
resource "delivery_rollout" "web" {
  manifest          = yamldecode(file("${path.module}/web.yaml"))
  images            = { web = %s }
  progress_deadline = "45s"
%s}
'''


def warnings_about(text, outcome):
    return [part for part in outcome.text.split("Warning: ")[1:] if text in part]


def node_architecture():
    return kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.nodeInfo.architecture}")


class ClusterRegistry:
    """The registry that the cluster's node pulls from, as Repository has servers."""

    host = REGISTRY

    @staticmethod
    def connect():
        return http.client.HTTPConnection(REGISTRY, timeout=30)

    @staticmethod
    def authorization(_):
        return {}


class StackCase(PolicyWords, ReleaseCase):

    registry = ClusterRegistry

    def given_repository(self, *versions):
        """A repository of the cluster's registry with images of the application under these versions as tags."""
        repository = Repository(ClusterRegistry, "%s/web-%d" % (self.namespace.name, next(self._repositories)))
        for version in versions:
            self.push(repository, version)
        return self.seen_from(REGISTRY, repository)

    def push(self, repository, version):
        repository.push_copy(version, Repository(ClusterRegistry, "delivery/app"), version)

    def new_combined(self, repository, host=REGISTRY, image="delivery_image_policy.web.image", more="", **arguments):
        """A policy and a rollout of what it selects."""
        stack = PolicyStack()
        self.addCleanup(stack.remove)
        stack.namespace, stack.name = self.namespace.name, "web-%d" % next(self._names)
        stack.registries = [Block(host=host, plain_http=True)]
        stack.provider_arguments = {"kubernetes": Block(config_path=str(KUBECONFIG))}
        stack.manifest = with_field(with_field(with_field(with_field(
            stack.manifest, "metadata.name", stack.name), "metadata.namespace", stack.namespace),
            "spec.selector.matchLabels.app", stack.name), "spec.template.metadata.labels.app", stack.name)
        return self.with_rollout(stack, repository, image, more, **arguments)

    def with_rollout(self, stack, repository, image="delivery_image_policy.web.image", more="", **arguments):
        (stack.folder / "web.yaml").write_text(json.dumps(stack.manifest))
        stack.text = _ROLLOUT % (image, more)
        return stack.declare(repository, **arguments)

    def rollout(self, stack):
        """Its attributes in the state, or None."""
        resources = json.loads((stack.folder / "terraform.tfstate").read_text())["resources"]
        return next((resource["instances"][0]["attributes"] for resource in resources
                     if resource["type"] == "delivery_rollout"), None)

    def releases(self, stack, version):
        self.applies(stack)
        image = stack.state()["image"]
        self.assertEqual(self.rollout(stack)["running_images"], {"web": image})
        live = self.namespace.deployment(stack.name)
        self.assertEqual(live["spec"]["template"]["spec"]["containers"][0]["image"], image)
        self.assertEqual(self.namespace.running_version(stack.name), [version])


class PolicyAndRollout(StackCase):

    def test_first_release_and_the_next(self):
        repository = self.given_repository("1.0.0")
        stack = self.new_combined(repository)
        self.releases(stack, "1.0.0")
        self.plan_is_empty(stack)
        old = stack.state()["image"]

        self.push(repository, "1.1.0")
        new = "%s:1.1.0@%s" % (repository.reference, repository.digest("1.1.0"))
        self.says(self.plan_moves(stack, "1.0.0", "1.1.0"), "2 to change", "image of web: %s -> %s" % (old, new))
        self.releases(stack, "1.1.0")

        self.plan_is_empty(stack)
        self.plan_is_empty(stack)
        self.nothing_is_left_over()

    def test_saved_plan_releases_what_it_showed(self):
        repository = self.given_repository("1.0.0")
        stack = self.new_combined(repository)
        self.releases(stack, "1.0.0")
        self.push(repository, "1.1.0")
        self.assertEqual(stack.start("plan", "-no-color", "-out=saved.plan").finish().code, 0)
        self.push(repository, "2.0.0")

        outcome = stack.start("apply", "-no-color", "saved.plan").finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(self.namespace.running_version(stack.name), ["1.1.0"])

    def test_version_that_does_not_work_is_excluded(self):
        repository = self.given_repository("1.0.0")
        stack = self.new_combined(repository)
        self.releases(stack, "1.0.0")
        repository.push_copy("1.0.1", Repository(ClusterRegistry, "delivery/app"), "crash")

        self.apply_fails(stack, "CrashLoopBackOff", "rolled back")
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
        self.with_rollout(stack, repository, exclude=["1.0.1"])
        self.releases(stack, "1.0.0")

        self.plan_is_empty(stack)

    def test_pin_is_a_release_too(self):
        repository = self.given_repository("1.0.0")
        stack = self.new_combined(repository)
        self.releases(stack, "1.0.0")
        self.push(repository, "1.1.0")
        self.releases(stack, "1.1.0")

        self.with_rollout(stack, repository, pin="1.0.0")
        self.says(self.plan_moves(stack, "1.1.0", "1.0.0"), "image of web: ", ":1.0.0@")
        self.releases(stack, "1.0.0")


class ImageOfARollout(StackCase):
    """It is looked for in the registry when a release is planned, and before the first write."""

    def finds(self, stack, *texts):
        """A warning at plan, an error in apply, and nothing written."""
        before = self.namespace.deployment(stack.name)
        self.plan_shows_changes(stack, "Warning: ", *texts)
        outcome = stack.apply()
        self.assertEqual(outcome.code, 1, outcome)
        error = outcome.text.split("Error: ", 1)[1]
        for text in texts:
            self.assertIn(text, error, outcome)
        self.assertLess(outcome.seconds, 25)
        self.assertEqual((self.namespace.deployment(stack.name) or {}).get("spec"), (before or {}).get("spec"))
        self.nothing_is_left_over()

    def test_tag_that_is_not_there(self):
        repository = self.given_repository("1.0.0")
        absent = repository.reference + ":1.0.1"
        stack = self.new_combined(repository, image=json.dumps(absent))
        self.finds(stack, absent)

        self.releases(self.with_rollout(stack, repository), "1.0.0")
        self.finds(self.with_rollout(stack, repository, image=json.dumps(absent)), absent)

    def test_digest_and_repository_that_are_not_there(self):
        repository = self.given_repository("1.0.0")
        for absent in (repository.reference + "@sha256:" + "0" * 64, REGISTRY + "/nobody/nothing:1"):
            with self.subTest(absent):
                self.finds(self.new_combined(repository, image=json.dumps(absent)), absent)

    def test_platform_that_no_node_has(self):
        repository = self.given_repository("1.0.0")
        repository.push_index("9.9.9", ["linux/s390x", "windows/amd64"])
        absent = repository.reference + ":9.9.9"
        self.finds(self.new_combined(repository, image=json.dumps(absent)), absent, "linux/" + node_architecture())

    def test_preflight_off_leaves_it_to_the_cluster(self):
        repository = self.given_repository("1.0.0")
        stack = self.new_combined(repository)
        stack.provider_arguments["preflight"] = "off"
        self.with_rollout(stack, repository, image=json.dumps(repository.reference + ":1.0.1"))
        self.assertEqual(warnings_about(":1.0.1", self.plan_shows_changes(stack)), [])
        self.apply_fails(stack, "1.0.1")

    def test_what_runs_is_not_asked_for_again(self):
        with FaultyRegistry(ClusterRegistry) as counted:
            repository = self.given_repository("1.0.0")
            image = "%s/%s:1.0.0" % (counted.host, repository.name)
            stack = self.new_combined(repository, image=json.dumps(image))
            stack.registries.append(Block(host=counted.host, plain_http=True))
            self.with_rollout(stack, repository, image=json.dumps(image))
            self.applies(stack)
            self.assertTrue(counted.counts())
            counted.forget()

            self.plan_is_empty(stack)

            self.assertEqual(counted.counts(), {})


class PullSecrets(StackCase):
    """A private registry, whose credentials only the pod's pull secret has."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.private = RegistryServer(users=True)
        cls.enterClassContext(cls.private)
        run_tool("skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false",
                 "--dest-creds", "%s:%s" % (USER, PASSWORD), "docker://%s/delivery/app:1.0.0" % REGISTRY,
                 "docker://%s/team/app:1.0.0" % cls.private.host)
        for name, password in (("good", PASSWORD), ("bad", "wrong-" + PASSWORD)):
            config = {"auths": {cls.private.host: {"username": USER, "password": password,
                                                   "auth": basic(password=password)}}}
            cls.namespace.kubectl("create", "-f", "-", stdin=json.dumps({
                "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                "metadata": {"name": name}, "stringData": {".dockerconfigjson": json.dumps(config)}}))

    def stack_with(self, secret, tag):
        """A rollout of pods with this pull secret, and of an image that exists as 1.0.0."""
        public = self.given_repository("1.0.0")
        stack = self.new_combined(public)
        stack.registries.append(Block(host=self.private.host, plain_http=True))
        if secret:
            stack.manifest = with_field(stack.manifest, "spec.template.spec.imagePullSecrets", [{"name": secret}])
        self.with_rollout(stack, public, image=json.dumps("%s/team/app:%s" % (self.private.host, tag)))
        return stack

    def found(self, secret, tag):
        """The warnings about the private registry in the plan."""
        outcome = self.stack_with(secret, tag).plan()
        self.assertEqual(outcome.code, 2, outcome)
        self.does_not_say(outcome, PASSWORD, basic())
        return warnings_about(self.private.host, outcome)

    def test_it_is_used(self):
        self.assertEqual(self.found("good", "1.0.0"), [])

    def test_release_with_it(self):
        stack = self.stack_with("good", "1.0.0")
        self.applies(stack)
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])

    def test_what_is_not_there_is_found_with_it(self):
        found, = self.found("good", "1.9.9")
        self.assertIn(":1.9.9", found)

    def test_with_a_wrong_one(self):
        for secret in ("bad", "absent"):
            with self.subTest(secret):
                self.assertTrue(self.found(secret, "1.0.0"))

    def test_nodes_may_have_credentials_of_their_own(self):
        self.assertEqual(self.found(None, "1.0.0"), [])


class Example(StackCase):

    def test_stack(self):
        repository = self.given_repository("1.0.0")
        stack = PolicyStack()
        self.addCleanup(stack.remove)
        folder = documentation_test.ROOT / "examples/stacks/image-policy"
        (stack.folder / "main.tf").unlink(missing_ok=True)
        shutil.copytree(folder, stack.folder, dirs_exist_ok=True)
        known = {"kubeconfig": KUBECONFIG, "registry": REGISTRY, "namespace": self.namespace.name,
                 "repository": repository.name}
        declared = re.findall(r'^variable "(\w+)"', "".join(path.read_text() for path in folder.glob("*.tf")), re.M)
        variables = ["-var=%s=%s" % (name, known[name]) for name in declared if name in known]

        self.assertEqual(stack.start("init", "-no-color").finish(LONGEST_COMMAND).code, 0)
        self.applies(stack, *variables)
        self.plan_is_empty(stack, *variables)
        self.assertEqual(self.namespace.running_version(), ["1.0.0"])
        self.push(repository, "1.1.0")
        self.plan_moves(stack, "1.0.0", "1.1.0", *variables)
        self.applies(stack, *variables)
        self.assertEqual(self.namespace.running_version(), ["1.1.0"])

        outcome = stack.start("destroy", "-auto-approve", "-no-color", "-input=false", *variables).finish()
        self.assertEqual(outcome.code, 0, outcome)
