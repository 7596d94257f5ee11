"""Bad configuration: an error that says where, why and what to do; nothing is left behind, nothing is lost."""

from environment import image
from release_case import ReleaseCase
from stack import Block, with_field


class BadManifest(ReleaseCase):
    """What the configuration alone can tell is an error of `validate`, and with it of every plan."""

    def is_refused(self, stack, *texts):
        """`validate` fails and says all of `texts`, at the resource's arguments."""
        outcome = stack.validate()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "in resource \"delivery_rollout\" \"web\"", *texts)
        return outcome

    def refuses_field(self, path, value, *texts):
        """The manifest is refused with this field set, or missing where the value is None."""
        stack = self.new_stack()
        stack.declare("1.0.0", manifest=with_field(stack.manifest, path, value))
        outcome = self.is_refused(stack, *texts)
        self.assertEqual(outcome.text.count("Error: "), 1, outcome)

    def test_errors_point_at_the_argument(self):
        stack = self.new_stack()
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.selector", None))
        self.is_refused(stack, "manifest = yamldecode(")

    def test_wrong_kind(self):
        self.refuses_field("kind", "Service", "Invalid manifest.kind", "\"Service\"", "Deployment")

    def test_wrong_api_version(self):
        self.refuses_field("apiVersion", "extensions/v1beta1", "Invalid manifest.apiVersion", "apps/v1")

    def test_no_name(self):
        self.refuses_field("metadata.name", None, "Invalid manifest.metadata.name", "missing")

    def test_invalid_name(self):
        self.refuses_field("metadata.name", "Web_1", "Invalid manifest.metadata.name", "\"Web_1\"", "DNS-1123")

    def test_no_selector(self):
        self.refuses_field("spec.selector", None, "Invalid manifest.spec.selector", "missing", "matchLabels")

    def test_selector_that_does_not_match_the_template(self):
        self.refuses_field("spec.template.metadata.labels", {"app": "other"},
                           "Invalid manifest.spec.template.metadata.labels", "app=other")

    def test_no_containers(self):
        # The images name one, which is another error.
        stack = self.new_stack()
        stack.declare(manifest=with_field(stack.manifest, "spec.template.spec.containers", []))
        self.is_refused(stack, "Invalid manifest.spec.template.spec.containers", "empty")

    def test_container_without_an_image(self):
        stack = self.new_stack().declare()
        self.is_refused(stack, "Invalid manifest.spec.template.spec.containers[0].image", "missing", "`images`")

    def test_all_mistakes_at_once(self):
        stack = self.new_stack()
        broken = with_field(with_field(stack.manifest, "spec.selector", None), "apiVersion", "v1")
        stack.declare(manifest=broken, images={"wbe": image("1.0.0")})

        self.is_refused(stack, "manifest.apiVersion", "manifest.spec.selector", "containers[0].image",
                        "\"wbe\"")

    def test_several_documents(self):
        stack = self.new_stack().declare(
            "1.0.0", manifest_expression='[for document in [1, 2] : yamldecode(file("${path.module}/web.yaml"))]')
        self.is_refused(stack, "manifest is not an object", "It is a list", "one resource each")

    def test_kubernetes_list_object(self):
        stack = self.new_stack()
        stack.declare(manifest={"apiVersion": "v1", "kind": "List", "items": [stack.manifest, stack.manifest]})
        self.is_refused(stack, "list of 2 objects", "one workload")

    def test_not_an_object(self):
        stack = self.new_stack().declare("1.0.0", manifest_expression='file("${path.module}/web.yaml")')
        self.is_refused(stack, "manifest is not an object", "yamldecode(file(")

    def test_null_manifest(self):
        stack = self.new_stack().declare("1.0.0", manifest_expression="null")
        self.is_refused(stack, "manifest")

    def test_manifest_with_a_status(self):
        self.refuses_field("status", {"replicas": 1}, "Invalid manifest.status", "Remove status")


