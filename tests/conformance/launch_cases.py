"""The provider's process without a host around it, and with many: handshake, signals, reattach."""

import json
import os
import signal
import socket
import stat
import subprocess
import time

import host

COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"


class Launched(host.HostCase):
    """Starts the binary as a host does."""

    def launch(self, *arguments, **environment):
        process = subprocess.Popen(
            [host.PROVIDER, *arguments], env={**self.work.environment, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=host.take_default_interrupt)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.communicate()

    def fields(self, process):
        return process.stdout.readline().rstrip("\n").split("|")


class Handshake(Launched):
    def test_without_the_cookie_it_explains_itself(self):
        process = self.launch()
        output, errors = process.communicate(timeout=host.PATIENCE)
        self.assertEqual((process.returncode, output), (1, ""))
        self.assertIn("This program is a plugin", errors)

    def test_the_line(self):
        process = self.launch(TF_PLUGIN_MAGIC_COOKIE=COOKIE, PLUGIN_PROTOCOL_VERSIONS="6,5")
        core, protocol, network, path, kind, certificate = self.fields(process)
        self.assertEqual((core, protocol, network, kind, certificate), ("1", "6", "unix", "grpc", ""))
        status = os.stat(path)
        self.assertTrue(stat.S_ISSOCK(status.st_mode))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o600)
        self.assertTrue(path.startswith(str(self.work.temporary)))
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
        # Nothing else comes on stdout: it is closed for us.
        self.assertEqual(process.stdout.read(), "")

    def test_socket_directory_and_group(self):
        directory = self.work.path / "sockets"
        directory.mkdir()
        process = self.launch(TF_PLUGIN_MAGIC_COOKIE=COOKIE, PLUGIN_UNIX_SOCKET_DIR=str(directory),
                              PLUGIN_UNIX_SOCKET_GROUP=str(os.getgid()))
        path = self.fields(process)[3]
        self.assertTrue(path.startswith(str(directory)))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o660)

    def test_a_problem_at_start_is_told_on_stdout(self):
        process = self.launch(TF_PLUGIN_MAGIC_COOKIE=COOKIE, PLUGIN_CLIENT_CERT="no certificate")
        output, _ = process.communicate(timeout=host.PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertIn("cannot start: PLUGIN_CLIENT_CERT", output)
        # Fewer than four fields make the host show the line.
        self.assertNotIn("|", output)
        self.assert_no_socket_left()

    def test_a_host_without_our_protocol_still_gets_the_line(self):
        process = self.launch(TF_PLUGIN_MAGIC_COOKIE=COOKIE, PLUGIN_PROTOCOL_VERSIONS="5")
        self.assertEqual(self.fields(process)[1], "6")


class Signals(Launched):
    def started(self):
        process = self.launch(TF_PLUGIN_MAGIC_COOKIE=COOKIE)
        self.assertEqual(len(self.fields(process)), 6)
        return process

    def test_interrupts_are_left_to_the_host(self):
        process = self.started()
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        self.assertIsNone(process.poll())

    def test_terminate_and_hang_up_end_it_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            process = self.started()
            start = time.monotonic()
            process.send_signal(number)
            self.assertEqual(process.wait(host.PATIENCE), 0)
            self.assertLess(time.monotonic() - start, 1)
            self.assert_no_socket_left()


class Reattach(Launched):
    def start_debug(self):
        process = self.launch("debug")
        line = process.stdout.readline().rstrip("\n")
        prefix = "TF_REATTACH_PROVIDERS='"
        self.assertTrue(line.startswith(prefix) and line.endswith("'"), line)
        return process, line[len(prefix):-1]

    def test_one_process_serves_many_runs(self):
        process, providers = self.start_debug()
        self.assertEqual(set(json.loads(providers)),
                         {"registry.terraform.io/" + host.ADDRESS,
                          "registry.opentofu.org/" + host.ADDRESS})
        self.work.write('resource "conformance_thing" "a" {\n  name = "a"\n}\n')
        # No dev_overrides: init must be content with the running process.
        environment = {"TF_REATTACH_PROVIDERS": providers, "TF_CLI_CONFIG_FILE": os.devnull}
        self.succeed("init", **environment)
        self.apply(**environment)
        self.succeed("plan", "-detailed-exitcode", **environment)
        self.assertIsNone(process.poll())
        self.assertEqual(self.work.processes(), [process.pid])
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(host.PATIENCE), 0)
        self.assert_no_socket_left()


