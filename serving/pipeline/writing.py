"""The writer process: takes events from the inbox in order and makes them rows, features and points."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

from crm_rules.database import WAIT_SECONDS
from crm_rules.loyalty.accrual import Earned
from feature_repo.live.events import read_event
from feature_repo.live.intake import Intake
from feature_repo.live.run import open_intake
from feature_repo.raw.landing import BeingWritten
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.bootstrap.edge import now
from serving.bootstrap.stores import open_inbox, open_ledger
from serving.pipeline.points import Points, PolicyInForce
from serving.worker.inbox import Inbox, SetAside

COMMAND = "bank events write"
AT_ONCE = 500  # events
PAUSE_SECONDS = 0.02
SEEN_EVERY_SECONDS = 1.0


@dataclass
class Writer:
    """The one process that takes events out of the inbox; how far it is lies with the rows it made."""

    inbox: Inbox
    intake: Intake
    points: Points
    now: Callable[[], datetime]
    earned: Earned = field(default_factory=Earned)

    def __post_init__(self) -> None:
        self.place = f"inbox:{self.inbox.id}"
        self.position, _ = self.intake.tables.taken(self.place)

    def catch_up(self) -> None:
        """Make what a writer before this one left owed."""
        self.intake.catch_up()
        self._settle()

    def step(self) -> int:
        """Take what waits, up to so many: durable rows and fresh features on return; how many there were."""
        came = self.inbox.after(self.position, AT_ONCE)
        if came:
            read = [read_event(one.number, one.text, one.at) for one in came]
            self.intake.take(read, self.place, came[-1].number, came[-1].number)
            self.position = came[-1].number
            self._settle()
        return len(came)

    def beat(self) -> None:
        """Say that the writer is alive; what could not be booked before is tried again."""
        self._settle()

    def land(self) -> None:
        """Bring what was taken among the raw tables' files, and let the inbox forget it."""
        position = self.position
        try:
            self.intake.land()
        except BeingWritten:  # a load: it lands next time
            return
        self.inbox.forget(position, self.now())

    def _settle(self) -> None:
        tables = self.intake.tables
        if refused := tables.owed("refused"):
            self.inbox.set_aside([_set_aside(json.loads(one)) for one in refused])
            tables.settle("refused", refused)
        self.earned += self.points.settle(self.now())
        self.inbox.saw(self.position, self.now())


def write(
    settings: Settings, seconds: float | None, go_on: Callable[[], bool], land_every: float = 60.0
) -> dict[str, object]:
    """Take events for so many seconds, or as long as `go_on` says; what was done, as data."""
    opened = open_intake(settings, COMMAND, settled=True)
    with opened as intake, closing(open_inbox(settings, WAIT_SECONDS)) as inbox:
        currency = Source.read(settings.raw).base_currency
        policy = PolicyInForce(settings)
        points = Points(intake.tables, currency, policy.loyalty, lambda: open_ledger(settings))
        writer = Writer(inbox, intake, points, now)
        ends = None if seconds is None else time.monotonic() + seconds
        with closing(points):
            _loop(writer, lambda: go_on() and (ends is None or time.monotonic() < ends), land_every)
    report = intake.report.as_json()
    told = {"bookings": writer.earned.bookings, "points": writer.earned.points}
    return {**report, "position": writer.position, "earned": told, "not_booked": points.problem}


def _loop(writer: Writer, go_on: Callable[[], bool], land_every: float) -> None:
    writer.catch_up()
    landed = seen = time.monotonic()
    try:
        while go_on():
            if not writer.step():
                time.sleep(PAUSE_SECONDS)
            if time.monotonic() - seen > SEEN_EVERY_SECONDS:
                writer.beat()
                seen = time.monotonic()
            if time.monotonic() - landed > land_every:
                writer.land()
                landed = time.monotonic()
    finally:
        writer.land()


def _set_aside(refused: dict[str, str]) -> SetAside:
    reason = f"{refused['value_class']}: {refused['reason']}"
    return SetAside(int(refused["line"]), refused["column"] or "(event)", reason)
