#!/usr/bin/env python3
"""Runs every conformance case with every host: run.py PROBE_BINARY [-k PATTERN]... [--host NAME].

OpenTofu must be there: $DELIVERY_TOFU, or the one that the test cluster's setup built. Terraform joins in when it is
on the PATH. A missing host is never a silent skip.
"""

import argparse
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from harness import HostCase  # noqa: E402
from hosts import MissingHost, find_hosts  # noqa: E402


def case_classes() -> list:
    """The case classes of all modules in cases/, in the order of their names."""
    classes = []
    for path in sorted((HERE / "cases").glob("*.py")):
        module = __import__(f"cases.{path.stem}", fromlist=["*"])
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, HostCase) and value.__module__ == module.__name__:
                classes.append(value)
    return classes


def suite_for(host, probe: Path, patterns: list) -> unittest.TestSuite:
    loader = unittest.TestLoader()
    if patterns:
        loader.testNamePatterns = [f"*{pattern}*" for pattern in patterns]
    suite = unittest.TestSuite()
    for case in case_classes():
        bound = type(f"{case.__name__}[{host.name}]", (case,), {"host": host, "probe": probe})
        suite.addTest(loader.loadTestsFromTestCase(bound))
    return suite


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("probe", type=Path)
    parser.add_argument("-k", dest="patterns", action="append", default=[])
    parser.add_argument("--host", choices=["tofu", "terraform"])
    arguments = parser.parse_args()
    try:
        hosts = find_hosts(arguments.host)
    except MissingHost as missing:
        print(f"FAILED: {missing}", file=sys.stderr)
        return 1
    suite = unittest.TestSuite()
    for host in hosts:
        print(f"==> {host.name} {host.version_text} ({host.binary})", flush=True)
        suite.addTest(suite_for(host, arguments.probe.resolve(), arguments.patterns))
    if suite.countTestCases() == 0:
        print("FAILED: no case matches", file=sys.stderr)
        return 1
    result = unittest.TextTestRunner(verbosity=2, stream=sys.stdout).run(suite)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
