"""Events become durable rows, then fresh features, then files of the raw tables; each of it once.

What is owed after the rows are durable (features of the customers they touch) is kept with them, so that
a process that is killed in between leaves nothing undone.
"""

import json
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import numpy as np

from feature_repo.live.events import Event, Refused
from feature_repo.live.merging import Merged, merge
from feature_repo.live.plan import Plan
from feature_repo.live.tables import LiveTables
from feature_repo.packed_rows import PackedRows
from feature_repo.raw.append import append
from feature_repo.raw.source import Source

TICK = timedelta(microseconds=1)
REMEMBERED = 10_000  # waits of each view, for the report
AT_ONCE = 1_000  # customers in one run of the plan


@dataclass
class Report:
    """What was taken so far. `seconds` from reading an event to its features being visible, by view."""

    events: int = 0
    added: int = 0
    corrected: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    customers: int = 0
    seconds: dict[str, deque[float]] = field(default_factory=dict)

    def freshness(self) -> dict[str, dict[str, float]]:
        """Median and 95th percentile of `seconds`, by view."""
        return {
            view: {"median_s": _quantile(seconds, 0.5), "p95_s": _quantile(seconds, 0.95)}
            for view, seconds in self.seconds.items()
        }

    def as_json(self) -> dict[str, object]:
        """The same as data."""
        counts = {"events": self.events, "added": self.added, "corrected": self.corrected}
        more = {"repeated": self.repeated, "refused": dict(self.refused), "customers": self.customers}
        return {**counts, **more, "freshness": self.freshness()}


@dataclass(frozen=True)
class Intake:
    """Everything that takes events; `now` is the world's clock.

    With `settled` further things are owed, which who calls `take` settles: `points` by booking, `refused`
    by the Refused as JSON.
    """

    tables: LiveTables
    plan: Plan
    rows: PackedRows
    raw: Path
    refused: Path
    now: Callable[[], datetime]
    settled: bool = False
    report: Report = field(default_factory=Report)

    def take(self, read: Sequence[Event | Refused], place: str, taken: int, number: int) -> None:
        """Take what was read from a place up to there: durable and visible on return."""
        started = monotonic()
        events = [one for one in read if isinstance(one, Event)]
        merged = merge(events, self.tables)
        merged.refused += [one for one in read if isinstance(one, Refused)]
        self._tell_refused(place, merged)
        self.tables.add(merged.rows, place, taken, number, self._owes(merged))
        self._count(len(read), merged)
        self.plan.know(merged.rows)
        latest = max((event.at for event in events), default=self.now())
        self._show(latest, started, len(events))

    def catch_up(self) -> None:
        """Show what is owed since a process before this one was killed."""
        self._show(self.now(), monotonic(), 0)

    def land(self) -> None:
        """Bring what is pending among the raw tables' files; read them anew when others wrote there."""
        self._follow()
        pending = self.tables.pending()
        if pending:
            at = self.now()
            appended = append(self.raw, pending, at, ends=at)
            ours = appended.before == self.tables.digest()  # else somebody wrote since the look above
            self.tables.landed(appended.source.digest if ours else "")
            self._follow()

    def _follow(self) -> None:
        if self.tables.follow():
            self.plan.know(Source.read(self.raw).rows)

    def _show(self, latest: datetime, started: float, events: int) -> None:
        owed = self.tables.owed("features")
        as_of = max(latest, self.now()) + TICK
        for at in range(0, len(owed), AT_ONCE):
            some = owed[at : at + AT_ONCE]
            for view, table in self.plan.run(some, as_of).items():
                self.rows.write_table(view, table)
                waits = self.report.seconds.setdefault(view, deque(maxlen=REMEMBERED))
                waits.extend([monotonic() - started] * events)
            self.tables.settle("features", some)
        self.report.customers += len(owed)

    def _owes(self, merged: Merged) -> dict[str, list[str]]:
        if not self.settled:
            return {}
        bookings = [str(row["booking_id"]) for row in merged.rows.get("bookings", ())]
        return {"points": bookings, "refused": [json.dumps(vars(one)) for one in merged.refused]}

    def _count(self, lines: int, merged: Merged) -> None:
        report = self.report
        report.events += lines
        report.added += sum(map(len, merged.rows.values()))
        report.corrected += merged.corrected
        report.repeated += merged.repeated
        report.refused.update(f"{one.column}|{one.value_class}|{one.reason}" for one in merged.refused)

    def _tell_refused(self, place: str, merged: Merged) -> None:
        if merged.refused:
            with self.refused.open("a") as told:
                for one in merged.refused:
                    told.write(json.dumps({"file": Path(place).name, **vars(one)}) + "\n")


def _quantile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 4) if values else 0.0
