"""What happens outside of Terraform, and what goes wrong in a provider, as the user and the state see it."""

import json
import os
import signal
import time

import host


class ObjectCase(host.HostCase):
    def setUp(self):
        super().setUp()
        self.file = self.work.path / "object"

    def object(self, more="", name="a"):
        return 'resource "conformance_object" "%s" {\n  file = "%s"\n%s\n}\n' % (name, self.file, more)

    def attributes(self):
        return self.work.instance("a")["attributes"]

    def assert_settled(self):
        self.assert_nothing_to_do()
        self.assert_nothing_to_do()


class Outside(ObjectCase):
    def test_a_change_is_found_and_corrected(self):
        self.apply(self.object())
        self.file.write_text("bitter")
        self.assertIn("bitter", self.succeed("plan", "-refresh-only"))
        self.assertEqual(self.actions(), {"conformance_object.a": ["update"]})
        self.apply()
        self.assertEqual(self.file.read_text(), "plain")
        self.assertEqual(self.attributes()["applied"], 2)
        self.assert_settled()

    def test_what_is_gone_is_created_again(self):
        self.apply(self.object())
        self.file.unlink()
        self.assertEqual(self.actions(), {"conformance_object.a": ["create"]})
        self.apply()
        self.assert_settled()

    def test_a_refresh_keeps_private_state(self):
        self.apply(self.object())
        self.file.write_text("bitter")
        self.apply(self.object(), TF_CLI_ARGS_apply="-refresh-only")
        self.apply(self.object('content = "sweet"'))
        self.assertEqual(self.attributes()["applied"], 2)

    def test_import_of_what_exists_needs_no_change(self):
        self.file.write_text("plain")
        self.work.write(self.object())
        self.succeed("import", "conformance_object.a", str(self.file))
        self.assert_settled()

    def test_import_of_what_does_not_exist(self):
        self.work.write(self.object())
        self.fail_with("Cannot import non-existent", "import", "conformance_object.a", str(self.file))

    def test_move_from_another_provider(self):
        self.file.write_text("plain")
        self.apply('resource "terraform_data" "d" {\n  input = "%s"\n}\n' % self.file)
        self.apply(self.object() + "moved {\n  from = terraform_data.d\n  to = conformance_object.a\n}\n")
        self.assertEqual(self.attributes()["file"], str(self.file))
        self.assert_settled()

    def test_the_provider_plans_a_destroy(self):
        self.apply(self.object())
        self.assertIn("The file will be gone", self.succeed("plan", "-destroy"))
        self.succeed("destroy", "-auto-approve")
        self.assertFalse(self.file.exists())


class SetBlocks(ObjectCase):
    def test_order_does_not_matter_and_elements_may_be_unknown(self):
        first = 'resource "conformance_thing" "t" {\n  name = "t"\n}\n'
        one = "rule {\n  host = conformance_thing.t.id\n  ports = [443, 80]\n}\n"
        two = 'rule {\n  host = "b"\n}\n'
        self.apply(first + self.object(one + two))
        self.assertEqual([rule["host"] for rule in self.attributes()["rule"]], ["b", "id-t"])
        self.assert_settled()
        self.work.write(first + self.object(two + one.replace("443, 80", "80, 443, 80")))
        self.assert_settled()

    def test_dynamic_blocks_over_an_unknown_collection(self):
        self.apply('resource "conformance_thing" "t" {\n  name = "t"\n}\n' + self.object(
            'dynamic "rule" {\n  for_each = split("-", conformance_thing.t.id)\n'
            "  content {\n    host = rule.value\n  }\n}\n"))
        self.assertEqual(len(self.attributes()["rule"]), 2)
        self.assert_settled()


