"""A root folder with nothing in it but what a test puts there: what Terraform meets in a container without a system."""

import os
import pathlib
import shutil
import subprocess
import tempfile

PATIENCE = 150  # seconds; a command that takes longer is stuck

COOKIE = {"TF_PLUGIN_MAGIC_COOKIE": "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
          "PLUGIN_PROTOCOL_VERSIONS": "6"}


class BareSystem:
    def __init__(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="bare-"))
        (self.root / "tmp").mkdir()

    def remove(self):
        shutil.rmtree(self.root, ignore_errors=True)

    def path(self, inside):
        return self.root / inside.lstrip("/")

    def write(self, inside, text):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def add_program(self, source, inside):
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, path)
        path.chmod(0o755)

    def files(self):
        """Everything but folders."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir())

    def start(self, *command, folder="/", environment=None, **options):
        def enter():
            os.chroot(self.root)
            os.chdir(folder)
        return subprocess.Popen(command, preexec_fn=enter, env={"TMPDIR": "/tmp", **(environment or {})},
                                stdin=subprocess.DEVNULL, **options)

    def run(self, *command, **options):
        """The exit code and all output, lines joined: the hosts wrap them."""
        process = self.start(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
        try:
            output, _ = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            raise AssertionError("%s did not end within %d s:\n%s" % (" ".join(command), PATIENCE, output)) from None
        return process.returncode, " ".join(output.translate(str.maketrans("│╷╵", "   ")).split())
