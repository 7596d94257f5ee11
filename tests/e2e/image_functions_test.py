"""The data source delivery_image, which resolves at plan, and the provider's functions."""

import json

from environment import HOST
from image_policy_case import ImagePolicyCase, PolicyStack, semver
from stack import Block

_OUTPUT = 'output "%s" {\n  value = %s\n}\n'


class Data(ImagePolicyCase):

    def new_data(self):
        stack = self.new_policy()
        stack.type = "delivery_image"
        stack.text = _OUTPUT % ("image", "data.delivery_image.web.image")
        return stack

    def test_it_resolves_at_plan(self):
        repository = self.new_repository("1.3.9", "1.4.0", "latest")
        stack = self.new_data().declare(repository)
        image = "%s:1.4.0@%s" % (repository.reference, repository.digest("1.4.0"))

        plan = self.plan_shows_changes(stack, image)
        self.does_not_say(plan, "known after apply")
        self.apply_selects(stack, repository, "1.4.0")

        state = stack.state()
        self.assertEqual(state["candidates"], 2)
        self.assertEqual(state["platforms"], ["linux/amd64"])
        self.assertEqual(state["created_at"], "2026-01-01T00:00:00Z")
        self.skips(stack, "latest")
        self.plan_is_empty(stack)
        repository.push("1.5.0")
        self.plan_shows_changes(stack, "1.5.0")

    def test_it_takes_the_same_arguments(self):
        repository = self.new_repository("v1.0.0-amd64", "v1.1.0-amd64", "v1.2.0-amd64", "v1.3.0-amd64")
        repository.push("v1.4.0-amd64", platform="linux/arm64")
        stack = self.new_data().declare(
            repository, filter_tags=Block(pattern="^v(?P<v>.*)-amd64$", extract="$v"), platform="linux/amd64",
            min_age="1h", exclude=["v1.3.0-amd64"], with_digest=False, timeout="30s")
        self.applies(stack)
        self.assertEqual(stack.state()["image"], repository.reference + ":v1.2.0-amd64")

        self.applies(stack.declare(repository, pin="v1.0.0-amd64"))
        self.assertEqual(stack.state()["tag"], "v1.0.0-amd64")

    def test_no_candidate_is_an_error_of_the_plan(self):
        self.plan_fails(self.new_data().declare(self.new_repository("1.0.0"), policy=semver("3.x")),
                        "Error: ", "3.x", "1.0.0")

    def test_bad_arguments_are_an_error_of_validate(self):
        outcome = self.new_data().declare("registry.example.com/web:1.0", policy=semver("no")).validate()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, 'repository = "registry.example.com/web:1.0"', 'range = "no"')


class Functions(ImagePolicyCase):

    def evaluates(self, **expressions):
        """What these are, as `output` has them."""
        stack = self.stack_of(expressions)
        self.applies(stack)
        outputs = json.loads(stack.start("output", "-json").finish().output)
        return {name: output["value"] for name, output in outputs.items()}

    def stack_of(self, expressions):
        stack = PolicyStack(HOST)
        self.addCleanup(stack.remove)
        stack.text = "".join(_OUTPUT % item for item in expressions.items())
        stack.declare("registry.example.com/web")
        path = stack.folder / "main.tf"  # functions need no resource, and no configured provider
        path.write_text(path.read_text().split("\nprovider ")[0] + stack.text)
        return stack

    def is_refused(self, expression, *texts):
        outcome = self.stack_of({"it": expression}).plan()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, *texts)

    def test_parse_image(self):
        digest = "sha256:" + "ab" * 32
        found = self.evaluates(
            full='provider::delivery::parse_image("registry.example.com:5000/team/web:1.4.0@%s")' % digest,
            short='provider::delivery::parse_image("alpine")', tagged='provider::delivery::parse_image("team/web:1")')
        self.assertLessEqual({"registry.example.com:5000", "1.4.0", digest}, _values(found["full"]))
        self.assertIn("docker.io", _values(found["short"]))
        self.assertLessEqual({"docker.io", "1"}, _values(found["tagged"]))
        for reference in ("Team/web", "web:", "web@sha256:12", "", "a b"):
            with self.subTest(reference):
                self.is_refused('provider::delivery::parse_image("%s")' % reference, "ref")

    def test_semver_select(self):
        found = self.evaluates(
            it='provider::delivery::semver_select(["1.0.0", "v1.10.0", "1.9.0", "2.0.0-rc.1", "latest"], "1.x")',
            pre='provider::delivery::semver_select(["1.0.0", "2.0.0-rc.1"], ">=1.0.0-0")')
        self.assertEqual(found, {"it": "v1.10.0", "pre": "2.0.0-rc.1"})
        self.is_refused('provider::delivery::semver_select(["1.0.0"], "newest")', "range")

    def test_semver_compare(self):
        long = "1844674407370955161"  # with one digit more the end of 64 bits, beyond what a double tells apart
        pairs = {"less": ("1.9.0", "1.10.0", -1), "equal": ("v1.0.0", "1.0.0+build", 0),
                 "more": ("1.0.0", "1.0.0-rc.1", 1), "long": (long + "4.0.0", long + "5.0.0", -1),
                 "longer": ("1.0.0-rc." + long + "98", "1.0.0-rc." + long + "99", -1)}
        found = self.evaluates(**{name: 'provider::delivery::semver_compare("%s", "%s")' % (a, b)
                                  for name, (a, b, _) in pairs.items()})
        self.assertEqual(found, {name: expected for name, (_, _, expected) in pairs.items()})
        self.is_refused('provider::delivery::semver_compare("one", "1.0.0")', "one")

    def test_decode_manifests(self):
        documents = "\n---\n# nothing\n---\n".join(
            json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"number": "1"}})
            for name in ("a", "b"))
        found = self.evaluates(it="provider::delivery::decode_manifests(%s)" % json.dumps(documents),
                               none='provider::delivery::decode_manifests("")',
                               second="provider::delivery::decode_manifests(%s)[1].metadata.name"
                               % json.dumps("a: 1\n---\nmetadata:\n  name: two\n"))
        self.assertEqual([item["metadata"]["name"] for item in found["it"]], ["a", "b"])
        self.assertEqual((found["none"], found["second"]), ([], "two"))
        self.is_refused('provider::delivery::decode_manifests("a: [1")', "yaml")

    def test_canary_steps(self):
        found = self.evaluates(even='provider::delivery::canary_steps(50, 10, "2m")',
                               odd='provider::delivery::canary_steps(50, 20, "2m")')
        self.assertEqual([step["weight"] for step in found["even"]], [10, 20, 30, 40, 50])
        self.assertEqual([step["weight"] for step in found["odd"]], [20, 40, 50])  # never more than the most
        self.assertEqual({step["hold"] for step in found["even"]}, {"2m"})
        for arguments in ('0, 10, "1m"', '101, 10, "1m"', '50, 0, "1m"', '50, 10, "soon"'):
            with self.subTest(arguments):
                self.is_refused("provider::delivery::canary_steps(%s)" % arguments, "Error: ")


def _values(found):
    return {value for value in found.values() if isinstance(value, str)}
