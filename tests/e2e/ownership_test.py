"""Nothing of other people is overwritten silently: conflicts, objects that exist already, import, deletion by others."""

import json

from environment import image
from release_case import ReleaseCase
from stack import deployment, with_field


class OtherManagers(ReleaseCase):

    def fields_of_other_manager(self, stack):
        return {"apiVersion": "apps/v1", "kind": "Deployment",
                "metadata": {"name": stack.name, "namespace": self.namespace.name},
                "spec": {"minReadySeconds": 3}}

    def test_field_of_another_manager_is_a_conflict_that_names_both(self):
        stack = self.given_release("1.0.0")
        self.namespace.apply(self.fields_of_other_manager(stack), manager="platform-team")
        stack.declare("1.1.0", manifest=with_field(stack.manifest, "spec.minReadySeconds", 1))

        plan = self.plan_shows_changes(stack)
        self.says(plan, "Warning: ", "spec.minReadySeconds", "platform-team")
        outcome = self.apply_fails(stack, "spec.minReadySeconds", "\"platform-team\"", "force_conflicts = true")

        self.assertRegex(outcome.text, r"last written \d{4}-\d\d-\d\dT")
        self.runs(stack, "1.0.0")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["minReadySeconds"], 3)
        self.nothing_is_left_over()

        with self.subTest("force_conflicts takes the field"):
            self.applies(stack.declare("1.1.0", force_conflicts=True))
            self.assertEqual(self.namespace.deployment(stack.name)["spec"]["minReadySeconds"], 1)
            self.runs(stack, "1.1.0")
            self.plan_is_empty(stack)

    def test_conflict_that_comes_up_between_plan_and_apply_is_an_error(self):
        stack = self.given_release("1.0.0")
        stack.declare("1.1.0", manifest=with_field(stack.manifest, "spec.minReadySeconds", 1))
        self.assertEqual(stack.start("plan", "-input=false", "-out=saved.plan").finish().code, 0)
        self.namespace.apply(self.fields_of_other_manager(stack), manager="platform-team")

        outcome = stack.start("apply", "-no-color", "-input=false", "saved.plan").finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "spec.minReadySeconds", "platform-team")
        self.runs(stack, "1.0.0")

    def test_drift_after_the_plan_is_not_overwritten_without_being_shown(self):
        stack = self.given_release("1.0.0").declare("1.1.0")
        self.assertEqual(stack.start("plan", "-input=false", "-out=saved.plan").finish().code, 0)
        self.scale(stack, 3)

        outcome = stack.start("apply", "-no-color", "-input=false", "saved.plan").finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "spec.replicas", "kubectl")
        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 3)


