"""What the configuration language does around resources: unknowns, data, functions, aliases."""

import json
import subprocess

import host

A = 'resource "conformance_thing" "a" {\n  name = "a"\n}\n'


class Unknowns(host.HostCase):
    def test_dynamic_block_over_an_unknown_collection(self):
        self.apply(A + """
resource "conformance_thing" "b" {
  name = "b"
  dynamic "item" {
    for_each = split("-", conformance_thing.a.id)
    content {
      name = item.value
    }
  }
}
""")
        items = self.work.instance("b")["attributes"]["item"]
        self.assertEqual([item["name"] for item in items], ["id", "a"])
        self.assert_nothing_to_do()

    def test_every_kind_of_argument_may_be_unknown(self):
        self.apply(A + """
resource "conformance_thing" "b" {
  name     = conformance_thing.a.id
  text     = conformance_thing.a.status.phase
  number   = conformance_thing.a.status.generation + 0.5
  anything = { inner = conformance_thing.a.status }
  tags     = [conformance_thing.a.id, "known"]
  labels   = { (conformance_thing.a.name) = conformance_thing.a.id }
  single {
    value = conformance_thing.a.id
  }
}
""")
        attributes = self.work.instance("b")["attributes"]
        self.assertEqual(attributes["text"], "Done")
        self.assertEqual(str(attributes["number"]), "1.5")
        self.assertEqual(attributes["anything"]["value"]["inner"]["phase"], "Done")
        self.assertEqual(attributes["labels"], {"a": "id-a"})
        self.assert_nothing_to_do()

    def test_unknown_provider_configuration(self):
        self.apply(A + """
provider "conformance" {
  alias    = "late"
  greeting = conformance_thing.a.id
}
resource "conformance_thing" "b" {
  provider = conformance.late
  name     = "b"
}
""")
        self.assert_nothing_to_do()


class Values(host.HostCase):
    def test_messages_above_grpcs_default_limit(self):
        size = 6 << 20
        (self.work.path / "large.txt").write_text("x" * size)
        self.apply('resource "conformance_thing" "a" {\n  name = "a"\n  text = file("large.txt")\n}\n')
        self.assertEqual(len(self.work.instance("a")["attributes"]["text"]), size)
        self.assert_nothing_to_do()

    def test_text_in_any_script(self):
        self.apply('resource "conformance_thing" "a" {\n  name = "żółw 🐢 \\u0001 \\"\\\\"\n}\n')
        self.assertEqual(self.work.instance("a")["attributes"]["name"], 'żółw 🐢 \x01 "\\')
        self.assert_nothing_to_do()


class DataSources(host.HostCase):
    def test_dynamic_output(self):
        self.apply("""
data "conformance_echo" "e" {
  input = { a = [1, 2.5], b = null }
}
output "o" {
  value = data.conformance_echo.e.output
}
""")
        output = self.work.state()["outputs"]["o"]["value"]
        self.assertEqual(json.dumps(output, default=str), '{"a": [1, "2.5"], "b": null}')
        self.assert_nothing_to_do()


class Functions(host.HostCase):
    def test_calls(self):
        self.apply("""
output "same" {
  value = provider::conformance::echo({ a = [1, "b"], n = null })
}
output "count" {
  value = provider::conformance::count("one", "two", null)
}
output "nothing" {
  value = provider::conformance::echo(tostring(null))
}
""")
        outputs = self.work.state()["outputs"]
        self.assertEqual(outputs["same"]["value"], {"a": [1, "b"], "n": None})
        self.assertEqual(outputs["count"]["value"], 3)
        self.assert_nothing_to_do()

    def test_an_error_names_the_argument(self):
        self.work.write('output "o" {\n value = provider::conformance::refuse("no", 7)\n}\n')
        output = self.fail_with("refused: no", "plan")
        self.assertIn('"number"', output)


class Providers(host.HostCase):
    def test_two_configurations_at_once(self):
        self.apply("""
provider "conformance" {
  greeting = "one"
}
provider "conformance" {
  alias    = "second"
  greeting = "two"
}
resource "conformance_thing" "a" {
  count = 8
  name  = "a${count.index}"
}
resource "conformance_thing" "b" {
  provider = conformance.second
  count    = 8
  name     = "b${count.index}"
}
""")
        self.assert_nothing_to_do()
        self.succeed("destroy", "-auto-approve")
        self.assert_no_process_left(5)
        self.assert_no_socket_left()

    def test_invalid_provider_configuration(self):
        self.work.write('provider "conformance" {\n  greeting = ""\n}\n' + A)
        self.fail_with("Leave it out instead.", "validate")

    def test_schema_as_json(self):
        self.work.write(A)
        text = subprocess.check_output(
            [host.CLI, "providers", "schema", "-json"], cwd=self.work.path,
            env=self.work.environment, stderr=subprocess.DEVNULL)
        (provider,) = json.loads(text)["provider_schemas"].values()
        thing = provider["resource_schemas"]["conformance_thing"]
        self.assertEqual(thing["version"], 1)
        self.assertEqual(thing["block"]["attributes"]["anything"]["type"], "dynamic")
        self.assertEqual(thing["block"]["attributes"]["status"]["nested_type"]["nesting_mode"],
                         "single")
        self.assertEqual(thing["block"]["block_types"]["item"]["nesting_mode"], "list")
        self.assertEqual(set(provider["functions"]), {"echo", "count", "refuse"})
