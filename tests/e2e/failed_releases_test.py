"""A release that fails after one that was good: found early, explained, undone, and the state says what runs."""

from environment import image
from release_case import ReleaseCase
from stack import with_field


class BrokenUpdateIsRolledBack(ReleaseCase):

    def test_crash_is_explained_and_undone(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)

        outcome = self.apply_fails(
            stack.declare("crash"),
            "pod %s-" % stack.name, "container web", "CrashLoopBackOff", "exit code 1",
            "panic: cannot open database: connection refused", "Last events",
            "rolled back", "previous version runs again", image("1.0.0"))

        self.assertLess(outcome.seconds, 40)
        self.runs(stack, "1.0.0")
        state = stack.state()
        self.assertEqual(state["status"]["phase"], "RolledBack")
        self.assertEqual(state["images"], {"web": image("1.0.0")})
        self.assertEqual(state["last_good_images"], {"web": image("1.0.0")})
        self.assertEqual(state["failed_images"], {"web": image("crash")})
        self.assertFalse(stack.is_tainted())
        self.assertEqual(self.uid(stack), uid)
        self.nothing_is_left_over()

        with self.subTest("the next plan shows the change again"):
            self.plan_shows_changes(stack, image("crash"), "1 to change")
        with self.subTest("with the old image configured nothing is to be done"):
            self.plan_is_empty(stack.declare("1.0.0"))
        with self.subTest("a good image is released as ever"):
            self.applies(stack.declare("1.1.0"))
            self.runs(stack, "1.1.0")
            self.assertEqual(stack.state()["failed_images"], {})

    def test_image_that_does_not_exist_fails_long_before_the_deadline(self):
        stack = self.given_release("1.0.0")

        outcome = self.apply_fails(stack.declare("9.9.9", progress_deadline="10m"),
                                   "pod %s-" % stack.name, "container web", "ImagePull", image("9.9.9"), "rolled back")

        self.assertLess(outcome.seconds, 60)
        self.runs(stack, "1.0.0")
        self.assertEqual(stack.phase(), "RolledBack")

    def test_never_ready_fails_at_the_progress_deadline(self):
        stack = self.given_release("1.0.0")

        outcome = self.apply_fails(stack.declare("unready", progress_deadline="15s"), "no progress for 15s",
                                   "rolled back")

        self.assertGreater(outcome.seconds, 15)
        self.assertLess(outcome.seconds, 45)
        self.runs(stack, "1.0.0")
        self.assertEqual(stack.phase(), "RolledBack")
        self.nothing_is_left_over()

    def test_rollback_restores_all_fields_not_just_the_image(self):
        stack = self.new_stack()
        good = with_field(stack.manifest, "spec.template.spec.containers.0.env", [{"name": "MODE", "value": "good"}])
        self.applies(stack.declare("1.0.0", manifest=good))
        broken = with_field(good, "spec.template.spec.containers.0.env",
                            [{"name": "MODE", "value": "bad"}, {"name": "START_FAILURE", "value": "out of cheese"}])

        self.apply_fails(stack.declare("1.1.0", manifest=broken), "panic: out of cheese")

        self.runs(stack, "1.0.0")
        container = self.namespace.deployment(stack.name)["spec"]["template"]["spec"]["containers"][0]
        self.assertEqual(container["env"], [{"name": "MODE", "value": "good"}])
        self.plan_is_empty(stack.declare("1.0.0", manifest=good))

    def test_pod_that_no_node_can_take_fails_after_the_schedule_timeout(self):
        stack = self.given_release("1.0.0")
        stack.declare("1.0.0", schedule_timeout="5s", progress_deadline="10m", manifest=with_field(
            stack.manifest, "spec.template.spec.nodeSelector", {"disk": "none-has-this"}))

        outcome = self.apply_fails(stack, "Unschedulable", "rolled back")

        self.assertLess(outcome.seconds, 40)
        self.runs(stack, "1.0.0")

    def test_missing_config_map_is_a_container_that_cannot_be_created(self):
        stack = self.given_release("1.0.0")
        stack.declare("1.0.0", progress_deadline="10m", manifest=with_field(
            stack.manifest, "spec.template.spec.containers.0.envFrom", [{"configMapRef": {"name": "not-there"}}]))

        outcome = self.apply_fails(stack, "CreateContainerConfigError", "not-there", "rolled back")

        self.assertLess(outcome.seconds, 40)
        self.runs(stack, "1.0.0")

    def test_exceeded_quota_is_found_without_a_pod(self):
        stack = self.given_release("1.0.0")
        self.namespace.kubectl("create", "quota", "no-memory", "--hard=requests.memory=1Mi")
        self.addCleanup(self.namespace.kubectl, "delete", "quota", "no-memory")
        stack.declare("1.1.0", progress_deadline="10m", manifest=with_field(
            stack.manifest, "spec.template.spec.containers.0.resources", {"requests": {"memory": "20Mi"}}))

        outcome = self.apply_fails(stack, "FailedCreate", "no-memory")

        self.assertLess(outcome.seconds, 60)