class ExistingObjects(ReleaseCase):

    def given_foreign_deployment(self, tag="1.0.0", replicas=2):
        """A stack whose workload somebody made with kubectl."""
        stack = self.new_stack()
        manifest = with_field(deployment(stack.name, self.namespace.name, replicas),
                              "spec.template.spec.containers.0.image", image(tag))
        self.namespace.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
        self.namespace.kubectl("rollout", "status", "deployment/" + stack.name, "--timeout=40s")
        stack.manifest = manifest
        return stack

    def container(self, stack):
        return self.namespace.deployment(stack.name)["spec"]["template"]["spec"]["containers"][0]

    def test_creating_over_an_existing_object_is_refused_with_the_way_out(self):
        stack = self.given_foreign_deployment().declare("1.1.0")
        before = self.namespace.deployment(stack.name)

        plan = self.plan_shows_changes(stack)
        self.says(plan, "Warning: ", "exists already", "adopt_existing = true")
        self.apply_fails(stack, "exists already", "Import", "%s/%s" % (self.namespace.name, stack.name),
                         "adopt_existing = true")

        self.assertEqual(self.namespace.deployment(stack.name)["metadata"]["generation"],
                         before["metadata"]["generation"])
        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()

    def test_adoption_releases_in_the_same_object(self):
        stack = self.given_foreign_deployment().declare("1.1.0", adopt_existing=True)
        uid = self.uid(stack)

        self.applies(stack)

        self.assertEqual(self.uid(stack), uid)
        self.runs(stack, "1.1.0")
        self.plan_is_empty(stack)
        self.nothing_is_left_over()

    def test_failed_adoption_puts_the_object_back_and_records_nothing(self):
        stack = self.given_foreign_deployment().declare("crash", adopt_existing=True)
        uid = self.uid(stack)

        self.apply_fails(stack, "CrashLoopBackOff", "put back as it was")

        self.assertFalse(stack.has_state())
        self.assertEqual(self.uid(stack), uid)
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
        container = self.namespace.deployment(stack.name)["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["image"], image("1.0.0"))
        self.nothing_is_left_over()

    def test_import_changes_nothing_and_the_plan_after_it_is_empty(self):
        stack = self.given_foreign_deployment().declare()  # images in the manifest
        # Settings at their defaults, as the import knows no others.
        stack.declare(progress_deadline="10m")
        before = self.namespace.deployment(stack.name)

        imported = stack.import_("%s/%s" % (self.namespace.name, stack.name))

        self.assertEqual(imported.code, 0, imported)
        self.plan_is_empty(stack)
        self.assertEqual(self.namespace.deployment(stack.name)["metadata"], before["metadata"])
        state = stack.state()
        self.assertEqual(state["id"], "%s/%s" % (self.namespace.name, stack.name))
        self.assertEqual(state["running_images"], {"web": image("1.0.0")})
        self.assertEqual(state["status"]["phase"], "Succeeded")

        with self.subTest("a release after it takes over from kubectl"):
            self.applies(stack.declare("1.1.0"))
            self.runs(stack, "1.1.0")
            self.assertEqual(self.namespace.deployment(stack.name)["metadata"]["uid"], before["metadata"]["uid"])
            self.plan_is_empty(stack)
        with self.subTest("what leaves the manifest then leaves the cluster, though kubectl wrote it"):
            self.assertIn("readinessProbe", self.container(stack))
            stack.declare(manifest=with_field(
                stack.manifest, "spec.template.spec.containers.0.readinessProbe", None))
            self.applies(stack)
            self.assertNotIn("readinessProbe", self.container(stack))

    def test_first_release_after_an_import_that_fails_is_rolled_back(self):
        stack = self.given_foreign_deployment().declare(progress_deadline="10m")
        self.assertEqual(stack.import_("Deployment/%s/%s" % (self.namespace.name, stack.name)).code, 0)

        self.apply_fails(stack.declare("crash"), "CrashLoopBackOff", "previous version runs again")

        self.runs(stack, "1.0.0")
        self.assertEqual(stack.phase(), "RolledBack")

    def test_import_of_settings_is_an_update_that_writes_nothing(self):
        stack = self.given_foreign_deployment().declare("1.0.0", progress_deadline="33s")
        before = self.namespace.deployment(stack.name)
        self.assertEqual(stack.import_("%s/%s" % (self.namespace.name, stack.name)).code, 0)

        plan = self.plan_shows_changes(stack, "0 to add, 1 to change, 0 to destroy")
        self.applies(stack)

        self.does_not_say(plan, "must be replaced")
        self.assertEqual(self.namespace.deployment(stack.name)["metadata"], before["metadata"])
        self.plan_is_empty(stack)

    def test_import_of_what_does_not_exist_or_of_no_id(self):
        stack = self.new_stack().declare("1.0.0")

        missing = stack.import_("%s/%s" % (self.namespace.name, stack.name))
        malformed = stack.import_("just-a-name")

        self.assertEqual(missing.code, 1, missing)
        self.says(missing, "%s/%s" % (self.namespace.name, stack.name), "not found")
        self.assertEqual(malformed.code, 1, malformed)
        self.says(malformed, "just-a-name", "namespace/name")
        self.assertFalse(stack.has_state())


class EndOfAWorkload(ReleaseCase):

    def test_destroy_leaves_nothing(self):
        stack = self.given_release("1.0.0")

        self.destroys(stack)

        self.does_not_exist(stack)
        self.assertEqual(self.namespace.list("replicasets", "app=" + stack.name), [])
        self.assertEqual(self.namespace.list("pods", "app=" + stack.name), [])
        self.nothing_is_left_over()
        self.assertFalse(stack.has_state())

    def test_resource_taken_out_of_the_configuration_is_destroyed(self):
        stack = self.given_release("1.0.0")
        stack.remove_resource()

        self.applies(stack)

        self.does_not_exist(stack)
        self.nothing_is_left_over()

    def test_destroy_of_what_somebody_deleted_already(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("delete", "deployment", stack.name)

        self.destroys(stack)

        self.assertFalse(stack.has_state())
        self.nothing_is_left_over()

    def test_workload_deleted_by_someone_else_is_created_anew(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)
        self.namespace.kubectl("delete", "deployment", stack.name)

        self.plan_shows_changes(stack, "1 to add, 0 to change, 0 to destroy")
        self.applies(stack)

        self.runs(stack, "1.0.0")
        self.assertNotEqual(self.uid(stack), uid)
        self.plan_is_empty(stack)

    def test_workload_deleted_during_the_release_is_an_error(self):
        stack = self.given_release("1.0.0").declare("unready")
        generation = self.generation(stack)
        command = stack.start_apply()
        self.becomes_new(stack, than=generation)

        self.namespace.kubectl("delete", "deployment", stack.name)
        outcome = command.finish()

        self.assertEqual(outcome.code, 1, outcome)
        self.says(outcome, "deleted by someone else")
        with self.subTest("and the next apply sets it right"):
            self.applies(stack.declare("1.0.0"))
            self.runs(stack, "1.0.0")
            self.nothing_is_left_over()

    def test_changed_selector_replaces_the_workload_with_a_warning(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)
        changed = with_field(stack.manifest, "spec.selector.matchLabels.tier", "front")
        changed = with_field(changed, "spec.template.metadata.labels.tier", "front")

        stack.declare("1.0.0", manifest=changed)
        self.plan_shows_changes(stack, "must be replaced", "Warning: ", "down in between",
                                "1 to add, 0 to change, 1 to destroy")
        self.applies(stack)

        self.assertNotEqual(self.uid(stack), uid)
        self.runs(stack, "1.0.0")
        self.plan_is_empty(stack)
        self.nothing_is_left_over()

    def test_changed_name_moves_the_workload(self):
        stack = self.given_release("1.0.0")
        old = stack.name
        stack.name = old + "-renamed"
        stack.declare("1.0.0", manifest=deployment(stack.name, self.namespace.name))

        self.plan_shows_changes(stack, "must be replaced")
        self.applies(stack)

        self.assertIsNone(self.namespace.deployment(old))
        self.runs(stack, "1.0.0")
        self.assertEqual(stack.state()["id"], "%s/%s" % (self.namespace.name, stack.name))
        self.plan_is_empty(stack)
