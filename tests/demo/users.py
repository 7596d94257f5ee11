#!/usr/bin/env python3
"""Users of a shop: asks through the Gateway until it is told to end (SIGTERM), and prints each second which version how
many of them got. With --follow it also prints what a file gets in the meantime: the provider's progress file."""

import argparse
import json
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from traffic import Traffic  # noqa: E402  the path is set above

WIDTH = 30  # of a bar of 100 percent


def told(answers):
    """Of one second: a bar and the percent for each version, and what failed."""
    if not answers:
        return "nobody asked"
    parts = []
    for version, count in sorted(answers.versions().items(), key=lambda entry: entry[0] or ""):
        share = count / len(answers)
        parts.append("%s %s %3.0f %%" % (version or "nobody", "#" * max(1, round(share * WIDTH)), 100 * share))
    failed = len(answers.failed())
    return "   ".join(parts) + ("   %d of %d FAILED" % (failed, len(answers)) if failed else "")


class Follower:
    """The lines that a file gets from now on."""

    def __init__(self, path):
        self._path = path
        self._position = path.stat().st_size if path and path.exists() else 0

    def lines(self):
        if self._path is None or not self._path.exists():
            return []
        with open(self._path) as file:
            file.seek(self._position)
            text = file.read()
        whole = text[:text.rfind("\n") + 1]
        self._position += len(whole.encode())
        return whole.splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", required=True)
    parser.add_argument("--rate", type=int, default=60)
    parser.add_argument("--follow", type=pathlib.Path)
    parser.add_argument("--totals", type=pathlib.Path, help="gets the numbers of answers")
    options = parser.parse_args()
    ends = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ends.set())
    signal.signal(signal.SIGINT, lambda *_: ends.set())
    follower = Follower(options.follow)
    began = time.monotonic()
    with Traffic(options.host, rate=options.rate) as users:
        while not ends.wait(1):
            now = time.monotonic()
            for line in follower.lines():
                print("    * %s" % line.split(" ", 3)[-1], flush=True)
            # Not of the last moment: an answer may be under way.
            print("    | %3d s  %s" % (now - began, told(users.answers(now - 1.2, now - 0.2))), flush=True)
    answers = users.answers()
    totals = {"answers": len(answers), "failed": len(answers.failed()),
              "versions": {version or "": count for version, count in answers.versions().items()}}
    print("    = %s" % answers, flush=True)
    if options.totals:
        options.totals.write_text(json.dumps(totals))


if __name__ == "__main__":
    main()
