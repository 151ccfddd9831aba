"""What a worker counts, for Prometheus: no customer and no free text in any label.

Workers of one service count in files of one folder (PROMETHEUS_MULTIPROC_DIR), a file set for each
worker's number, so that any of them tells the sum and a worker that was started again counts on.
Without that folder a process counts by itself.
"""

import os
from collections.abc import Collection, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
TYPE = CONTENT_TYPE_LATEST
UNKNOWN = "(unknown)"  # the label of every route that is not ours
LATENCY = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
COMMIT = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
DAY = 86_400.0
AGE = (60.0, 3_600.0, 6 * 3_600.0, DAY, 2 * DAY, 7 * DAY, 31 * DAY, 92 * DAY)
LAST = "livemostrecent"  # of several workers' values the one that was set last
MOST_LABELS = 64  # values of a label that names come from the release for: parts, outcomes


def counting_as(worker: int) -> bool:
    """Count in files named by the worker's number, if there is a folder; call it before Metrics is made."""
    shared = bool(os.environ.get(FOLDER))
    if shared:
        by_number = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]  # has no types
        values.ValueClass = by_number
    return shared


class Metrics:
    """The counters of one process. Methods are cheap, and safe to call from any thread.

    >>> metrics = Metrics({"/v1/status"})
    >>> metrics.responded("/v1/status", 200, 0.002)
    >>> metrics.responded("/v1/customers/ann", 404, 0.001)
    >>> [line for line in metrics.text().decode().splitlines() if '_requests_total{route="(' in line]
    ['bank_requests_total{route="(unknown)",status="404"} 1.0']
    """

    def __init__(self, routes: Collection[str], shared: bool = False) -> None:
        self._routes, self._shared = frozenset(routes), shared
        self._registry = CollectorRegistry()
        self._answers: dict[tuple[str, int], Counter] = {}
        self._latencies: dict[str, Histogram] = {}
        self._decisions: dict[tuple[str, str], Counter] = {}
        self._parts: dict[str, Counter] = {}
        self._kinds: dict[str, Counter] = {}
        registry = self._registry
        self._requests = Counter("bank_requests", "Requests answered", ["route", "status"], registry=registry)
        self._latency = Histogram(
            "bank_request_seconds", "Time to an answer", ["route"], registry=registry, buckets=LATENCY
        )
        self._refused = Counter(
            "bank_refused", "Requests answered with a problem", ["kind"], registry=registry
        )
        self._decided = Counter(
            "bank_decisions", "Decisions made", ["use_case", "outcome"], registry=registry
        )
        self._degraded = Counter(
            "bank_degraded", "Decisions made without one part of the features", ["part"], registry=registry
        )
        self._wait = Histogram(
            "bank_queue_seconds", "Time a question waited for its turn", registry=registry, buckets=LATENCY
        )
        self._commit = Histogram(
            "bank_commit_seconds", "Time to make decisions durable", registry=registry, buckets=COMMIT
        )
        self._age = Histogram(
            "bank_feature_age_seconds", "Age of the oldest features of a decision", registry=registry,
            buckets=AGE,
        )  # fmt: skip
        self._spool = self._gauge("bank_spool_records", "Decisions that wait to reach the log", "livesum")
        self._waiting = self._gauge("bank_events_waiting", "Events that wait to be written", LAST)
        self._lag = self._gauge("bank_events_lag_seconds", "Age of the oldest waiting event", LAST)
        self._failing = self._gauge("bank_log_failing", "Whether the log cannot be written", "livemax")
        self._release = Gauge(
            "bank_release_info", "The release that is served", ["release"], registry=registry,
            multiprocess_mode="livemax",
        )  # fmt: skip
        self._served: str | None = None

    def responded(self, route: str, status: int, seconds: float) -> None:
        """A request was answered; a route that is not ours counts as unknown."""
        if route not in self._routes:
            route = UNKNOWN
        try:
            count, latency = self._answers[route, status], self._latencies[route]
        except KeyError:
            count = self._answers[route, status] = self._requests.labels(route, str(status))
            latency = self._latencies[route] = self._latency.labels(route)
        count.inc()
        latency.observe(seconds)

    def refused(self, kind: str) -> None:
        """A request was answered with a problem of that kind, the last word of its type."""
        found = self._kinds.get(kind)
        if found is None:
            key = kind if len(self._kinds) < MOST_LABELS else UNKNOWN
            found = self._kinds.setdefault(key, self._refused.labels(key))
        found.inc()

    def decided(self, use_case: str, outcome: str, degraded: Iterable[str] = ()) -> None:
        """A decision was made; an outcome is a word of ours, `degraded` are names of feature views."""
        found = self._decisions.get((use_case, outcome))
        if found is None:
            known = len(self._decisions) < MOST_LABELS
            key = (use_case, outcome if known else UNKNOWN)
            found = self._decisions.setdefault(key, self._decided.labels(*key))
        found.inc()
        for part in degraded:
            self._missing(part).inc()

    def waited(self, seconds: float) -> None:
        """A question waited so long for its turn."""
        self._wait.observe(seconds)

    def committed(self, seconds: float) -> None:
        """The log took so long for one commit."""
        self._commit.observe(seconds)

    def features(self, age: float) -> None:
        """The oldest features of a decision were so old, in seconds."""
        self._age.observe(age)

    def failing(self, failing: bool) -> None:
        """Whether the log cannot be written."""
        self._failing.set(float(failing))

    def spooled(self, records: int) -> None:
        """So many decisions wait to reach the log."""
        self._spool.set(records)

    def events(self, waiting: int, lag: float) -> None:
        """So many events wait to be written, the oldest for `lag` seconds."""
        self._waiting.set(waiting)
        self._lag.set(lag)

    def serving(self, release: str) -> None:
        """This release is served from now on; a digest is cut to its first 16 digits."""
        digest = release[:16]
        if digest != self._served:
            if self._served is not None:
                self._release.labels(self._served).set(0)
            self._release.labels(digest).set(1)
            self._served = digest

    def text(self) -> bytes:
        """Everything counted, by all workers, as Prometheus reads it."""
        if not self._shared:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]  # it has no types
        return generate_latest(everybody)

    def _missing(self, part: str) -> Counter:
        found = self._parts.get(part)
        if found is None:
            key = part if len(self._parts) < MOST_LABELS else UNKNOWN
            found = self._parts.setdefault(key, self._degraded.labels(key))
        return found

    def _gauge(self, name: str, meaning: str, mode: str) -> Gauge:
        return Gauge(name, meaning, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]
