"""Import, moves, upgrades, drift: everything that comes from stored state."""

import json

from harness import HostCase

ALPHA = 'resource "probe_thing" "a" {\n  name = "alpha"\n  tags = ["x"]\n  step { weight = 5 }\n}\n'


class Import(HostCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("main.tf", ALPHA)
        self.apply()
        self.run_host("state", "rm", "probe_thing.a")

    def test_command(self) -> None:
        self.run_host("import", "-no-color", "probe_thing.a", "alpha")
        self.assertEqual(self.attributes("a")["id"], "thing/alpha")
        self.assert_settled()

    def test_command_without_object(self) -> None:
        wrong = self.run_host("import", "-no-color", "probe_thing.a", "missing", code=1).unwrapped
        self.assertIn("Nothing to import", wrong)

    def test_block_keeps_private_state(self) -> None:
        self.write("import.tf", 'import {\n  to = probe_thing.a\n  id = "alpha"\n}\n')
        self.assertIn("importing", self.planned("probe_thing.a"))
        self.run_host("apply", "saved.plan")
        self.assert_settled()
        self.write("main.tf", ALPHA.replace("x", "y"))
        self.apply()
        self.assertEqual(self.attributes("a")["applied"], 2)

    def test_block_with_identity(self) -> None:
        if not self.host.knows_identity:
            return  # the syntax does not exist there
        self.write("import.tf", 'import {\n  to = probe_thing.a\n  identity = { name = "alpha" }\n}\n')
        self.apply()
        self.assertEqual(self.attributes("a")["id"], "thing/alpha")
        self.assertEqual(self.instance("a")["identity"], {"name": "alpha"})
        self.assert_settled()


class Moved(HostCase):
    def test_from_another_type(self) -> None:
        self.write("main.tf", 'resource "probe_old" "a" { name = "alpha" }\n')
        self.apply()
        self.write("main.tf", 'resource "probe_thing" "a" { name = "alpha" }\n'
                              "moved {\n  from = probe_old.a\n  to = probe_thing.a\n}\n")
        # Without a store the object is what the state says.
        change = self.planned("probe_thing.a", "-var=store=")
        self.assertEqual(change["actions"], ["update"])
        self.assertEqual(change["before"]["id"], "old/alpha")
        self.run_host("apply", "saved.plan")
        self.assertIsNone(self.instance("a", "probe_old"))
        self.assertEqual(self.attributes("a")["id"], "old/alpha")
        self.plan("-var=store=", changes=False)

    def test_from_another_provider(self) -> None:
        self.write("main.tf", 'resource "terraform_data" "a" { input = { name = "alpha" } }\n')
        self.apply()
        self.write("main.tf", 'resource "probe_thing" "a" { name = "alpha" }\n'
                              "moved {\n  from = terraform_data.a\n  to = probe_thing.a\n}\n")
        self.assertEqual(self.planned("probe_thing.a", "-var=store=")["actions"], ["update"])

    def test_from_what_cannot_be_moved(self) -> None:
        self.write("main.tf", ALPHA)
        self.apply()
        self.write("main.tf", 'resource "probe_old" "a" { name = "alpha" }\n'
                              "moved {\n  from = probe_thing.a\n  to = probe_old.a\n}\n")
        self.assertIn("Nothing becomes old", self.plan(code=1).unwrapped)


class Upgrade(HostCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("main.tf", ALPHA)
        self.apply()

    def test_older_version(self) -> None:
        def make_old(instance: dict) -> None:
            instance["schema_version"] = 0
            attributes = instance["attributes"]
            attributes["title"] = attributes.pop("name")
            attributes["gone_since"] = True
            del attributes["labels"]
        self.change_state(make_old)
        self.plan(changes=False)
        self.apply()
        self.assertEqual(self.attributes("a")["name"], "alpha")

    def test_newer_version(self) -> None:
        self.change_state(lambda instance: instance.update(schema_version=99))
        self.assertIn("newer provider version", self.plan(code=1).unwrapped)

    def test_attributes_that_never_were(self) -> None:
        self.change_state(lambda instance: instance["attributes"].update(never={"x": 1}))
        self.plan(changes=False)

    def test_state_that_does_not_fit(self) -> None:
        self.change_state(lambda instance: instance["attributes"].update(tags={"x": {}}))
        self.plan(code=1)


class Drift(HostCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("main.tf", ALPHA)
        self.apply()

    def test_changed_outside(self) -> None:
        path = self.store / "alpha.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "flavour": "bitter"}))
        self.plan("-refresh-only", changes=True)
        change = self.planned("probe_thing.a")
        self.assertEqual((change["before"]["flavour"], change["after"]["flavour"]), ("bitter", "plain"))
        self.run_host("apply", "saved.plan")
        self.assert_settled()

    def test_gone(self) -> None:
        (self.store / "alpha.json").unlink()
        self.assertEqual(self.planned("probe_thing.a")["actions"], ["create"])
        self.run_host("apply", "saved.plan")
        self.assert_settled()

    def test_destroy_is_planned_by_the_provider(self) -> None:
        planned = self.plan("-destroy", changes=True).unwrapped
        self.assertIn("Thing will be gone", planned)
        self.assertIn("It is alpha.", planned)
