"""The writer of events: each taken once in effect, whatever moment it is killed at, and landed for good."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_rules.database import Sqlite
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.ledger import Ledger
from crm_rules.policy import STANDARD, Policy
from feature_repo.live import intake as intaking
from feature_repo.live.events import Event, read_row
from feature_repo.live.intake import Intake
from feature_repo.live.tables import LiveTables
from feature_repo.live.turn import writing
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.raw.append import append as really_append
from feature_repo.raw.generate import make
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.bootstrap.stores import open_inbox
from serving.errors import LedgerUnavailable
from serving.pipeline.points import Points
from serving.pipeline.writing import Writer
from serving.worker.inbox import Inbox, Sent

ROOT = Path(__file__).parents[3]
LOYALTY = Policy.load(STANDARD).loyalty
Said = dict[str, Any]


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Customers:
    """A plan that computes one feature of whoever it is asked for, and remembers whom."""

    asked: list[str] = field(default_factory=list)

    def know(self, tables: object) -> None:
        """Nothing is compiled."""

    def run(self, customers: Sequence[str], as_of: datetime) -> dict[str, pa.Table]:
        self.asked += customers
        at = pa.array([as_of] * len(customers), pa.timestamp("us", "UTC"))
        columns = {"customer_id": list(customers), "event_timestamp": at, "created_timestamp": at}
        return {"life": pa.table(columns | {"seen": [1.0] * len(customers)})}


@dataclass
class Home:
    """A bank of its own with a writer that can be started again and again."""

    settings: Settings
    plan: Customers = field(default_factory=Customers)
    ledger_down: bool = False

    def __post_init__(self) -> None:
        self.now = Source.read(self.settings.raw).end + timedelta(days=1)
        owners = pq.read_table(self.settings.raw / "account_owners").to_pylist()
        self.owners = [(row["customer_id"], row["account_id"]) for row in owners if row["role"] == "owner"]

    def clock(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def booking(self, number: int, **more: Any) -> Said:
        return {
            "table": "bookings", "booking_id": f"new-{number}", "account_id": self.owners[number][1],
            "amount": "-1000.00", "booked_at": (self.now - timedelta(hours=1)).isoformat(), "currency": "CNY",
            "channel": "card", "category": "card_payment", **more,
        }  # fmt: skip

    def send(self, *said: Said) -> list[bool]:
        inbox, at = open_inbox(self.settings), self.clock()
        read = [read_row(line, one, at) for line, one in enumerate(said)]
        events = [one for one in read if isinstance(one, Event)]
        assert len(events) == len(said)
        given = inbox.put(Sent(events, "app", "r-1"), at)
        inbox.close()
        return [given[line].repeated for line in range(len(said))]

    @contextmanager
    def writer(self) -> Iterator[Writer]:
        tables = LiveTables.open(self.settings.live / "tables.duckdb", self.settings.raw, 1)
        inbox, rows = open_inbox(self.settings), open_rows(self.settings, read_only=False)
        refused = self.settings.live / "refused.jsonl"
        plan: Any = self.plan
        intake = Intake(tables, plan, rows, self.settings.raw, refused, self.clock, settled=True)
        points = Points(tables, "CNY", lambda at: LOYALTY, self.ledger)
        writer = Writer(inbox, intake, points, self.clock)
        writer.catch_up()
        try:
            yield writer
        finally:
            for part in (points, inbox, rows, tables):
                part.close()

    def run(self) -> Writer:
        with self.writer() as writer:
            while writer.step():
                pass
            writer.land()
        return writer

    def ledger(self) -> Ledger:
        if self.ledger_down:
            raise LedgerUnavailable("here", "down")
        return Ledger.open(Sqlite(self.settings.ledger), Heads(self.settings.heads))

    def rows(self, table: str = "bookings", key: str = "booking_id", start: str = "new-") -> list[Said]:
        found = pq.read_table(self.settings.raw / table).to_pylist()
        return sorted(
            (row for row in found if row[key].startswith(start)), key=lambda row: row["recorded_at"]
        )

    def points_of(self, number: int) -> int:
        ledger = self.ledger()
        points = ledger.balance(self.owners[number][0], self.now).points
        ledger.close()
        return points

    def shown(self) -> set[str]:
        with PackedRows.open(self.settings.online) as rows:
            ids = [customer for customer, _ in self.owners]
            found = rows.read(ids, ("life",))
            return {one for one, there in zip(ids, found.found, strict=True) if there}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("writing") / "bank")
    make(30, 3, settings.raw, settings.truth, months=12)
    LiveTables.open(settings.live / "tables.duckdb", settings.raw, 1).close()
    return settings.home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Home:
    return Home(Settings(home=Path(copytree(made, tmp_path / "bank"))))


def test_an_event_becomes_a_row_a_fresh_feature_and_points_once(home: Home) -> None:
    first = home.booking(0)
    assert home.send(first, home.booking(1)) == [False, False]
    begun = home.now
    home.run()
    assert [row["booking_id"] for row in home.rows()] == ["new-0", "new-1"]
    assert home.shown() >= {home.owners[0][0], home.owners[1][0]}
    assert home.points_of(0) == 1000 * LOYALTY.points_per_100["card_payment"] // 100
    inbox = open_inbox(home.settings)
    assert inbox.after(0, 10) == []
    standing = inbox.standing()
    assert standing.waiting == 0
    assert standing.seen is not None
    assert begun < standing.seen <= home.now
    inbox.close()
    assert home.send(first) == [True]


def test_a_correction_is_one_more_row_recorded_later_and_the_points_stay_as_booked(home: Home) -> None:
    home.send(home.booking(0), {"table": "bookings", "booking_id": "new-0", "amount": "-900.00"})
    home.run()
    assert [str(row["amount"]) for row in home.rows()] == ["-1000.00", "-900.00"]
    assert home.points_of(0) == 900 * LOYALTY.points_per_100["card_payment"] // 100


def test_a_refund_takes_back_what_was_earned(home: Home) -> None:
    home.send(home.booking(0))
    home.send(home.booking(0, booking_id="new-refund", amount="1000.00"))
    home.run()
    assert home.points_of(0) == 0


@pytest.mark.parametrize(
    ("event", "column"),
    [
        pytest.param({"account_id": "nobody"}, "account_id", id="unknown-account"),
        pytest.param({"currency": "XAU"}, "currency", id="currency-without-a-rate"),
        pytest.param({"amount": None}, "amount", id="no-amount"),
    ],
)
def test_what_the_bank_cannot_take_is_set_aside_and_may_be_sent_again(
    home: Home, event: Said, column: str
) -> None:
    home.send(home.booking(0, **event), home.booking(1))
    home.run()
    assert [row["booking_id"] for row in home.rows()] == ["new-1"]
    inbox = open_inbox(home.settings)
    [(aside, _, caller, _)] = inbox.aside(10)
    inbox.close()
    assert (aside.number, aside.field, caller) == (1, column, "app")
    assert home.send(home.booking(0, **event)) == [False]


def test_while_the_ledger_is_down_points_wait_and_rows_and_features_do_not(home: Home) -> None:
    home.ledger_down = True
    home.send(home.booking(0))
    assert "down" in home.run().points.problem
    assert len(home.rows()) == 1
    assert home.owners[0][0] in home.shown()
    home.ledger_down = False
    assert home.run().points.problem == ""
    assert home.points_of(0) > 0


def test_raw_tables_that_others_wrote_are_taken_up_when_it_lands(home: Home) -> None:
    with home.writer() as writer:
        ann = pq.read_table(home.settings.raw / "customers").slice(0, 1).to_pylist()[0]
        newcomer = ann | {"customer_id": "zoe", "recorded_at": home.now, "valid_from": home.now}
        schema = pq.read_schema(next((home.settings.raw / "customers").glob("*.parquet")))
        rows = {"customers": pa.Table.from_pylist([newcomer], schema=schema)}
        really_append(home.settings.raw, rows, home.now)
        writer.land()
        assert writer.intake.tables.rows_of("customers", "customer_id", ["zoe"])


KILLS: dict[str, tuple[object, str]] = {
    "before-the-rows": (LiveTables, "add"),
    "before-the-features": (PackedRows, "write_table"),
    "before-the-features-are-settled": (LiveTables, "settle"),
    "before-the-points": (Ledger, "earn"),
    "before-the-inbox-knows": (Inbox, "saw"),
    "before-landing": (intaking, "append"),
    "after-landing": (LiveTables, "landed"),
    "before-forgetting": (Inbox, "forget"),
}


@pytest.mark.parametrize("point", KILLS)
def test_killed_at_any_point_each_event_has_its_effect_once(
    home: Home, point: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.send(home.booking(0), home.booking(1, account_id="nobody"), home.booking(2))
    owner, name = KILLS[point]

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, killed)
        with pytest.raises(Killed):
            home.run()
    home.run()
    assert [row["booking_id"] for row in home.rows()] == ["new-0", "new-2"]
    live = LiveTables.open(home.settings.live / "tables.duckdb", home.settings.raw, 1)
    there = live.rows_of("bookings", "booking_id", ["new-0", "new-2"])
    assert len(there) == 2
    assert [live.owed(what) for what in ("features", "points", "refused")] == [[], [], []]
    live.close()
    assert home.shown() >= {home.owners[0][0], home.owners[2][0]}
    assert home.points_of(0) == 1000 * LOYALTY.points_per_100["card_payment"] // 100
    inbox = open_inbox(home.settings)
    assert [one.number for one, *_ in inbox.aside(10)] == [2]
    assert inbox.after(0, 10) == []
    inbox.close()


def test_an_inbox_made_anew_is_read_from_its_beginning(home: Home) -> None:
    home.send(home.booking(0), home.booking(1))
    home.run()
    for left in home.settings.home.glob("inbox.db*"):
        left.unlink()
    home.send(home.booking(2))
    home.run()
    assert len(home.rows()) == 3


def _command(home: Home, *more: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"BANK_HOME": str(home.settings.home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bank", "events", *more]
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_a_second_writer_says_in_one_sentence_who_writes_and_ends_with_1(home: Home) -> None:
    with writing(home.settings.live, "bank events write"):
        second = _command(home, "write")
        _, said = second.communicate(timeout=60)
    assert second.returncode == 1
    assert said.startswith(f"`bank events write` (process {os.getpid()}) writes the fresh rows in ")
    assert said.count("\n") == 1


def test_the_command_takes_events_until_it_is_asked_to_end(home: Home) -> None:
    home.now = datetime.now(UTC)
    home.send(home.booking(0))
    writer = _command(home, "write", "--json")
    inbox = open_inbox(home.settings)
    _until(lambda: inbox.standing().waiting == 0 or writer.poll() is not None)
    writer.send_signal(signal.SIGTERM)
    said, wrong = writer.communicate(timeout=60)
    assert (writer.returncode, wrong) == (0, "")
    told = json.loads(said)
    assert (told["added"], told["position"]) == (1, 1)
    assert "Trust file" in told["not_booked"]  # this home has no release that says what is earned
    assert inbox.after(0, 1) == []
    inbox.close()
    assert len(home.rows()) == 1


def _until(done: Callable[[], bool]) -> None:
    ends = time.monotonic() + 120
    while not done():
        assert time.monotonic() < ends
        time.sleep(0.05)
