"""What can be followed while a release goes on: Events on the workload and the progress file."""

from release_case import ReleaseCase


class Progress(ReleaseCase):

    def events(self, stack):
        """Reasons of our Events about the workload, in their order."""
        found = [event for event in self.namespace.list("events")
                 if event["involvedObject"].get("uid") == self.uid(stack)
                 and event["source"].get("component") == "terraform-provider-delivery"]
        return [event["reason"] for event in sorted(found, key=lambda event: event["metadata"]["name"])]

    def lines(self, stack):
        """Reasons in the progress file, in their order."""
        lines = (stack.folder / "release.log").read_text().splitlines()
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ Deployment %s/%s [A-Z]\w+: "
                             % (self.namespace.name, stack.name))
        return [line.split()[3].rstrip(":") for line in lines]

    def test_transitions_are_told_as_they_happen(self):
        stack = self.new_stack()
        stack.provider_arguments = {"progress_file": "release.log"}
        self.applies(stack.declare("1.0.0"))
        good = ["ReleaseStarted", "RollingOut", "ReleaseSucceeded"]
        self.assertEqual(self.lines(stack), good)
        # Before the first write there is no object that an Event could be about.
        self.assertEqual(self.events(stack), good[1:])

        self.apply_fails(stack.declare("crash"), "was rolled back")

        failed = ["ReleaseStarted", "RollingOut", "RollingBack", "RolledBack"]
        self.assertEqual(self.lines(stack), good + failed)
        self.assertEqual(self.events(stack), good[1:] + failed)
        self.assertIn("CrashLoopBackOff", (stack.folder / "release.log").read_text())

    def test_full_disk_is_a_warning_and_the_release_goes_on(self):
        stack = self.new_stack()
        stack.provider_arguments = {"progress_file": "/dev/full"}

        outcome = self.applies(stack.declare("1.0.0"))

        self.says(outcome, "progress_file /dev/full cannot be written", "went on without it")
        self.runs(stack, "1.0.0")

    def test_folder_that_does_not_exist_is_a_warning(self):
        stack = self.new_stack()
        stack.provider_arguments = {"progress_file": "nowhere/release.log"}
        self.says(self.applies(stack.declare("1.0.0")), "nowhere/release.log", "No such file or directory")
