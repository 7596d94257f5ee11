"""Values of every type on their way from the configuration to the state and back."""

from decimal import Decimal
from pathlib import Path

from harness import HostCase

HERE = Path(__file__).resolve().parent


class Values(HostCase):
    def test_everything_settles(self) -> None:
        self.write("main.tf", (HERE / "everything.tf").read_text())
        self.run_host("validate", "-no-color")
        self.apply()
        self.assert_settled()
        thing = self.attributes("all")
        self.assertEqual(Decimal(str(thing["decimal"])), Decimal("0.1"))
        self.assertEqual(int(thing["big"]), 2 ** 70)
        self.assertEqual(thing["tags"], ["a", "b"])
        self.assertEqual(thing["lines"], ["z", "a", "\u00e9"])
        self.assertEqual(thing["data"]["value"]["nested"]["deep"]["number"], Decimal("12345678901234567890.5"))
        self.assertEqual([rule["host"] for rule in thing["rule"]], ["a.example", "b.example"])
        self.assertEqual(thing["status"], {"message": None, "phase": "Ready", "steps": [10, 100]})
        self.assertEqual(thing["flavour"], "plain")
        outputs = self.outputs()
        self.assertEqual(outputs["deferred"], "thing/all")
        self.assertEqual(outputs["known"]["set"], ["x"])
        self.apply("-destroy")
        self.assertEqual(self.state_file()["resources"], [])
        self.assertEqual(list(self.store.iterdir()), [])

    def test_update_keeps_private_state_and_id(self) -> None:
        self.write("main.tf", 'resource "probe_thing" "a" { name = "alpha" }\n')
        self.apply()
        self.run_host("apply", "-refresh-only", "-auto-approve")
        self.write("main.tf", 'resource "probe_thing" "a" {\n  name = "alpha"\n  flavour = "sweet"\n}\n')
        change = self.planned("probe_thing.a")
        self.assertEqual(change["actions"], ["update"])
        self.assertEqual(change["after"]["id"], "thing/alpha")
        self.assertTrue(change["after_unknown"]["status"])
        self.run_host("apply", "saved.plan")
        self.assertEqual(self.attributes("a")["applied"], 2, "the count in private state was lost")
        self.assert_settled()

    def test_new_name_replaces(self) -> None:
        self.write("main.tf", 'resource "probe_thing" "a" { name = "alpha" }\n')
        self.apply()
        self.write("main.tf", 'resource "probe_thing" "a" { name = "beta" }\n')
        change = self.planned("probe_thing.a")
        self.assertEqual(change["actions"], ["delete", "create"])
        self.assertEqual(change["replace_paths"], [["name"]])
        self.run_host("apply", "saved.plan")
        self.assertEqual(self.attributes("a")["id"], "thing/beta")
        self.assertEqual([path.name for path in self.store.iterdir()], ["beta.json"])
        self.assert_settled()

    def test_dynamic_blocks_of_unknown_number(self) -> None:
        self.write("main.tf", """
            resource "probe_thing" "first" {
              name = "first"
              step { weight = 25 }
              step { weight = 75 }
            }
            resource "probe_thing" "second" {
              name = "second"
              dynamic "step" {
                for_each = probe_thing.first.status.steps
                content { weight = step.value }
              }
              dynamic "rule" {
                for_each = probe_thing.first.status.steps
                content { host = "host-${rule.value}" }
              }
            }
            """)
        self.run_host("validate")
        self.assertTrue(self.planned("probe_thing.second")["after_unknown"]["step"])
        self.run_host("apply", "saved.plan")
        self.assertEqual(self.attributes("second")["status"]["steps"], [25, 75])
        self.assertEqual(len(self.attributes("second")["rule"]), 2)
        self.assert_settled()

    def test_unknown_inside_collections_and_dynamic_values(self) -> None:
        self.write("main.tf", """
            resource "probe_thing" "first" { name = "first" }
            resource "probe_thing" "second" {
              name   = "second"
              tags   = ["known", probe_thing.first.id]
              labels = { id = probe_thing.first.id }
              lines  = [probe_thing.first.id, "x"]
              data   = { id = probe_thing.first.id, all = probe_thing.first.status }
              rule {
                host  = probe_thing.first.id
                ports = [1]
              }
            }
            """)
        self.apply()
        second = self.attributes("second")
        self.assertEqual(second["tags"], ["known", "thing/first"])
        self.assertEqual(second["data"]["value"]["id"], "thing/first")
        self.assert_settled()

    def test_messages_beyond_four_mebibytes(self) -> None:
        self.write("large.txt", "0123456789abcde\n" * (6 * 65536))
        self.write("main.tf", 'resource "probe_thing" "a" {\n  name = "alpha"\n  data = file("large.txt")\n}\n')
        self.apply()
        self.assertEqual(len(self.attributes("a")["data"]["value"]), 6 << 20)
        self.plan(changes=False)

    def test_change_of_a_dynamic_type(self) -> None:
        for data in ('"text"', "[1, 2]", "{ a = null }", "null", "true", "{}", "[]"):
            self.write("main.tf", f'resource "probe_thing" "a" {{\n  name = "alpha"\n  data = {data}\n}}\n')
            self.apply()
            self.plan(changes=False)


class Functions(HostCase):
    def test_results(self) -> None:
        self.write("main.tf", """
            output "echo"    { value = provider::probe::echo({ a = [1, null], b = 0.1 }) }
            output "nothing" { value = provider::probe::is_nothing(null) }
            output "thing"   { value = provider::probe::is_nothing("") }
            output "chain"   { value = provider::probe::chain("-", "a", "b", "c") }
            output "empty"   { value = provider::probe::chain("-") }
            output "half"    { value = provider::probe::half(12) }
            """)
        self.run_host("validate")
        self.apply()
        self.assertEqual(self.outputs(), {"echo": {"a": [1, None], "b": 0.1}, "nothing": True, "thing": False,
                                          "chain": "a-b-c", "empty": "", "half": 6})
        self.plan(changes=False)

    def test_errors_name_the_argument(self) -> None:
        self.write("main.tf", 'output "x" { value = provider::probe::chain("-", "a", "", "c") }\n')
        wrong = self.plan(code=1).unwrapped
        self.assertIn("A part is empty", wrong)
        self.write("main.tf", 'output "x" { value = provider::probe::half(3) }\n')
        wrong = self.plan(code=1).unwrapped
        self.assertIn('Invalid value for "number" parameter', wrong)
        self.assertIn("Only even numbers have halves", wrong)
