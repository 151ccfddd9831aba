"""The loop of `bank data push`: take what came, make it durable, recompute whom it touches, show it."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import numpy as np

from feature_repo.live.events import Event, Refused, read_event
from feature_repo.live.lines import Lines
from feature_repo.live.merging import Merged, merge
from feature_repo.live.plan import Plan
from feature_repo.live.tables import LiveTables
from feature_repo.packed_rows import PackedRows
from feature_repo.raw.append import append

AT_ONCE = 500  # events
LAND_AFTER_SECONDS = 60.0
PAUSE_SECONDS = 0.01
TICK = timedelta(microseconds=1)


@dataclass
class Report:
    """What was pushed so far. `seconds` from reading an event to its features being visible, by view."""

    events: int = 0
    added: int = 0
    corrected: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    customers: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)

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
class Push:
    """Everything the loop needs; `now` and `sleep` are the world's."""

    tables: LiveTables
    plan: Plan
    rows: PackedRows
    raw: Path
    refused: Path
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    report: Report = field(default_factory=Report)

    def take(self, lines: Sequence[tuple[int, bytes]], file: str, taken: int, number: int) -> None:
        """Take these lines of a file that has been read so far: durable and visible on return."""
        started, at = monotonic(), self.now()
        read = [read_event(line, text, at) for line, text in lines]
        events = [one for one in read if isinstance(one, Event)]
        merged = merge(events, self.tables, at)
        merged.refused += [one for one in read if isinstance(one, Refused)]
        self._tell_refused(file, merged)
        self.tables.add(merged.rows, file, taken, number)
        self._count(len(lines), merged)
        touched = sorted(self.tables.touched(merged.rows))
        if touched:
            self._show(touched, at + TICK, started, len(events))

    def land(self) -> None:
        """Bring what is pending among the raw tables' files."""
        pending = self.tables.pending()
        if pending:
            at = self.now()
            self.tables.landed(append(self.raw, pending, at, ends=at).source.digest)

    def follow(self, path: Path, whole: bool, go_on: Callable[[], bool]) -> Report:
        """Take a file from where it was left; when not `whole`, wait for more as long as `go_on` says."""
        taken, number = self.tables.taken(str(path.absolute()))
        lines, landed = Lines(path, taken, number), monotonic()
        try:
            while True:
                came = lines.read(AT_ONCE, whole)
                if came:
                    self.take(came, str(path.absolute()), lines.taken, lines.number)
                elif whole or not go_on():
                    break
                else:
                    self.sleep(PAUSE_SECONDS)
                if monotonic() - landed > LAND_AFTER_SECONDS:
                    self.land()
                    landed = monotonic()
        finally:
            lines.close()
            self.land()
        return self.report

    def _show(self, customers: Sequence[str], as_of: datetime, started: float, events: int) -> None:
        for view, table in self.plan.run(customers, as_of).items():
            self.rows.write_table(view, table)
            self.report.seconds.setdefault(view, []).extend([monotonic() - started] * events)
        self.report.customers += len(customers)

    def _count(self, lines: int, merged: Merged) -> None:
        report = self.report
        report.events += lines
        report.added += sum(map(len, merged.rows.values()))
        report.corrected += merged.corrected
        report.repeated += merged.repeated
        report.refused.update(f"{one.column}|{one.value_class}|{one.reason}" for one in merged.refused)

    def _tell_refused(self, file: str, merged: Merged) -> None:
        if merged.refused:
            with self.refused.open("a") as told:
                for one in merged.refused:
                    told.write(json.dumps({"file": Path(file).name, **vars(one)}) + "\n")


def _quantile(values: Sequence[float], share: float) -> float:
    return round(float(np.quantile(values, share)), 4)
