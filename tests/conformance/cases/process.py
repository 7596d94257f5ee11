"""The life of the provider's process: start, interruption, and every way to end."""

import json
import os
import re
import signal
import subprocess
import threading
import time

from harness import HostCase


def sleeping(milliseconds: int, more: str = "", name: str = "alpha") -> str:
    return (f'resource "probe_thing" "{name}" {{\n  name = "{name}"\n  behaviour {{\n    sleep_ms = {milliseconds}\n'
            f"    {more}\n  }}\n}}\n")


class Interrupted(HostCase):
    def start_apply(self, configuration: str):
        """An apply that has reached the provider's sleep."""
        self.write("main.tf", configuration)
        log = self.folder / "provider.log"
        running = self.start("apply", "-auto-approve", "-no-color", "-input=false", TF_LOG_PROVIDER="TRACE",
                             TF_LOG_PATH=str(log))
        begun = re.compile("call begins.*ApplyResourceChange")
        self.await_that(lambda: log.exists() and begun.search(log.read_text()) is not None, 60)
        self.assertRegex(log.read_text(), begun)
        return running

    def test_once_saves_state(self) -> None:
        running = self.start_apply(sleeping(60000))
        began = time.monotonic()
        running.interrupt()
        result = running.wait(20)
        self.assertLess(time.monotonic() - began, 10)
        self.assertEqual(result.code, 1, result.text)
        self.assertEqual(self.attributes("alpha")["status"]["phase"], "Interrupted")
        self.assertNotIn("status", self.instance("alpha"), "a stopped create must not be tainted")

    def test_during_destroy_keeps_the_object(self) -> None:
        self.write("main.tf", sleeping(0))
        self.apply()
        self.write("main.tf", sleeping(60000))
        # The prior state says how long; it is not the configuration that counts in a destroy.
        self.change_state(lambda instance: instance["attributes"]["behaviour"].update(sleep_ms=60000))
        stored = self.store / "alpha.json"
        stored.write_text(stored.read_text().replace('"sleep_ms":0', '"sleep_ms":60000'))
        running = self.start("apply", "-destroy", "-auto-approve", "-input=false")
        self.await_that(lambda: self.providers(), 30)
        time.sleep(2)
        running.interrupt()
        result = running.wait(20)
        self.assertEqual(result.code, 1, result.text)
        self.assertEqual(self.attributes("alpha")["name"], "alpha")

    def test_twice_gives_up(self) -> None:
        running = self.start_apply(sleeping(60000, "stubborn = true"))
        running.interrupt()
        time.sleep(1)
        self.assertIsNone(running.process.poll(), "the host waits for a provider that does not stop")
        self.assertTrue(self.providers(), "the provider must survive Ctrl-C")
        running.interrupt()
        result = running.wait(30)
        self.assertEqual(result.code, 1, result.text)
        self.assertEqual(self.await_no_providers(5), [])

    def test_killed_host_takes_the_provider_with_it(self) -> None:
        for more in ("", "stubborn = true"):
            with self.subTest(more):
                running = self.start_apply(sleeping(60000, more))
                self.assertTrue(self.providers())
                os.kill(running.process.pid, signal.SIGKILL)
                running.wait(10)
                self.assertEqual(self.await_no_providers(8), [])
                for lock in self.folder.glob(".terraform.tfstate.lock.info"):
                    lock.unlink()

    def test_terminated_provider_answers_first(self) -> None:
        running = self.start_apply(sleeping(60000))
        for pid in self.providers():
            os.kill(pid, signal.SIGTERM)
        running.wait(20)
        self.assertEqual(self.attributes("alpha")["status"]["phase"], "Interrupted")


