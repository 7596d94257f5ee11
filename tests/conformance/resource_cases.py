"""The life of a resource: plan, apply, refresh, replace, import, move, upgrade, destroy."""

import decimal
import json

import host

THING = """
resource "conformance_thing" "a" {
  name     = "first"
  text     = "%s"
  number   = 0.1
  anything = { whole = 1180591620717411303424, list = [1, "x", true, null] }
  tags     = ["b", "a"]
  labels   = { app = "web" }
  single {
    value = "v"
  }
  item {
    name   = "one"
    weight = 25
  }
  item {
    name = "two"
  }
}
"""
SMALL = 'resource "conformance_thing" "a" {\n  name = "small"\n  %s\n}\n'


class Life(host.HostCase):
    def test_from_plan_to_destroy(self):
        self.work.write(THING % "old")
        self.succeed("validate")
        self.assertEqual(self.actions(), {"conformance_thing.a": ["create"]})
        self.apply()
        self.assertEqual(self.work.instance("a")["attributes"]["id"], "id-first")
        self.assert_nothing_to_do()
        self.assert_nothing_to_do()
        # Not by its exit code: Terraform 1.11 returns 2 all the same once a number came as an integer
        # (docs/protocol.md, "Peculiarities of hosts").
        self.assertIn("No changes.", self.succeed("plan", "-refresh-only"))

        self.work.write(THING % "new")
        self.assertEqual(self.actions(), {"conformance_thing.a": ["update"]})
        self.apply()
        attributes = self.work.instance("a")["attributes"]
        self.assertEqual(attributes["text"], "new")
        self.assertEqual(attributes["status"]["generation"], 2)
        self.assert_nothing_to_do()

        self.succeed("destroy", "-auto-approve")
        self.assertEqual(self.work.state()["resources"], [])
        self.assert_no_process_left(5)
        self.assert_no_socket_left()

    def test_values_come_back_as_they_were(self):
        self.apply(THING % "x")
        attributes = self.work.instance("a")["attributes"]
        self.assertEqual(attributes["number"], decimal.Decimal("0.1"))
        self.assertEqual(attributes["anything"]["value"]["whole"], 2**70)
        self.assertEqual(attributes["anything"]["value"]["list"], [1, "x", True, None])
        self.assertEqual(attributes["status"]["seen"]["value"], attributes["anything"]["value"])
        self.assertEqual(attributes["tags"], ["a", "b"])
        self.assertEqual(attributes["labels"], {"app": "web"})
        self.assertEqual(attributes["single"], {"value": "v"})
        self.assertEqual([(item["name"], item["weight"], item["note"]) for item in attributes["item"]],
                         [("one", 25, "note on one"), ("two", None, "note on two")])

    def test_a_changed_name_replaces(self):
        self.apply(SMALL % "")
        self.work.write((SMALL % "").replace("small", "other"))
        self.assertEqual(self.actions(), {"conformance_thing.a": ["delete", "create"]})
        self.apply()
        self.assertEqual(self.work.instance("a")["attributes"]["id"], "id-other")
        self.assert_nothing_to_do()

    def test_blocks_come_and_go(self):
        self.apply(SMALL % "")
        attributes = self.work.instance("a")["attributes"]
        self.assertEqual((attributes["single"], attributes["item"]), (None, []))
        self.apply(SMALL % 'single {\n value = "v"\n}\nitem {\n name = "i"\n}\n')
        self.assert_nothing_to_do()
        self.apply(SMALL % "")
        self.assert_nothing_to_do()


class Troubles(host.HostCase):
    def test_a_warning_on_create_keeps_the_resource(self):
        output = self.apply(SMALL % 'behaviour = "warn"')
        self.assertIn("Warning: As asked", output)
        self.assertNotIn("status", self.work.instance("a"))
        self.assert_nothing_to_do()

    def test_a_failed_create_is_recorded_as_tainted(self):
        self.work.write(SMALL % 'behaviour = "fail"')
        self.fail_with("An error on apply.", "apply", "-auto-approve")
        self.assertEqual(self.work.instance("a")["status"], "tainted")

    def test_a_failed_update_keeps_what_the_provider_says(self):
        self.apply(SMALL % "")
        self.work.write(SMALL % 'behaviour = "fail"')
        output = self.fail_with("An error on apply.", "apply", "-auto-approve")
        self.assertIn('behaviour = "fail"', output)  # the line of the configuration is shown
        self.assertNotIn("status", self.work.instance("a"))
        self.assertEqual(self.work.instance("a")["attributes"]["status"]["generation"], 2)

    def test_validation_names_the_argument(self):
        self.work.write(SMALL % 'behaviour = "invalid"')
        output = self.fail_with("This behaviour is refused when validating.", "validate")
        self.assertIn('behaviour = "invalid"', output)


class ImportAndMove(host.HostCase):
    def test_import_command_then_apply(self):
        self.work.write(SMALL % 'text = "t"')
        self.succeed("import", "conformance_thing.a", "small")
        self.assertEqual(self.work.instance("a")["attributes"]["status"]["phase"], "Imported")
        self.assertEqual(self.actions(), {"conformance_thing.a": ["update"]})
        self.apply()
        self.assert_nothing_to_do()

    def test_import_block_without_changes(self):
        self.apply((SMALL % "") + 'import {\n to = conformance_thing.a\n id = "small"\n}\n')
        self.assertEqual(self.work.instance("a")["attributes"]["status"]["phase"], "Imported")
        self.assert_nothing_to_do()

    def test_import_by_identity(self):
        if host.version()[0] < (1, 12):
            self.skipTest("needs version 1.12")
        self.apply((SMALL % "") +
                   'import {\n to = conformance_thing.a\n identity = { name = "small" }\n}\n')
        self.assertEqual(self.work.instance("a")["attributes"]["id"], "id-small")
        self.assert_nothing_to_do()

    def test_import_of_nothing_is_an_error(self):
        self.work.write(SMALL % "")
        self.fail_with("There is no such thing.", "import", "conformance_thing.a", "none")

    def test_move_to_another_type(self):
        self.apply(SMALL % "")
        self.work.write('resource "conformance_moved" "b" {\n  name = "small"\n}\n'
                        "moved {\n from = conformance_thing.a\n to = conformance_moved.b\n}\n")
        self.apply()
        self.assertEqual(self.work.instance("b")["attributes"], {"name": "small", "id": "id-small"})
        self.assertEqual(len(self.work.state()["resources"]), 1)
        self.assert_nothing_to_do()

    def test_a_move_that_is_refused(self):
        self.apply('resource "conformance_moved" "b" {\n  name = "small"\n}\n')
        self.work.write((SMALL % "") +
                        "moved {\n from = conformance_moved.b\n to = conformance_thing.a\n}\n")
        self.fail_with("From conformance_moved.", "plan")


class SchemaVersions(host.HostCase):
    def edit_version(self, schema_version):
        state = self.work.state()
        state["resources"][0]["instances"][0]["schema_version"] = schema_version
        self.work.state_path().write_text(json.dumps(state))

    def test_state_of_an_older_provider_is_upgraded(self):
        self.apply(SMALL % "")
        self.edit_version(0)
        self.assert_nothing_to_do()

    def test_state_of_a_newer_provider_is_refused(self):
        self.apply(SMALL % "")
        self.edit_version(99)
        self.fail_with("newer provider version", "plan")
