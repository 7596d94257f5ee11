"""Measures the provider against the test cluster and prints one table. ./dev bench calls it.

    run.py [--counts 1,100,300] [--large] [--hold SECONDS] [--only-hold] [--build dev|release|release-static]

It starts the cluster if it is down and, like ./dev demo, leaves it up.
"""

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parents[2]


def say(text):
    """Progress goes to stderr: stdout has the table alone."""
    print(text, file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measures the provider; prints one table.")
    parser.add_argument("--counts", default="1,100,300", help="numbers of rollouts in one stack (default: %(default)s)")
    parser.add_argument("--large", action="store_true", help="1000 rollouts too")
    parser.add_argument("--hold", type=int, default=60, help="seconds of a canary's hold (default: %(default)s)")
    parser.add_argument("--only-hold", action="store_true", help="measure nothing but that")
    parser.add_argument("--build", choices=["release-static", "release", "dev"],
                        help="whose provider the stacks run with (default: the newest that is built)")
    given = parser.parse_args()
    given.counts = [int(count) for count in given.counts.split(",")] + ([1000] if given.large else [])
    if min(given.counts) < 1:
        parser.error("counts are at least 1")
    return given


def builds(wanted):
    """Providers by preset that are built, and the one that the stacks run with."""
    found = {preset: path for preset in ("release-static", "release", "dev")
             if os.access(path := SOURCES / "build" / preset / "terraform-provider-delivery", os.X_OK)}
    chosen = wanted or max(found, key=lambda preset: found[preset].stat().st_mtime, default="dev")
    if chosen not in found:
        sys.exit("bench: there is no provider of the preset %s: ./dev build %s" % (chosen, chosen))
    return found, chosen


def enter_environment(provider):
    """Starts the cluster, and sets what the modules of tests/e2e expect."""
    if not shutil.which("curl"):
        sys.exit("bench: it needs curl for the plain requests: apt-get install curl")
    cluster = [sys.executable, str(SOURCES / "tests" / "cluster" / "cluster.py")]
    if subprocess.run([*cluster, "up"], stdout=sys.stderr).returncode != 0:
        sys.exit("bench: the cluster did not start")
    env_file = subprocess.check_output([*cluster, "env"], text=True).strip()
    for line in pathlib.Path(env_file).read_text().splitlines():
        name, value = line.removeprefix("export ").split("=", 1)
        os.environ[name] = value
    os.environ["DELIVERY_E2E_PROVIDER"] = str(provider)
    os.environ.pop("DELIVERY_E2E_HOST", None)
    sys.path.insert(0, str(SOURCES / "tests" / "e2e"))


def main():
    sys.dont_write_bytecode = True
    given = arguments()
    # As Ctrl-C: namespaces and processes are removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: terminated"))
    found, chosen = builds(given.build)
    enter_environment(found[chosen])

    # Only now: they look at the environment when they are loaded.
    import canary
    import load
    import machine
    import memory
    import provider_process
    import report
    import selection
    from api_server import ApiServer, Namespaces
    from environment import HOST

    api = ApiServer()
    description = machine.description(SOURCES, HOST, api.version())
    load_before = machine.load()
    if given.only_hold:
        say("a canary that is held")
        print("\n".join(description))
        print("load:     %s before\n" % load_before)
        return report.print_hold(canary.measure(given.hold), chosen)
    handshakes, idle = {}, {}
    for preset, provider in found.items():
        say("the process, %s" % preset)
        handshakes[preset] = provider_process.handshake_milliseconds(provider)
        idle[preset] = provider_process.memory_after_handshake(provider)
    echo = provider_process.process_start_milliseconds()
    say("image policies")
    selections = selection.measure(found[chosen])
    stacks = {}
    with Namespaces() as namespaces:
        namespace = namespaces.new()
        say("the schema")
        schema = memory.schema_milliseconds(found[chosen], namespace)
        say("memory")
        used = memory.after_use(found[chosen], max(given.counts), namespace)
        namespaces.delete(namespace)
        for count in given.counts:
            stacks[count] = load.measure(api, namespaces, count, say)
    say("a canary that is held")
    hold = canary.measure(given.hold)
    print("\n".join(description))
    print("load:     %s before, %s after" % (load_before, machine.load()))
    for preset, provider in found.items():
        print("build:    %s of %s%s" % (preset, provider_process.built_at(provider),
                                        ", which the stacks ran with" if preset == chosen else ""))
    print()
    report.print_table(handshakes, echo, schema, idle, chosen, used, stacks, selections, hold)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
