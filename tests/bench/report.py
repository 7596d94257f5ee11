"""The table: what was measured, next to what is aimed at."""

import statistics

import load

HANDSHAKE = 20  # ms
SELECTION = 50  # ms, of 50,000 tags
RESIDENT = 25  # MB
REFRESH = 1  # requests
FACTOR = 1.2
HOLD_REQUESTS = 10  # a minute
TO_ZERO = 1000  # ms

NOTES = """\
Every Deployment has replicas = 0, so that the nodes do not limit how many there are: nothing is pulled or started,
and a rollout is complete when the controllers have seen it. create and update are one run of `tofu apply` each, plan
is the median of %d; all with -parallelism=%d. An update refreshes first. The host's own is as many terraform_data with
the same content; it has no plugin to start and to verify, which tells where N is small. Plain requests go straight
from `curl --parallel --http2` with the same token, as many at once: a GET for a refresh, a server-side apply for a
write. Requests are counted in a run of their own from the provider's TRACE log; what the API server counted is the
same verbs and resources in its metrics meanwhile, of all clients: far more means that the cluster was not idle. RSS
is VmRSS, PSS from smaps_rollup, MB are 10^6 bytes.
""" % (load.PLANS, load.PARALLELISM)

_NAME, _CELL = 58, 12


def _row(name, cells=(), aim=""):
    print((name.ljust(_NAME) + "".join(str(cell).rjust(_CELL) for cell in cells)
           + ("   " + aim if aim else "")).rstrip())


def _verdict(limit, value):
    return "met" if value <= limit else "MISSED"


def _verdict_by_count(limit, values):
    missed = [count for count, value in values.items() if value > limit]
    return "MISSED at N = " + ", ".join(map(str, missed)) if missed else "met"


def print_table(handshakes, echo, schema, idle, chosen, used, stacks, selections, hold):
    _process(handshakes, echo, schema, chosen)
    _memory(idle, chosen, used, max(stacks))
    for step in load.STEPS:
        _step(step, stacks)
    _requests(stacks)
    _selections(selections)
    print_hold(hold, chosen)
    print(NOTES, end="")


def print_hold(hold, chosen):
    _row("CANARY, A HOLD OF %d s, %s" % (hold.seconds, chosen), ("",), "aim")
    _row("API requests a minute", ["%.1f" % hold.per_minute()],
         "< %d: %s" % (HOLD_REQUESTS, _verdict(HOLD_REQUESTS, hold.per_minute())))
    for kind, _ in hold.requests.most_common():
        _row("  %s %s" % kind, ["%.1f" % hold.per_minute(kind)])
    _row("from a bad measurement's answer to weight 0, ms", ["%.0f" % hold.to_zero],
         "< %d: %s" % (TO_ZERO, _verdict(TO_ZERO, hold.to_zero)))
    _row("memory, MB", ("RSS", "PSS", "peak RSS"))
    _row("  when it began", _megabytes(hold.begin))
    _row("  when it ended", _megabytes(hold.end))
    print()


def _selections(selections):
    if not selections:
        return
    _row("IMAGE POLICY, policy/tags", ("ms", "bytes a tag"), "aim")
    for name, milliseconds, memory in selections:
        aim = "< %d ms: %s" % (SELECTION, _verdict(SELECTION, milliseconds)) if name.endswith("/50000") else ""
        _row(name, ("%.1f" % milliseconds, "%.0f" % memory), aim)
    print()


def _process(handshakes, echo, schema, chosen):
    _row("PROCESS, ms", ("median", "min", "max"), "aim")
    for preset, taken in handshakes.items():
        median = statistics.median(taken)
        _row("start to handshake line, %s (%d runs)" % (preset, len(taken)), _milliseconds(taken),
             "< %d ms: %s" % (HANDSHAKE, _verdict(HANDSHAKE, median)))
    _row("  of that, starting any process (/bin/echo)", _milliseconds(echo))
    difference, stands_out = schema
    # A figure within what the host varies by would say nothing.
    _row("GetProviderSchema, connecting and printing it, %s" % chosen,
         ("%.1f" % difference, "", "") if stands_out else ("not told: less than what the host varies by",))
    print()


def _milliseconds(taken):
    return ["%.1f" % value for value in (statistics.median(taken), min(taken), max(taken))]


def _memory(idle, chosen, used, count):
    _row("MEMORY, MB", ("RSS", "PSS", "peak RSS"), "aim")
    configured, worked = used
    rows = [("after the handshake, " + preset, memory) for preset, memory in idle.items()]
    rows.append(("after configure and a plan of one rollout, " + chosen, configured))
    for name, memory in rows:
        _row(name, _megabytes(memory), "RSS < %d MB: %s" % (RESIDENT, _verdict(RESIDENT, memory.rss)))
    _row("after apply and refresh of %d rollouts, %s" % (count, chosen), _megabytes(worked))
    print()


def _megabytes(memory):
    return ["%.1f" % value for value in (memory.rss, memory.pss, memory.peak)]


_STEPS = {
    "create": ("CREATE, s", "server-side applies"),
    "plan": ("EMPTY PLAN WITH REFRESH, s", "GETs"),
    "update": ("UPDATE, s", "GETs, then server-side applies"),
}


def _step(step, stacks):
    title, plain = _STEPS[step]
    figures = {count: steps[step] for count, steps in stacks.items()}

    def row(name, figure, aim=""):
        _row(name, ["%.2f" % figure(each) for each in figures.values()], aim)

    _row(title, ["N = %d" % count for count in stacks], "aim")
    row("tofu, N delivery_rollout", lambda each: each.tofu)
    row("tofu, N terraform_data: the host's own", lambda each: each.host)
    row("curl, N %s: plain requests" % plain, lambda each: each.plain)
    factors = {count: each.factor() for count, each in figures.items()}
    row("  rollouts / (plain requests + host's own)", load.Step.factor,
        "<= %.1f: %s" % (FACTOR, _verdict_by_count(FACTOR, factors)))
    if step != "plan":
        row("curl, the same until the controllers have seen it", lambda each: each.observed)
        row("  rollouts / (that + host's own)", load.Step.factor_observed)
    print()


def _requests(stacks):
    _row("API REQUESTS PER ROLLOUT", ["N = %d" % count for count in stacks], "aim")
    largest = max(stacks)
    for step in load.STEPS:
        figures = {count: steps[step] for count, steps in stacks.items()}
        totals = {count: sum(each.requests.values()) / count for count, each in figures.items()}
        # What is asked once for a whole stack weighs on few objects: the largest stack tells.
        aim = "%d: %s" % (REFRESH, _verdict(1.1 * REFRESH, totals[largest])) if step == "plan" else ""
        _row(step, ["%.2f" % total for total in totals.values()], aim)
        for kind in load.frequent(figures[largest].requests, largest):
            _row("  %s %s" % kind, ["%.2f" % (each.requests[kind] / count) for count, each in figures.items()])
        _row("  (the API server counted)", ["%.2f" % (each.counted / count) for count, each in figures.items()])
    print()
