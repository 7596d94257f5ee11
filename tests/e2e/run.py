"""Runs end-to-end tests.

    run.py --provider BINARY [unittest arguments, for example releases_test.Create]

The environment names the cluster: see environment.py. DELIVERY_E2E_HOST chooses the command line tools.
"""

import os
import sys
import unittest


def main():
    if len(sys.argv) < 4 or sys.argv[1] != "--provider":
        sys.exit(__doc__)
    os.environ["DELIVERY_E2E_PROVIDER"] = os.path.realpath(sys.argv[2])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.dont_write_bytecode = True
    # Tests are named by what they show; --verbose names each as it runs.
    program = unittest.main(module=None, argv=["run.py", "--verbose", *sys.argv[3:]], exit=False)
    sys.exit(0 if program.result.wasSuccessful() and program.result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
