"""Runs the tests of what `./dev package` made.

    run.py PACKAGE_FOLDER [unittest arguments]

The environment names the test cluster and the hosts, as for the end-to-end tests. It needs root, for chroot.
"""

import os
import pathlib
import sys
import tempfile
import zipfile

SOURCES = pathlib.Path(__file__).resolve().parents[2]


def unpacked(folder):
    """The program of the package, as hosts unpack it."""
    archives = sorted(pathlib.Path(folder).glob("*_linux_amd64.zip"))
    if len(archives) != 1:
        sys.exit("FAILED: %s has no package for this machine. `./dev package` makes it." % folder)
    target = tempfile.mkdtemp(prefix="package-")
    with zipfile.ZipFile(archives[0]) as archive:
        [program] = [name for name in archive.namelist() if name.startswith("terraform-provider-")]
        path = pathlib.Path(archive.extract(program, target))
    path.chmod(0o755)
    return path


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if os.geteuid() != 0:
        sys.exit("FAILED: the tests of the package need root, for chroot.")
    sys.dont_write_bytecode = True
    program = unpacked(sys.argv[1])
    os.environ["DELIVERY_PACKAGE"] = os.path.realpath(sys.argv[1])
    os.environ["DELIVERY_E2E_PROVIDER"] = str(program)
    sys.path[:0] = [str(SOURCES / "tests" / "package"), str(SOURCES / "tests" / "e2e")]
    import unittest
    names = sys.argv[2:] or ["contents_test", "program_test", "names_test", "installation_test"]
    ran = unittest.main(module=None, argv=["run.py", *names], verbosity=2, exit=False)
    program.unlink()
    program.parent.rmdir()
    sys.exit(0 if ran.result.wasSuccessful() and ran.result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
