"""The provider's process as the hosts run it: start, interruption, crash, end, logs."""

import os
import signal
import time

import host

THING = """
provider "conformance" {
  token = "registered-token-value"
}
resource "conformance_thing" "a" {
  name      = "a"
  secret    = "registered-secret-value"
  behaviour = "%s"
  marker    = "%s"
}
"""


class Start(host.HostCase):
    def test_long_temporary_directory(self):
        directory = self.work.path / ("x" * 120)
        directory.mkdir()
        self.work.write(THING % ("", ""))
        self.apply(TMPDIR=str(directory))

    def test_temporary_directory_with_unusual_characters(self):
        directory = self.work.path / "a b%20|ż"
        directory.mkdir()
        self.work.write(THING % ("", ""))
        self.apply(TMPDIR=str(directory))
        self.assertEqual(list(directory.glob("plugin*")), [])

    def test_without_tls(self):
        self.work.write(THING % ("", ""))
        self.apply(TF_DISABLE_PLUGIN_TLS="1")
        self.assert_nothing_to_do()


class Logs(host.HostCase):
    def log_of(self, *arguments, level="TRACE"):
        log = self.work.path / "log.txt"
        log.unlink(missing_ok=True)
        self.succeed(*arguments, TF_LOG=level, TF_LOG_PATH=str(log))
        return log.read_text()

    def test_our_lines_are_there_and_secrets_are_not(self):
        self.work.write(THING % ("", ""))
        log = self.log_of("apply", "-auto-approve")
        line = next(line for line in log.splitlines() if "conformance apply" in line)
        # Parsed by the host, as the level and the fields show.
        self.assertIn("[INFO]", line)
        self.assertIn("thing=a", line)
        self.assertIn("(redacted)", line)
        provider_lines = [line for line in log.splitlines() if "provider.delivery" in line]
        self.assertTrue(provider_lines)
        for text in provider_lines:
            self.assertNotIn("registered-token-value", text)
            self.assertNotIn("registered-secret-value", text)

    def test_the_host_finds_nothing_to_complain_about(self):
        self.work.write(THING % ("", ""))
        for arguments in (("validate",), ("apply", "-auto-approve"), ("plan",)):
            log = self.log_of(*arguments)
            # A plugin that does not end in two seconds is killed, one that prints is reported.
            self.assertNotIn("gracefully", log)
            self.assertNotIn("unexpected data", log)
            self.assertNotIn("panic", log)

    def test_levels(self):
        self.work.write(THING % ("", ""))
        self.assertNotIn("conformance apply", self.log_of("apply", "-auto-approve", level="WARN"))

    def test_every_run_is_quick(self):
        self.work.write(THING % ("", ""))
        self.apply()
        # Waiting for a plugin costs two seconds each time; the fastest of three is not the one
        # that something else on the machine delayed.
        fastest = min(self.time_of("plan") for _ in range(3))
        self.assertLess(fastest, 1.9)

    def time_of(self, *arguments):
        start = time.monotonic()
        self.succeed(*arguments)
        return time.monotonic() - start


class Interruption(host.HostCase):
    def start_long_apply(self, behaviour):
        marker = self.work.path / "marker"
        self.work.write(THING % (behaviour, marker))
        process = self.work.start("apply", "-auto-approve", "-no-color")
        self.addCleanup(process.stdout.close)
        began, _ = host.wait_until(lambda: marker.exists() or process.poll() is not None)
        self.assertTrue(began and process.poll() is None, "the apply did not begin")
        return process

    def test_ctrl_c_once_keeps_what_was_done(self):
        process = self.start_long_apply("sleep")
        start = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=host.PATIENCE)
        self.assertLess(time.monotonic() - start, 10)
        self.assertIn("Stopped early", output)
        self.assertNotIn("Plugin did not respond", output)
        instance = self.work.instance("a")
        self.assertEqual(instance["attributes"]["status"]["phase"], "Stopped")
        self.assertNotIn("status", instance)  # not tainted
        self.assert_no_process_left(5)
        self.assert_no_socket_left()
        # A stop is not for ever: the same provider binary works again.
        self.work.write(THING % ("", ""))
        self.apply()
        self.assert_nothing_to_do()

    def test_ctrl_c_twice_ends_everything(self):
        process = self.start_long_apply("stubborn")
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(1)
        self.assertIsNone(process.poll(), "one Ctrl-C must not end a call that goes on")
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=host.PATIENCE)
        self.assertNotEqual(process.returncode, 0)
        self.assert_no_process_left(5)

    def test_a_killed_host_leaves_no_provider_behind(self):
        process = self.start_long_apply("sleep")
        self.assertTrue(self.work.processes())
        process.kill()
        process.wait()
        # Calls that heed the stop: at once.
        self.assert_no_process_left(2.5)
        self.assert_no_socket_left()

    def test_a_killed_host_ends_even_a_provider_that_does_not_listen(self):
        process = self.start_long_apply("stubborn")
        process.kill()
        process.wait()
        self.assert_no_process_left(6)
        self.assert_no_socket_left()


class Crash(host.HostCase):
    def crash(self, behaviour):
        self.work.write(THING % (behaviour, ""))
        # "Plugin did not respond" or "Request cancelled": whichever the host notices first.
        output = self.fail_with("ApplyResourceChange", "apply", "-auto-approve", TF_LOG="ERROR")
        if not host.version()[1]:
            # Terraform shows the report to every user, OpenTofu to those who look at the log.
            self.assertIn("Stack trace from the terraform-provider-conformance plugin", output)
        self.assertIn("terraform-provider-conformance(", output)  # a frame
        return output

    def test_the_host_shows_the_report_of_a_signal(self):
        self.assertIn("panic: SIGABRT", self.crash("abort"))

    def test_the_host_shows_the_report_of_an_exception(self):
        self.assertIn("panic: std::terminate", self.crash("terminate"))