class Failures(ObjectCase):
    def fail_apply(self, behaviour, text):
        self.work.write(self.object('behaviour = "%s"' % behaviour))
        return self.fail_with(text, "apply", "-auto-approve")

    def test_a_create_without_state_is_not_recorded(self):
        self.fail_apply("nothing", "Failed at once")
        self.assertEqual(self.work.state()["resources"], [])

    def test_an_update_without_state_keeps_the_prior_one(self):
        self.apply(self.object())
        self.fail_apply("orphan", "An error without state.")
        self.assertIsNone(self.attributes()["behaviour"])

    def test_an_exception_is_an_error_of_the_resource(self):
        output = self.fail_apply("throw", "thrown by a resource")
        self.assertIn("with conformance_object.a", output)
        self.assertNotIn("Plugin did not respond", output)

    def test_text_that_is_not_utf8_still_arrives(self):
        self.fail_apply("utf8", "Bad text \ufffd")

    def test_secrets_in_messages_are_redacted(self):
        output = self.fail_apply("secret", "The token is <(redacted)>.")
        self.assertNotIn("registered-token-value", output)

    def crash(self, behaviour):
        self.work.write(self.object('behaviour = "%s"' % behaviour))
        # "Plugin did not respond" or "Request cancelled": whichever the host notices first.
        return self.fail_with("ApplyResourceChange", "apply", "-auto-approve", TF_LOG="ERROR")

    def test_an_exception_of_another_thread_leaves_a_report(self):
        self.assertIn("nobody catches this", self.crash("thread"))

    def test_invalid_memory_access_leaves_a_report(self):
        self.assertIn("panic: SIGSEGV", self.crash("segv"))

    def test_all_mistakes_are_told_at_once_with_their_places(self):
        self.work.write(self.object("weight = 101\nstep {\n  weight = 5\n}\nstep {\n  weight = 500\n}"))
        code, output = self.work.run("validate", "-json")
        self.assertEqual(code, 1)
        lines = (self.work.path / "main.tf").read_text().splitlines()
        found = [lines[error["range"]["start"]["line"] - 1].strip()
                 for error in json.loads(output)["diagnostics"] if error["severity"] == "error"]
        self.assertEqual(sorted(found), ["weight = 101", "weight = 500"])

    def test_a_misspelt_argument_of_a_block(self):
        self.work.write(self.object("step {\n  wait = 5\n}"))
        self.fail_with('"wait" is not expected here', "validate")

    def test_state_that_does_not_fit_is_refused(self):
        self.apply(self.object())
        state = self.work.state()
        state["resources"][0]["instances"][0]["attributes"]["step"] = {"weight": {}}
        self.work.state_path().write_text(json.dumps(state))
        code, output = self.work.run("plan")
        self.assertEqual(code, 1, output)


class Stops(ObjectCase):
    def start(self, *arguments, **environment):
        began = self.file.with_name("object.began")
        began.unlink(missing_ok=True)
        process = self.work.start(*arguments, **environment)
        self.addCleanup(process.stdout.close)
        reached, _ = host.wait_until(lambda: began.exists() or process.poll() is not None)
        self.assertTrue(reached and process.poll() is None, "the apply did not begin")
        return process

    def test_ctrl_c_during_destroy_keeps_the_object(self):
        self.apply(self.object())
        state = self.work.state()
        state["resources"][0]["instances"][0]["attributes"]["behaviour"] = "sleep"
        self.work.state_path().write_text(json.dumps(state))
        process = self.start("destroy", "-auto-approve", "-no-color")
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=host.PATIENCE)
        self.assertEqual(process.returncode, 1, output)
        self.assertIn("The file is still there.", output)
        self.assertTrue(self.file.exists())
        self.assertEqual(self.attributes()["applied"], 1)

    def test_a_terminated_provider_answers_first(self):
        self.work.write(self.object('behaviour = "sleep"'))
        process = self.start("apply", "-auto-approve", "-no-color")
        for provider in self.work.processes():
            os.kill(provider, signal.SIGTERM)
        output, _ = process.communicate(timeout=host.PATIENCE)
        self.assertIn("Stopped early", output)
        self.assertEqual(self.attributes()["applied"], 1)

    def test_applies_run_side_by_side(self):
        names = ["n%d" % i for i in range(8)]
        files = [self.work.path / name for name in names]
        self.work.write("".join('resource "conformance_object" "%s" {\n  file = "%s"\n  behaviour = "sleep"\n}\n'
                                % pair for pair in zip(names, files)))
        process = self.work.start("apply", "-auto-approve", "-no-color")
        self.addCleanup(process.stdout.close)
        # Each of them sleeps for a minute.
        all_began, _ = host.wait_until(
            lambda: all(file.with_name(file.name + ".began").exists() for file in files), 30)
        os.killpg(process.pid, signal.SIGINT)
        start = time.monotonic()
        process.communicate(timeout=host.PATIENCE)
        self.assertTrue(all_began)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual(len(self.work.state()["resources"]), 8)