class Start(HostCase):
    def test_by_hand(self) -> None:
        answer = subprocess.run([self.probe], env={**self.environment, "TF_PLUGIN_MAGIC_COOKIE": "no"},
                                capture_output=True, text=True, timeout=20)
        self.assertEqual((answer.returncode, answer.stdout), (1, ""))
        self.assertIn("terraform init", answer.stderr)

    def test_very_long_tmpdir(self) -> None:
        long = self.folder / "tmp" / ("d" * 100) / ("e" * 100)
        long.mkdir(parents=True)
        self.write("main.tf", sleeping(0))
        self.apply(TMPDIR=str(long))

    def test_tmpdir_with_odd_characters(self) -> None:
        odd = self.folder / "tmp" / "a b%20?#ü"
        odd.mkdir()
        self.write("main.tf", sleeping(0))
        self.apply(TMPDIR=str(odd))

    def test_without_tls(self) -> None:
        self.write("main.tf", sleeping(0))
        self.apply(TF_DISABLE_PLUGIN_TLS="1")
        self.plan(changes=False, TF_DISABLE_PLUGIN_TLS="1")

    def test_two_configurations_at_once(self) -> None:
        self.write("main.tf", """
            provider "probe" {
              alias = "second"
              label = "two"
            }
            data "probe_echo" "one" {}
            data "probe_echo" "two" {
              provider = probe.second
            }
            output "labels" { value = [data.probe_echo.one.label, data.probe_echo.two.label] }
            """)
        self.apply()
        self.assertEqual(self.outputs()["labels"], ["one", "two"])

    def test_calls_run_side_by_side(self) -> None:
        self.write("main.tf", "".join(sleeping(3000, name=f"n{i}") for i in range(10)))
        began = time.monotonic()
        self.apply("-parallelism=10")
        self.assertLess(time.monotonic() - began, 20, "ten sleeps of 3 s one after the other")


class Reattached(HostCase):
    def setUp(self) -> None:
        super().setUp()
        self.server = subprocess.Popen([self.probe, "debug"], env=self.environment, stdout=subprocess.PIPE, text=True)
        self.variables = self._read_hint()

    def tearDown(self) -> None:
        if self.server.poll() is None:
            self.server.kill()
        self.server.communicate()
        super().tearDown()

    def _read_hint(self) -> dict:
        """The assignment that `debug` prints, read as a shell would."""
        lines: list = []
        reader = threading.Thread(target=lambda: lines.append(next(
            (line for line in self.server.stdout if "TF_REATTACH_PROVIDERS=" in line), "")))
        reader.start()
        reader.join(20)
        self.assertTrue(lines and lines[0], "no TF_REATTACH_PROVIDERS line")
        value = subprocess.run(["sh", "-c", f'{lines[0]}\nprintf %s "$TF_REATTACH_PROVIDERS"'], text=True,
                               capture_output=True, check=True).stdout
        self.assertEqual(json.loads(value)[f"{self.host.registry}/delivery-tf/probe"]["ProtocolVersion"], 6)
        return {"TF_REATTACH_PROVIDERS": value}

    def test_many_runs_with_one_process(self) -> None:
        # Without an override nothing but the running process could serve.
        (self.folder / "cli.tfrc").write_text("provider_installation {\n  direct {}\n}\n")
        self.write("main.tf", sleeping(0))
        self.run_host("init", "-input=false", **self.variables)
        self.apply(**self.variables)
        self.plan(changes=False, **self.variables)
        self.assertIsNone(self.server.poll())
        self.server.send_signal(signal.SIGINT)
        self.assertEqual(self.server.wait(10), 0)

    def test_a_stop_is_no_lasting_state(self) -> None:
        self.write("main.tf", sleeping(60000))
        running = self.start("apply", "-auto-approve", "-input=false", **self.variables)
        self.await_that(lambda: (self.folder / ".terraform.tfstate.lock.info").exists(), 30)
        time.sleep(2)
        running.interrupt()
        running.wait(20)
        self.assertEqual(self.attributes("alpha")["status"]["phase"], "Interrupted")
        self.write("main.tf", sleeping(100))
        self.apply(**self.variables)
        self.assertEqual(self.attributes("alpha")["status"]["phase"], "Ready")
        self.server.send_signal(signal.SIGTERM)
        self.assertEqual(self.server.wait(10), 0)