class BrokenUpdateIsLeft(ReleaseCase):

    def test_keep_leaves_the_new_version_and_the_next_apply_tries_again(self):
        stack = self.given_release("1.0.0")
        uid = self.uid(stack)

        self.apply_fails(stack.declare("crash", on_failure="keep"), "CrashLoopBackOff", "is left as it is")

        state = stack.state()
        self.assertEqual(state["status"]["phase"], "Failed")
        self.assertEqual(state["running_images"], {"web": image("crash")})
        self.assertEqual(state["last_good_images"], {"web": image("1.0.0")})
        self.assertFalse(stack.is_tainted())
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])
        self.plan_shows_changes(stack, "1 to change", "try the failed release")

        with self.subTest("a good image ends it well"):
            self.applies(stack.declare("1.1.0", on_failure="keep"))
            self.runs(stack, "1.1.0")
            self.assertEqual(stack.phase(), "Succeeded")
            self.assertEqual(self.uid(stack), uid)
            self.plan_is_empty(stack)
            self.nothing_is_left_over()

    def test_pause_halts_the_rollout_and_a_good_release_goes_on(self):
        stack = self.given_release("1.0.0")

        self.apply_fails(stack.declare("crash", on_failure="pause"), "CrashLoopBackOff", "paused")

        self.assertTrue(self.namespace.deployment(stack.name)["spec"].get("paused"))
        self.assertEqual(stack.phase(), "Failed")
        self.assertEqual(self.namespace.running_version(stack.name), ["1.0.0"])

        with self.subTest("the pause is ours, and no drift"):
            plan = self.plan_shows_changes(stack, "1 to change")
            self.does_not_say(plan, "Drift")
        with self.subTest("a good image ends it well"):
            self.applies(stack.declare("1.1.0", on_failure="pause"))
            self.assertFalse(self.namespace.deployment(stack.name)["spec"].get("paused"))
            self.runs(stack, "1.1.0")
            self.plan_is_empty(stack)
            self.nothing_is_left_over()


class BrokenFirstRelease(ReleaseCase):

    def test_rollback_removes_everything_and_records_nothing(self):
        stack = self.new_stack().declare("crash")

        self.apply_fails(stack, "CrashLoopBackOff", "cannot open database", "removed")

        self.does_not_exist(stack)
        self.nothing_is_left_over()
        self.assertFalse(stack.has_state())
        self.assertEqual(self.namespace.list("pods", "app=" + stack.name), [])
        with self.subTest("the next apply begins anew"):
            self.applies(stack.declare("1.0.0"))
            self.runs(stack, "1.0.0")

    def test_keep_warns_and_is_not_tainted(self):
        stack = self.new_stack().declare("crash", on_failure="keep")

        outcome = self.applies(stack)

        self.says(outcome, "Warning: ", "CrashLoopBackOff", "cannot open database", "is left as it is")
        self.assertFalse(stack.is_tainted())
        self.assertEqual(stack.phase(), "Failed")
        self.assertEqual(stack.state()["last_good_images"], {})
        uid = self.uid(stack)

        with self.subTest("the next plan is an update in place"):
            plan = self.plan_shows_changes(stack, "0 to add, 1 to change, 0 to destroy")
            self.does_not_say(plan, "must be replaced")
        with self.subTest("a good image ends it well, in the same Deployment"):
            self.applies(stack.declare("1.0.0", on_failure="keep"))
            self.assertEqual(self.uid(stack), uid)
            self.assertEqual(stack.phase(), "Succeeded")
            self.runs(stack, "1.0.0")
            self.plan_is_empty(stack)
            self.nothing_is_left_over()

    def test_pause_warns_and_is_not_tainted(self):
        stack = self.new_stack().declare("9.9.9", on_failure="pause")

        outcome = self.applies(stack)

        self.says(outcome, "Warning: ", "ImagePull", "paused")
        self.assertFalse(stack.is_tainted())
        self.assertTrue(self.namespace.deployment(stack.name)["spec"].get("paused"))
        with self.subTest("a good image ends it well"):
            self.applies(stack.declare("1.0.0", on_failure="pause"))
            self.assertFalse(self.namespace.deployment(stack.name)["spec"].get("paused"))
            self.runs(stack, "1.0.0")
            self.plan_is_empty(stack)

    def test_failed_release_that_was_kept_can_be_destroyed(self):
        stack = self.new_stack().declare("crash", on_failure="keep")
        self.applies(stack)

        self.destroys(stack)

        self.does_not_exist(stack)
        self.nothing_is_left_over()

    def test_refused_object_is_an_error_before_anything_is_written(self):
        stack = self.new_stack()
        stack.declare("1.0.0", manifest=with_field(stack.manifest, "spec.template.spec.restartPolicies", "Always"))

        self.apply_fails(stack, "restartPolicies")

        self.does_not_exist(stack)
        self.nothing_is_left_over()
        self.assertFalse(stack.has_state())
