"""What goes wrong, and what the user and the state see of it."""

import json

from harness import PASSWORD, SECRET, HostCase


def thing(fail: str = "", extra: str = "") -> str:
    return f"""
resource "probe_thing" "a" {{
  name = "alpha"
  {extra}
  behaviour {{
    fail = "{fail}"
  }}
}}
"""


class FailedApply(HostCase):
    def test_create_with_state_is_tainted(self) -> None:
        self.write("main.tf", thing("state"))
        self.assertIn("Failed half-way", self.apply(code=1).text)
        self.assertEqual(self.instance("a")["status"], "tainted")
        self.write("main.tf", thing())
        self.assertEqual(self.planned("probe_thing.a")["actions"], ["delete", "create"])
        self.run_host("apply", "saved.plan")
        self.assert_settled()

    def test_create_without_state_is_not_recorded(self) -> None:
        self.write("main.tf", thing("nothing"))
        self.assertIn("Failed at once", self.apply(code=1).text)
        self.assertIsNone(self.instance("a"))

    def test_update_keeps_what_the_provider_says(self) -> None:
        self.write("main.tf", thing())
        self.apply()
        self.write("main.tf", thing("state", 'flavour = "sweet"'))
        self.apply(code=1)
        self.assertEqual(self.attributes("a")["flavour"], "sweet")
        self.assertNotIn("status", self.instance("a"))

    def test_update_without_state_keeps_the_prior_one(self) -> None:
        self.write("main.tf", thing())
        self.apply()
        self.write("main.tf", thing("nothing", 'flavour = "sweet"'))
        self.apply(code=1)
        self.assertEqual(self.attributes("a")["flavour"], "plain")

    def test_exception_becomes_a_diagnostic(self) -> None:
        self.write("main.tf", thing("throw"))
        wrong = self.apply(code=1)
        self.assertIn("thrown by a resource", wrong.unwrapped)
        self.assertNotIn("Stack trace", wrong.text)
        self.assertIn("probe_thing.a", wrong.text)

    def test_crashes_leave_a_stack_trace(self) -> None:
        for fail, reason in (("segv", "panic: SIGSEGV"), ("terminate", "nobody catches this")):
            with self.subTest(fail):
                self.write("main.tf", thing(fail))
                wrong = self.apply(code=1).text
                self.assertIn("Stack trace from the terraform-provider-probe plugin", wrong)
                self.assertIn(reason, wrong)


class Messages(HostCase):
    def test_all_errors_of_a_configuration_with_their_places(self) -> None:
        self.write("main.tf", """resource "probe_thing" "a" {
  name = "forbidden"
  step {
    weight = 5
  }
  step {
    weight = 500
  }
}
data "probe_echo" "b" {
  input = "forbidden"
}
""")
        answer = json.loads(self.run_host("validate", "-json", code=1).text)
        places = {(d["summary"], d["range"]["start"]["line"]) for d in answer["diagnostics"]
                  if d["severity"] == "error"}
        self.assertEqual(places, {("Name not allowed", 2), ("Weight out of range", 7), ("Input not allowed", 11)})

    def test_provider_configuration(self) -> None:
        self.write("more.tf", 'provider "probe" {\n  alias = "wrong"\n  label = "forbidden"\n}\n'
                              'data "probe_echo" "x" {\n  provider = probe.wrong\n}\n')
        self.assertIn("Label not allowed", self.plan(code=1).text)

    def test_misspelt_block_argument(self) -> None:
        self.write("main.tf", 'resource "probe_thing" "a" {\n  name = "alpha"\n  step { wait = 5 }\n}\n')
        self.run_host("validate", code=1)

    def test_warning_on_create(self) -> None:
        self.write("main.tf", 'resource "probe_thing" "a" {\n  name = "alpha"\n  behaviour { warn = true }\n}\n')
        self.assertIn("New thing", self.apply().text)
        self.assert_settled()

    def test_text_that_is_not_utf8(self) -> None:
        self.write("main.tf", thing("utf8"))
        self.assertIn("Bad text \ufffd", self.apply(code=1).text)

    def test_secrets_in_messages(self) -> None:
        self.write("main.tf", thing("secret"))
        wrong = self.apply(code=1).text
        self.assertIn("The secret is <(redacted)>", wrong)
        self.assertNotIn(SECRET, wrong)


class Logs(HostCase):
    def test_lines_are_parsed_and_hold_no_secret(self) -> None:
        self.write("main.tf", thing("secret", f'password = "{PASSWORD}"'))
        path = self.folder / "trace.log"
        self.apply(code=1, TF_LOG="JSON", TF_LOG_PATH=str(path))
        text = path.read_text()
        lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
        ours = [line for line in lines if line.get("@module") == "provider.terraform-provider-probe"
                or "terraform-provider-probe" in line.get("@module", "")]
        configured = [line for line in ours if line["@message"] == "probe configured"]
        self.assertTrue(configured, text[-2000:])
        self.assertEqual((configured[0]["@level"], configured[0]["label"], configured[0]["secret"]),
                         ("info", "one", "(redacted)"))
        self.assertNotIn(SECRET, text)
        self.assertNotIn(PASSWORD, text)
        # What a host says when a plugin prints, does not end when told to, or has no side services.
        for sign in ("unexpected data", "failed to exit gracefully", "unknown service", "not implemented"):
            self.assertNotIn(sign, "\n".join(line["@message"] for line in lines))

    def test_schema_as_tools_see_it(self) -> None:
        self.write("main.tf", thing())
        answer = json.loads(self.run_host("providers", "schema", "-json").text.splitlines()[-1])
        schemas = answer["provider_schemas"][f"{self.host.registry}/delivery-tf/probe"]
        block = schemas["resource_schemas"]["probe_thing"]
        self.assertEqual(block["version"], 1)
        self.assertEqual(block["block"]["description_kind"], "markdown")
        self.assertEqual(block["block"]["attributes"]["status"]["nested_type"]["nesting_mode"], "single")
        self.assertTrue(block["block"]["attributes"]["password"]["sensitive"])
        self.assertEqual(block["block"]["block_types"]["rule"]["nesting_mode"], "set")
        self.assertEqual(sorted(schemas["functions"]), ["chain", "echo", "half", "is_nothing"])
