"""A release that goes well: the first, and the ones after it."""

from environment import image
from release_case import ReleaseCase
from stack import with_field


class FirstRelease(ReleaseCase):

    def test_state_tells_what_runs(self):
        stack = self.new_stack().declare("1.0.0")

        self.applies(stack)

        state = stack.state()
        live = self.namespace.deployment(stack.name)
        self.assertEqual(state["id"], "%s/%s" % (self.namespace.name, stack.name))
        self.assertEqual(state["uid"], live["metadata"]["uid"])
        self.assertEqual(state["revision"], "1")
        self.assertEqual(state["last_good_images"], {"web": image("1.0.0")})
        self.assertEqual(state["failed_images"], {})
        self.assertEqual(state["status"]["phase"], "Succeeded")
        self.assertLessEqual(state["status"]["started_at"], state["status"]["finished_at"])
        self.runs(stack, "1.0.0")
        self.assertEqual(live["status"]["readyReplicas"], 2)

    def test_plan_tells_the_steps(self):
        stack = self.new_stack().declare("1.0.0")

        plan = stack.planned_change()["after"]["release_plan"]

        text = "\n".join(plan)
        for part in ("create Deployment %s" % stack.name, image("1.0.0"), "RollingUpdate", "2 replicas", "on failure"):
            self.assertIn(part, text)
        self.applies(stack)
        self.assertEqual(stack.state()["release_plan"], plan)

    def test_plan_after_it_is_empty_twice(self):
        stack = self.given_release("1.0.0")

        self.plan_is_empty(stack)
        self.plan_is_empty(stack)
        self.plan_is_empty(stack, "-refresh=false")
        applied = self.applies(stack)

        self.says(applied, "0 added, 0 changed, 0 destroyed")

    def test_leaves_no_journal_and_no_lease(self):
        self.given_release("1.0.0")

        self.nothing_is_left_over()

    def test_only_named_fields_are_written_by_our_field_manager(self):
        stack = self.given_release("1.0.0")

        fields = [entry for entry in self.namespace.deployment(stack.name)["metadata"]["managedFields"]
                  if entry["manager"] == "terraform-provider-delivery"]

        self.assertEqual([entry["operation"] for entry in fields], ["Apply"])
        self.assertIn("f:replicas", fields[0]["fieldsV1"]["f:spec"])
        self.assertNotIn("f:strategy", fields[0]["fieldsV1"]["f:spec"])

    def test_images_in_the_manifest_alone(self):
        stack = self.new_stack()
        stack.declare(manifest=with_field(stack.manifest, "spec.template.spec.containers.0.image", image("1.0.0")))

        self.applies(stack)

        self.runs(stack, "1.0.0")
        self.plan_is_empty(stack)

    def test_namespace_of_the_context_when_the_manifest_names_none(self):
        kubeconfig = self.kubeconfig_with_namespace(self.namespace.name)
        stack = self.new_stack()
        stack.kubeconfig = kubeconfig
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "metadata.namespace", None))

        self.applies(stack)

        self.assertEqual(stack.state()["id"], "%s/%s" % (self.namespace.name, stack.name))
        self.runs(stack, "1.0.0")
        self.plan_is_empty(stack)

    def test_two_stacks_side_by_side_in_one_namespace(self):
        first, second = self.new_stack().declare("1.0.0"), self.new_stack().declare("1.1.0")

        running = [first.start_apply(), second.start_apply()]
        for command in running:
            outcome = command.finish()
            self.assertEqual(outcome.code, 0, outcome)

        self.runs(first, "1.0.0")
        self.runs(second, "1.1.0")


class NextRelease(ReleaseCase):

    def test_new_image(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)

        stack.declare("1.1.0")
        plan = self.plan_shows_changes(stack, "1 to change", "image of web: %s -> %s" % (image("1.0.0"), image("1.1.0")))
        self.applies(stack)

        self.does_not_say(plan, "must be replaced")
        self.runs(stack, "1.1.0")
        state = stack.state()
        self.assertEqual(state["last_good_images"], {"web": image("1.1.0")})
        self.assertEqual(state["revision"], "2")
        self.assertEqual(state["status"]["phase"], "Succeeded")
        self.assertEqual(self.uid(stack), uid)
        self.plan_is_empty(stack)
        self.plan_is_empty(stack, "-refresh=false")
        self.nothing_is_left_over()

    def test_slow_start_is_waited_for(self):
        stack = self.given_release("1.0.0")

        outcome = self.applies(stack.declare("slow"))

        self.assertGreater(outcome.seconds, 8)  # it is ready after 8 s
        self.runs(stack, "slow")

    def test_saved_plan_is_what_is_applied(self):
        stack = self.given_release("1.0.0").declare("1.1.0")
        plan = stack.start("plan", "-no-color", "-input=false", "-out=saved.plan").finish()
        self.assertEqual(plan.code, 0, plan)

        outcome = stack.start("apply", "-no-color", "-input=false", "saved.plan").finish()

        self.assertEqual(outcome.code, 0, outcome)
        self.runs(stack, "1.1.0")

    def test_new_setting_alone_touches_nothing_in_the_cluster(self):
        stack = self.given_release("1.0.0")
        before = self.namespace.deployment(stack.name)

        self.applies(stack.declare("1.0.0", progress_deadline="50s", on_failure="keep"))

        self.assertEqual(self.namespace.deployment(stack.name)["metadata"], before["metadata"])
        self.assertEqual(stack.state()["on_failure"], "keep")
        self.plan_is_empty(stack)

    def test_changed_manifest_field(self):
        stack = self.given_release("1.0.0")

        stack.declare("1.0.0", manifest=with_field(
            stack.manifest, "spec.template.spec.containers.0.env", [{"name": "GREETING", "value": "hello"}]))
        self.plan_shows_changes(stack, "env")
        self.applies(stack)

        container = self.namespace.deployment(stack.name)["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["env"], [{"name": "GREETING", "value": "hello"}])
        self.plan_is_empty(stack)

    def test_field_taken_out_of_the_manifest_is_removed(self):
        stack = self.new_stack()
        named = with_field(stack.manifest, "metadata.annotations", {"team": "shop"})
        self.applies(stack.declare("1.0.0", manifest=named))

        self.applies(stack.declare("1.0.0", manifest=with_field(named, "metadata.annotations", None)))

        annotations = self.namespace.deployment(stack.name)["metadata"].get("annotations", {})
        self.assertNotIn("team", annotations)
        self.plan_is_empty(stack)

    def test_replicas_taken_out_of_the_manifest_keep_their_number(self):
        stack = self.given_release("1.0.0")

        self.applies(stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.replicas", None)))

        self.assertEqual(self.namespace.deployment(stack.name)["spec"]["replicas"], 2)
        self.plan_is_empty(stack)
