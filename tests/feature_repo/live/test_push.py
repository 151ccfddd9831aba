"""Events join the bank idempotently, and the touched customers' rows are what a rebuild would give."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.build import feature_tables, online_rows
from feature_repo.features.columns import VIEWS
from feature_repo.live.intake import Intake
from feature_repo.live.plan import Plan
from feature_repo.live.push import Push
from feature_repo.live.run import push as push_file
from feature_repo.live.tables import LiveTables
from feature_repo.live.turn import WrittenByAnother
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.raw.contracts import BOOKING_CHANNELS
from feature_repo.raw.generate import make
from feature_repo.raw.source import Source
from feature_repo.settings import Machine, Settings

CUSTOMERS = 60
Events = list[dict[str, Any]]


class Clock:
    """The time, a second later each time it is asked for."""

    def __init__(self, start: datetime) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


class Follower:
    """A push on a bank of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.file = settings, settings.home / "events.jsonl"
        self.end = Source.read(settings.raw).end
        self.clock = Clock(self.end + timedelta(days=1))

    def push(self, events: Events) -> Push:
        with self.file.open("a") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)
        tables = LiveTables.open(self.settings.live / "tables.duckdb", self.settings.raw, 1)
        with open_rows(self.settings, read_only=False) as rows:
            refused = self.settings.live / "refused.jsonl"
            plan = Plan(tables, "CNY")
            intake = Intake(tables, plan, rows, self.settings.raw, refused, self.clock)
            push = Push(intake, lambda _: None)
            push.follow(self.file, whole=True, go_on=lambda: False)
        tables.close()
        return push

    def owner(self, number: int = 0) -> tuple[str, str]:
        """A customer and an account that they own."""
        accounts = pq.read_table(self.settings.raw / "accounts").to_pylist()
        current = {
            row["account_id"] for row in accounts if row["type"] == "current" and row["closed_at"] is None
        }
        closed = {row["account_id"] for row in accounts if row["closed_at"] is not None}
        owners = pq.read_table(self.settings.raw / "account_owners").to_pylist()
        mine = [row for row in owners if row["account_id"] in current - closed and row["role"] == "owner"]
        return mine[number]["customer_id"], mine[number]["account_id"]

    def online(self, customer: str) -> tuple[dict[str, float], int]:
        with PackedRows.open(self.settings.online) as rows:
            read = rows.read([customer], tuple(VIEWS))
        return dict(zip(read.columns, read.values[0], strict=True)), int(read.event_us[0].min())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank with online rows, copied for each test."""
    settings = Settings(home=tmp_path_factory.mktemp("push") / "bank")
    make(CUSTOMERS, 3, settings.raw, settings.truth, months=14)
    with open_rows(settings, read_only=False) as rows:
        rows.load(online_rows(settings.raw, Source.read(settings.raw).end, Machine(1)))
    LiveTables.open(settings.live / "tables.duckdb", settings.raw, 1).close()
    return settings.home


@pytest.fixture
def follower(home: Path, tmp_path: Path) -> Follower:
    return Follower(Settings(home=Path(copytree(home, tmp_path / "bank"))))


def booking(account: str, number: int, at: datetime, amount: str = "-100.00", **more: Any) -> dict[str, Any]:
    return {
        "table": "bookings", "booking_id": f"new-{number}", "account_id": account, "amount": amount,
        "booked_at": at.isoformat(), "currency": "CNY", "channel": "mobile", "category": "card_payment",
        "is_cash": False, **more,
    }  # fmt: skip


def test_pushed_rows_give_the_features_a_rebuild_gives(follower: Follower) -> None:
    (ann, account), (ben, other) = follower.owner(0), follower.owner(5)
    day = follower.end + timedelta(hours=5)
    pushed = follower.push([
        booking(account, 1, day), booking(account, 2, day + timedelta(hours=1), "2500.50", category="salary"),
        booking(other, 3, day, currency="USD", balance_after="12.34"),
        {"table": "customers", "customer_id": ann, "income_monthly": 12345, "region": "hubei"},
        {"table": "interactions", "interaction_id": "talk", "customer_id": ben, "at": day.isoformat(),
         "rating": 2},
        {"table": "holdings", "customer_id": ben, "product_id": "FUND-BOND", "opened_at": day.isoformat(),
         "amount": "900"},
    ])  # fmt: skip
    assert (pushed.report.added, pushed.report.refused.total()) == (6, 0)
    assert pushed.report.customers >= 2
    for customer in (ann, ben):
        ours, event_us = follower.online(customer)
        at = datetime.fromtimestamp(event_us / 1e6, UTC)
        spine = pa.table({"customer_id": [customer], "as_of": pa.array([at], pa.timestamp("us", "UTC"))})
        rebuilt = feature_tables(follower.settings.raw, spine, Machine(1))
        theirs = {name: rebuilt[view][name].to_numpy()[0] for view in VIEWS for name in VIEWS[view]}
        apart = [name for name in theirs if not np.array_equal(ours[name], theirs[name], equal_nan=True)]
        assert apart == []
    assert follower.online(ann)[0]["income_monthly"] == 12345
    assert follower.online(ann)[0]["moves_365d"] >= 1


def test_the_same_events_again_change_nothing(follower: Follower) -> None:
    _, account = follower.owner()
    day = follower.end + timedelta(hours=5)
    events = [booking(account, number, day) for number in range(5)]
    events.append({"table": "customers", "customer_id": follower.owner()[0], "income_monthly": "4321.00"})
    assert follower.push(events).report.added == 6
    before = Source.read(follower.settings.raw)
    again = follower.push(events)
    assert (again.report.events, again.report.added, again.report.repeated) == (6, 0, 6)
    after = Source.read(follower.settings.raw)
    assert (after.rows, after.digest) == (before.rows, before.digest)


def test_a_correction_replaces_what_it_corrects_even_on_another_account(follower: Follower) -> None:
    (ann, account), (ben, other) = follower.owner(0), follower.owner(5)
    day = follower.end + timedelta(hours=5)
    follower.push([booking(account, 1, day, "-77.00")])
    before = follower.online(ann)[0]["outflow_30d"]
    pushed = follower.push([{"table": "bookings", "booking_id": "new-1", "amount": "-70.00"}])
    assert (pushed.report.added, pushed.report.corrected) == (1, 1)
    assert follower.online(ann)[0]["outflow_30d"] == pytest.approx(before - 7)
    follower.push([booking(other, 1, day, "-70.00")])
    assert follower.online(ben)[0]["outflow_30d"] >= 70
    rows = pq.read_table(follower.settings.raw / "bookings").to_pylist()
    assert len([row for row in rows if row["booking_id"] == "new-1"]) == 3


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        pytest.param({"account_id": "nobody"}, "account_id|unknown reference|not in the bank", id="account"),
        pytest.param({"booking_id": None}, "booking_id|null|a column of the key is missing", id="no-key"),
        pytest.param({"amount": None}, "amount|null|a required value is missing", id="no-amount"),
        pytest.param({"channel": "pigeon"}, f"channel|unknown code|none of {', '.join(BOOKING_CHANNELS)}",
                     id="code"),
    ],
)  # fmt: skip
def test_an_event_the_contract_forbids_is_refused_and_counted(
    follower: Follower, event: dict[str, Any], reason: str
) -> None:
    _, account = follower.owner()
    pushed = follower.push([booking(account, 1, follower.end) | event, booking(account, 2, follower.end)])
    assert pushed.report.refused == {reason: 1}
    assert pushed.report.added == 1
    told = [json.loads(line) for line in (follower.settings.live / "refused.jsonl").read_text().splitlines()]
    assert [one["line"] for one in told] == [1]


def test_the_same_key_and_recording_time_with_other_content_is_refused(follower: Follower) -> None:
    _, account = follower.owner()
    at = (follower.end + timedelta(hours=1)).isoformat()
    one, other = (booking(account, 1, follower.end, amount, recorded_at=at) for amount in ("-1.00", "-2.00"))
    pushed = follower.push([one, other, one])
    assert pushed.report.refused == {"recorded_at|conflict|other content at the same recording time": 1}
    assert (pushed.report.added, pushed.report.repeated) == (1, 1)


def test_a_newcomer_with_an_account_is_served_at_once(follower: Follower) -> None:
    at = (follower.end + timedelta(hours=2)).isoformat()
    pushed = follower.push([
        {"table": "customers", "customer_id": "zoe", "joined_at": at, "valid_from": at,
         "income_monthly": 5000},
        {"table": "accounts", "account_id": "z1", "type": "current", "currency": "CNY", "opened_at": at},
        {"table": "account_owners", "account_id": "z1", "customer_id": "zoe", "role": "owner"},
        booking("z1", 1, follower.end + timedelta(hours=3), "500.00"),
    ])  # fmt: skip
    assert pushed.report.refused == {}
    known, _ = follower.online("zoe")
    assert (known["inflow_30d"], known["accounts_open"], known["income_monthly"]) == (500, 1, 5000)


def test_killed_between_taking_and_landing_nothing_is_lost_or_doubled(follower: Follower) -> None:
    _, account = follower.owner()
    day = follower.end + timedelta(hours=5)
    follower.file.write_text("".join(json.dumps(booking(account, n, day)) + "\n" for n in range(4)))
    code = (
        "import os, sys\n"
        "import feature_repo.live.intake as intake\n"
        "intake.append = lambda *a, **k: os._exit(9)\n"
        "from feature_repo.live.run import push as run\n"
        "from feature_repo.settings import Settings\n"
        "from pathlib import Path\n"
        "run(Settings(), Path(sys.argv[1]), False, None)\n"
    )
    environment = {"BANK_HOME": str(follower.settings.home), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run([sys.executable, "-c", code, str(follower.file)], env=environment, check=False)
    assert ran.returncode == 9
    assert (
        len(
            pq.read_table(follower.settings.raw / "bookings").filter(
                pa.compute.field("booking_id") == "new-1"
            )
        )
        == 0
    )
    pushed = follower.push([])
    assert pushed.report.events == 0
    rows = pq.read_table(follower.settings.raw / "bookings")["booking_id"].to_pylist()
    assert [rows.count(f"new-{number}") for number in range(4)] == [1, 1, 1, 1]


@pytest.fixture
def held(follower: Follower) -> Iterator[Follower]:
    code = (
        "import sys\nfrom pathlib import Path\nfrom feature_repo.live.turn import writing\n"
        "with writing(Path(sys.argv[1]), 'bank data push'):\n"
        "    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(follower.settings.live)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    yield follower
    other.communicate("")


def test_two_pushes_at_once_are_one_too_many(held: Follower) -> None:
    held.file.touch()
    with pytest.raises(WrittenByAnother, match=r"`bank data push` \(process \d+\) writes the fresh rows"):
        push_file(held.settings, held.file, False, None)
