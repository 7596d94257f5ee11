"""A canary at rest: what its hold asks of the API server and holds in memory, and how soon a bad measurement takes the
traffic away."""

import contextlib
import time

from canary_case import CanaryCase, analysis, step, weight_in
from folders import requests_in
from gauge import Gauge
from provider_process import Memory

WEIGHT = 20
INTERVAL = 10  # seconds between two measurements
SETTLING = 5  # seconds after the weight was written, until nothing of that is under way


class Hold:
    seconds = None  # that were looked at
    requests = None  # to the API server in them, by (verb, resource)
    begin = None  # memory at its begin and end
    end = None
    to_zero = None  # milliseconds from the answer of a bad measurement to weight 0 in the route

    def per_minute(self, kind=None):
        count = sum(self.requests.values()) if kind is None else self.requests[kind]
        return 60 * count / self.seconds


@contextlib.contextmanager
def _case():
    CanaryCase.setUpClass()
    case = CanaryCase()
    try:
        yield case
    finally:
        case.doCleanups()
        CanaryCase.doClassCleanups()
        CanaryCase.tearDownClass()


def measure(seconds):
    hold = Hold()
    hold.seconds = seconds
    with _case() as case, Gauge() as gauge:
        stack = case.given_shop("1.0.0", analysis=None)
        stack.declare("1.1.0", step=[step(WEIGHT, hold="%ds" % (2 * seconds + 120))],
                      analysis=analysis(gauge.metric, interval="%ds" % INTERVAL))
        log = stack.folder / "trace.log"
        with case.history_of_route(stack) as history:
            command = stack.start_apply(TF_LOG_PROVIDER="TRACE", TF_LOG_PATH=str(log))
            case.weight_becomes(stack, WEIGHT, command)
            time.sleep(SETTLING)
            process = max(stack.provider_processes())
            hold.begin, before = Memory(process), log.stat().st_size
            time.sleep(seconds)
            hold.end = Memory(process)
            hold.requests = requests_in(log.read_bytes()[before:].decode(errors="replace"))
            gauge.value = 7
            case.eventually(lambda: not command.runs(), "the canary is rolled back", seconds=120)
            command.finish()
            answered = next(at for at, value in gauge.answers if value == 7)
            zero = [begin for weight, begin, _ in history.plateaus(lambda spec: weight_in(spec, stack.canary))
                    if weight == 0][-1]
            hold.to_zero = 1000 * (zero - answered)
    return hold
