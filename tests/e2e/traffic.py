"""Requests at a steady rate through the Gateway, as users send them, and who answered them."""

import collections
import http.client
import itertools
import math
import os
import threading
import time
import urllib.parse

SLOWEST_ANSWER = 5  # seconds
UNANSWERED = 0  # in place of a status: no connection, or one that was cut


def gateway():
    """host:port of the Gateway of the test cluster."""
    return urllib.parse.urlsplit(os.environ["DELIVERY_GATEWAY"]).netloc


class Answer:
    __slots__ = ("asked_at", "seconds", "version", "pod", "status", "what")

    def __init__(self, asked_at, seconds, version, pod, status, what=""):
        self.asked_at = asked_at  # time.monotonic()
        self.seconds = seconds
        self.version = version
        self.pod = pod
        self.status = status
        self.what = what  # that went wrong, where nothing was answered


class Answers(list):
    """Some answers of a run, in the order in which they were asked for."""

    def between(self, begin, end=math.inf):
        return Answers(answer for answer in self if begin <= answer.asked_at < end)

    def of(self, version):
        return Answers(answer for answer in self if answer.version == version)

    def of_pods(self, prefix):
        return Answers(answer for answer in self if (answer.pod or "").startswith(prefix))

    def failed(self):
        return Answers(answer for answer in self if answer.status != 200)

    def versions(self):
        return collections.Counter(answer.version for answer in self)

    def statuses(self):
        return collections.Counter(answer.status for answer in self)

    def __str__(self):
        counted = collections.Counter((answer.version or "nobody", answer.status, answer.what) for answer in self)
        return "%d answers: %s" % (len(self), ", ".join(
            "%d x %s from %s%s" % (count, status, version, what and " (%s)" % what)
            for (version, status, what), count in sorted(counted.items())))


class Traffic:
    """Asks `rate` times a second while the block of `with` is executed, however long the answers take.

    Each request goes out at its time, also when earlier ones wait for their answer: a version that is slow does not get
    fewer requests. The workers keep their connections, as a load balancer in front of a Gateway does."""

    def __init__(self, host, rate=40, path="/", headers=None):
        self._address = gateway()
        self._path = path
        self._rate = rate
        self._headers = {"Host": host, **(headers or {})}
        self._numbers = itertools.count()
        self._answers = []
        self._ends = threading.Event()
        # Enough for answers that take half a second.
        self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(max(4, rate // 2))]

    def __enter__(self):
        self._began = time.monotonic()
        for worker in self._workers:
            worker.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._ends.set()
        for worker in self._workers:
            worker.join(SLOWEST_ANSWER + 1)

    def answers(self, begin=0.0, end=math.inf):
        """So far, of those that were asked for in this time."""
        return Answers(sorted(list(self._answers), key=lambda answer: answer.asked_at)).between(begin, end)

    def for_seconds(self, seconds):
        """The answers of so many seconds from now on."""
        begin = time.monotonic()
        time.sleep(seconds)
        return self.answers(begin)

    def wait_for_first_answer(self, seconds=15):
        """Until the Gateway routes this host: it hears of a new route a moment after it was made."""
        deadline = time.monotonic() + seconds
        while not any(answer.status == 200 for answer in list(self._answers)):
            if time.monotonic() > deadline:
                raise AssertionError("nothing answers: %s" % self.answers())
            time.sleep(0.05)
        return time.monotonic()

    def _work(self):
        connection = None
        while True:
            due = self._began + next(self._numbers) / self._rate
            if self._ends.wait(max(0, due - time.monotonic())):
                break
            if connection is None:
                connection = http.client.HTTPConnection(self._address, timeout=SLOWEST_ANSWER)
            asked_at = time.monotonic()
            try:
                connection.request("GET", self._path, headers=self._headers)
                response = connection.getresponse()
                response.read()
                answer = Answer(asked_at, time.monotonic() - asked_at, response.headers.get("X-Version"),
                                response.headers.get("X-Pod"), response.status)
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                connection = None
                answer = Answer(asked_at, time.monotonic() - asked_at, None, None, UNANSWERED, type(error).__name__)
            self._answers.append(answer)
        if connection is not None:
            connection.close()


def ask(host, path="/", headers=None):
    """One request; status, headers and text of its answer."""
    connection = http.client.HTTPConnection(gateway(), timeout=SLOWEST_ANSWER)
    try:
        connection.request("GET", path, headers={"Host": host, **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def binomial_band(count, share, confidence=0.999):
    """How many of `count` requests go to a side that gets this share (0 to 1) of them at random: the least and the most
    that are seen with this confidence."""
    if not 0 <= share <= 1:
        raise ValueError("a share is between 0 and 1: %r" % share)
    if share in (0, 1):
        return count * share, count * share
    tail = (1 - confidence) / 2

    def probability(k):
        return math.exp(math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
                        + k * math.log(share) + (count - k) * math.log1p(-share))

    def bound(outcomes):
        """The first outcome from an end that leaves no more than the tail behind it."""
        total = 0.0
        for k in outcomes:
            total += probability(k)
            if total > tail:
                return k
        return k

    return bound(range(count + 1)), bound(range(count, -1, -1))