class BadArguments(ReleaseCase):

    def is_refused(self, stack, *texts):
        outcome = stack.validate()
        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, *texts)

    def test_misspelt_argument(self):
        self.is_refused(self.new_stack().declare("1.0.0", on_failrue="keep"), "on_failrue", "on_failure")

    def test_misspelt_argument_of_a_block(self):
        self.is_refused(self.new_stack().declare("1.0.0", timeouts=Block(upgrade="1m")), "upgrade", "not expected here")

    def test_misspelt_argument_of_the_provider(self):
        stack = self.new_stack()
        stack.provider_arguments = {"pre_flight": "warn"}
        self.is_refused(stack.declare("1.0.0"), "pre_flight", "not expected here")

    def test_word_that_is_none_of_those_allowed(self):
        self.is_refused(self.new_stack().declare("1.0.0", on_failure="rolback"),
                        "on_failure", "\"rolback\"", "rollback", "pause", "keep")

    def test_images_naming_no_container(self):
        stack = self.new_stack()
        stack.declare(manifest=with_field(stack.manifest, "spec.template.spec.containers.0.image", image("1.0.0")),
                      images={"web": image("1.0.0"), "wbe": image("1.0.0")})
        self.is_refused(stack, "Unknown container", "\"wbe\"", "Its containers are: web")

    def test_malformed_image_reference(self):
        for reference in ("registry/App:1.0", "app:1.0:2", "app@sha256:12", "", "app: latest"):
            with self.subTest(reference):
                self.is_refused(self.new_stack().declare(images={"web": reference}),
                                "Invalid image reference", "\"%s\"" % reference, "repository[:tag]")

    def test_malformed_image_reference_in_the_manifest(self):
        stack = self.new_stack()
        stack.declare(manifest=with_field(stack.manifest, "spec.template.spec.containers.0.image", "app:1.0:2"))
        self.is_refused(stack, "Invalid image reference", "app:1.0:2")

    def test_duration_that_is_none(self):
        self.is_refused(self.new_stack().declare("1.0.0", progress_deadline="10 minutes"),
                        "progress_deadline", "10 minutes")

    def test_ignored_field_that_is_no_path(self):
        self.is_refused(self.new_stack().declare("1.0.0", ignore_fields=["spec..replicas", "spec.paused"]),
                        "ignore_fields", "Invalid field path")

    def test_a_mistake_in_an_update_loses_nothing(self):
        stack = self.given_release("1.0.0")
        before = stack.state()

        self.apply_fails(stack.declare(images={"web": "no image at all"}), "Invalid image reference")

        self.assertEqual(stack.state(), before)
        self.plan_is_empty(stack.declare("1.0.0"))


class UnknownNamespace(ReleaseCase):

    def test_plan_warns_and_apply_ends_before_anything_is_written(self):
        stack = self.new_stack()
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "metadata.namespace", "e2e-not-there"))

        plan = self.plan_shows_changes(stack, "Warning: ", "namespaces \"e2e-not-there\" not found")
        self.does_not_say(plan, "Error: ")
        outcome = self.apply_fails(stack, "namespaces \"e2e-not-there\" not found")

        self.assertLess(outcome.seconds, 20)
        self.assertFalse(stack.has_state())

    def test_preflight_error_makes_it_an_error_of_the_plan(self):
        stack = self.new_stack()
        stack.provider_arguments = {"preflight": "error"}
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "metadata.namespace", "e2e-not-there"))

        self.plan_fails(stack, "namespaces \"e2e-not-there\" not found")

    def test_preflight_off_says_nothing(self):
        stack = self.new_stack()
        stack.provider_arguments = {"preflight": "off"}
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "metadata.namespace", "e2e-not-there"))

        plan = self.plan_shows_changes(stack)

        self.does_not_say(plan, "Warning")


class StateOfANewerProvider(ReleaseCase):

    def test_is_an_error_that_says_so(self):
        stack = self.given_release("1.0.0")

        def raise_version(instance):
            instance["schema_version"] += 1

        stack.edit_state(raise_version)

        self.plan_fails(stack, "delivery_rollout.web", "newer")

    def test_damaged_private_state_is_an_error_with_the_way_out(self):
        stack = self.given_release("1.0.0")

        def damage(instance):
            instance["private"] = "e30="  # {}

        stack.edit_state(damage)

        self.plan_fails(stack, "private state", "import the workload anew")
