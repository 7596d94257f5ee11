"""Runs end-to-end tests.

    run.py --provider BINARY [unittest arguments, for example releases_test.Create]

The environment names the cluster: see environment.py. DELIVERY_E2E_HOST chooses the command line tools.
"""

import os
import sys
import time
import unittest


class TimedResult(unittest.TextTestResult):
    """Names each test as it runs, and says how long it took."""

    def startTest(self, test):
        self._began = time.monotonic()
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        self.stream.writeln("    %.0f s" % (time.monotonic() - self._began))

    def getDescription(self, test):
        return test.id()


def main():
    if len(sys.argv) < 4 or sys.argv[1] != "--provider":
        sys.exit(__doc__)
    os.environ["DELIVERY_E2E_PROVIDER"] = os.path.realpath(sys.argv[2])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.dont_write_bytecode = True
    runner = unittest.TextTestRunner(verbosity=2, resultclass=TimedResult)
    program = unittest.main(module=None, argv=["run.py", *sys.argv[3:]], testRunner=runner, exit=False)
    sys.exit(0 if program.result.wasSuccessful() and program.result.testsRun > 0 else 1)


if __name__ == "__main__":
    main()
