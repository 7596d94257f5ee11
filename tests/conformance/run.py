"""Runs the conformance tests with one command line tool.

    run.py --provider BINARY tofu|terraform [unittest arguments]

OpenTofu is the one that DELIVERY_TOFU names, else the newest that the test cluster's setup has built
into the cache folder, and must be there; terraform is taken from PATH, and exit code 77 says that it
is not installed.
"""

import glob
import os
import shutil
import sys
import unittest

SKIPPED = 77


def built_tofu():
    """Where tests/cluster/testcluster/layout.py has the cache folder; "" when there is none."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.environ.get("DELIVERY_CACHE") or os.path.join(base, "terraform-provider-delivery")
    return max(glob.glob(os.path.join(cache, "bin", "opentofu-*", "tofu")), key=os.path.getmtime, default="")


def find_tool(name):
    if name == "tofu":
        path = os.environ.get("DELIVERY_TOFU") or built_tofu()
        if not os.access(path, os.X_OK):
            sys.exit("FAILED: no OpenTofu (DELIVERY_TOFU is %r). `./dev cluster up` builds one." %
                     os.environ.get("DELIVERY_TOFU", ""))
        return path
    path = shutil.which("terraform")
    if path is None:
        print("=" * 80)
        print("SKIPPED: terraform is not on PATH; the conformance tests run with OpenTofu only.")
        print("=" * 80)
        sys.exit(SKIPPED)
    return path


def main():
    if len(sys.argv) < 4 or sys.argv[1] != "--provider":
        sys.exit(__doc__)
    provider, tool = os.path.realpath(sys.argv[2]), sys.argv[3]
    os.environ["CONFORMANCE_PROVIDER"] = provider
    os.environ["CONFORMANCE_CLI"] = find_tool(tool)
    directory = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, directory)
    sys.dont_write_bytecode = True
    names = sys.argv[4:] or ["resource_cases", "object_cases", "language_cases", "process_cases",
                             "launch_cases"]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
