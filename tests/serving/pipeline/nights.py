"""Nights of four steps that only write down when they are taken."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

from serving.pipeline.daily import Nightly, NightStep
from serving.pipeline.daily_status import FILE, Night, Nights, State
from serving.pipeline.step import Outcome

DAY = date(2026, 3, 1)
AT = datetime(2026, 3, 2, 3, tzinfo=UTC)
NAMES = ("ingest", "features", "batch", "monitor")


class Chain:
    """Steps that write down each day they are taken; `broken` says what a step raises instead."""

    def __init__(self, home: Path) -> None:
        self.home, self.taken, self.told = home, list[str](), list[Night]()
        self.broken: dict[str, Exception] = {}
        self.source = 1

    def run(self, day: date = DAY) -> Night:
        nights = Nights.read(self.home / FILE)
        steps = [
            NightStep(name, name.title(), self._inputs(name), self._work(name), optional=name == "monitor")
            for name in NAMES
        ]
        return Nightly(self.home / "daily", nights, steps, lambda: AT, self.told.append).run(day)[-1]

    def _inputs(self, name: str) -> Callable[[date], dict[str, object]]:
        return lambda day: {"source": self.source} if name == "features" else {}

    def _work(self, name: str) -> Callable[[date], Outcome]:
        def work(day: date) -> Outcome:
            if name in self.broken:
                raise self.broken[name]
            self.taken.append(f"{name} {day.day}")
            return Outcome(1, (f"{name} is through",), {"source": self.source})

        return work

    def states(self) -> list[State]:
        [*_, night] = Nights.read(self.home / FILE).sorted
        return [step.state for step in night.steps]
