"""A random bank that learns late: rows of every table in the order nobody would wish for.

Rows are recorded long after their event or before it, corrected several times, and moved by a
correction to another account or over a date; times lie on a date, on the edge of a window, and a
microsecond beside. Times are microseconds since 1970, money is cents.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.raw.contracts import BY_NAME, Column, Kind, arrow
from feature_repo.raw.source import Source
from feature_repo.snapshot import DAY_US, TIME

Row = Mapping[str, Any]
START = int(datetime(2023, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAYS = 600
FILES = 3
WINDOWS = (0, 0, 0, 30, 60, 90, 180, 360, 365)


@dataclass
class LateBank:
    """Random tables of `customers` people; the same seed gives the same rows.

    `dates` are the times at which each customer is looked at; `rows` the tables.
    """

    seed: int
    customers: int
    facts: int  # bookings of a customer, before corrections
    dates_each: int = 6
    dates: dict[str, list[int]] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in BY_NAME})

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._at = [0]
        self._recorded: set[tuple[Any, ...]] = set()
        self._products()
        self._rates()
        names = [f"c{n}" for n in range(self.customers)]
        for name in names:
            self.dates[name] = self._at = self._some_dates()
            self._customer(name)
        for name in names:
            self._at = self.dates[name]
            for at in range(self.facts):
                self._booking(name, at)

    def spine(self) -> pa.Table:
        """Every customer at each of their dates."""
        pairs = [(name, at) for name, dates in self.dates.items() for at in dates]
        return pa.table({
            "customer_id": [name for name, _ in pairs],
            "as_of": pa.array([at for _, at in pairs], pa.int64()).cast(TIME),
        })  # fmt: skip

    def write(self, raw: Path, recorded_before: int | None = None) -> None:
        """Write the tables in random order over several files; with a time, what was recorded before it."""
        random = Random(self.seed)
        for name, rows in self.rows.items():
            kept = [row for row in rows if recorded_before is None or row["recorded_at"] < recorded_before]
            random.shuffle(kept)
            (raw / name).mkdir(parents=True, exist_ok=True)
            for part in range(FILES):
                pq.write_table(_table(name, kept[part::FILES]), raw / name / f"part-{part}.parquet")
        Source("late", "CNY", "2023-03-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00", "", {}).write(raw)

    def _some_dates(self) -> list[int]:
        """Random times; the last two are a microsecond apart."""
        random = self._random
        drawn = {START + random.randrange(100 * DAY_US, DAYS * DAY_US) for _ in range(self.dates_each - 1)}
        return sorted(drawn | {max(drawn) + 1})

    def _moment(self) -> int:
        """When something happens: anywhere, or at the edge of a window of one of the dates."""
        random = self._random
        if random.random() < 0.6:
            return START + random.randrange(DAYS * DAY_US)
        return random.choice(self._at) - random.choice(WINDOWS) * DAY_US + random.choice((-1, 0, 1))

    def _learnt(self, event: int) -> int:
        """When the bank learns of it: at once, soon, late, ahead, or at the edge of a date."""
        random = self._random
        how = random.random()
        if how < 0.5:
            return event
        if how < 0.65:
            return event + random.randrange(DAY_US)
        if how < 0.8:
            return event + random.randrange(120 * DAY_US)
        if how < 0.85:
            return event - random.randrange(3 * DAY_US)
        return random.choice(self._at) + random.choice((-1, 0, 1))

    def _relearnt(self, before: int) -> int:
        """When it is recorded again: later, often at the edge of a date."""
        edge = self._random.choice(self._at) + self._random.choice((-1, 0, 1))
        if edge > before and self._random.random() < 0.5:
            return edge
        return before + self._random.randrange(1, 60 * DAY_US)

    def _tell(self, table: str, first: Row, *corrections: Row) -> None:
        """A fact, and what it is corrected to: each correction says what is other than before."""
        recorded, row = self._learnt(first[BY_NAME[table].event]), first
        self._record(table, row, recorded)
        for changed in corrections:
            recorded, row = self._relearnt(recorded), {**row, **changed}
            self._record(table, row, recorded)

    def _record(self, table: str, row: Row, recorded: int) -> None:
        """The same key at the same moment with other content is no bank's table."""
        once = (table, *(row[name] for name in BY_NAME[table].key), recorded)
        if once not in self._recorded:
            self._recorded.add(once)
            self.rows[table].append({**row, "recorded_at": recorded})

    def _times(self, share: float = 0.35) -> range:
        """How often something is corrected."""
        return range(self._random.randint(1, 3) if self._random.random() < share else 0)

    def _maybe(self, *values: Any) -> Any:
        return self._random.choice((None, *values))

    def _products(self) -> None:
        for product, family in (("p0", "fund"), ("p1", "deposit"), ("p2", "card"), ("p3", "pension")):
            for version in range(3):
                told = {"product_id": product, "valid_from": START + version * 200 * DAY_US, "family": family}
                levels = [
                    {"risk_level": f"R{self._random.randint(1, 5)}", "seller_risk_level": self._maybe("R2")}
                    for _ in range(3)
                ]
                self._tell("products", {**told, **levels[0]}, *levels[1:])

    def _rates(self) -> None:
        for day in range(-30, DAYS, 20):
            rates = [{"rate": float(self._random.randint(5, 9))} for _ in range(3)]
            self._tell("fx_rates", {"currency": "USD", "as_of": START + day * DAY_US, **rates[0]}, *rates[1:])

    def _customer(self, name: str) -> None:
        random = self._random
        joined = START - random.randrange(900 * DAY_US)
        known = {"customer_id": name, "joined_at": joined}
        self._tell("customers", {**known, "valid_from": joined, **self._person()})
        for _ in range(random.randint(0, 3)):
            others = [self._person() for _ in self._times()]
            self._tell("customers", {**known, "valid_from": self._moment(), **self._person()}, *others)
        for number, kind in enumerate(("current", "savings", "card")):
            self._account(name, f"{name}-{number}", kind, joined)
        self._loans(name)
        for number in range(8):
            self._holding(name)
            self._talk(name, number)

    def _person(self) -> Row:
        random = self._random
        return {
            "region": random.choice("NS"), "occupation": random.choice("ab"),
            "income_monthly": self._maybe(random.randrange(10**6)),
            "risk_level": self._maybe("C1", "C3", "C5"), "relationship_manager": self._maybe("rm"),
        }  # fmt: skip

    def _account(self, name: str, account: str, kind: str, joined: int) -> None:
        random = self._random
        first = {
            "account_id": account, "valid_from": joined, "type": kind, "currency": "CNY",
            "opened_at": joined, "credit_limit": 500_000 if kind == "card" else None, "closed_at": None,
        }  # fmt: skip
        changes = [
            {"closed_at": self._maybe(self._moment()), "credit_limit": self._maybe(random.randrange(10**6))}
            for _ in self._times()
        ]
        self._tell("accounts", first, *changes)
        if random.random() < 0.5:
            self._tell("accounts", {**first, "valid_from": self._moment(), "credit_limit": 10_000})
        right = {"account_id": account, "customer_id": name, "valid_from": joined, "role": "owner"}
        roles = [{"role": random.choice(("owner", "authorised"))} for _ in self._times(0.2)]
        self._tell("account_owners", right, *roles)
        guest = {**right, "customer_id": f"c{random.randrange(self.customers)}", "role": "authorised"}
        if guest["customer_id"] != name:
            self._tell("account_owners", guest, *({"role": random.choice(("owner", "authorised"))},))

    def _booking(self, name: str, number: int) -> None:
        corrections = [self._other_booking(name) for _ in self._times()]
        first = {"booking_id": f"{name}-b{number}", **self._a_booking(name)}
        self._tell("bookings", first, *corrections)

    def _a_booking(self, name: str) -> Row:
        random = self._random
        return {
            "account_id": f"{name}-{random.randrange(3)}", "booked_at": self._moment(),
            "amount": random.randrange(-90_000, 90_000), "currency": random.choice(("CNY", "CNY", "USD")),
            "is_cash": self._maybe(True, False), "channel": self._maybe("mobile", "atm", "branch"),
            "category": self._maybe("salary", "fee", "rent"), "counterparty_id": self._maybe("x", "y", "z"),
            "counterparty_country": self._maybe("CN", "US"),
            "balance_after": self._maybe(*(random.randrange(-50_000, 500_000) for _ in range(4))),
        }  # fmt: skip

    def _other_booking(self, name: str) -> Row:
        """What a correction changes: the amount, the time, the account (even a stranger's), or all of it."""
        random = self._random
        whole = self._a_booking(name)
        stranger = f"c{random.randrange(self.customers)}-{random.randrange(3)}"
        return random.choice((
            {"amount": whole["amount"]},
            {"booked_at": whole["booked_at"]},
            {"account_id": whole["account_id"]},
            {"account_id": stranger},
            {},
            whole,
        ))  # fmt: skip

    def _loans(self, name: str) -> None:
        random = self._random
        states = ("running", "running_in_debt", "repaid", "written_off", None)
        for number in range(2):
            loan = f"{name}-l{number}"
            first = {
                "loan_id": loan, "customer_id": name, "granted_at": self._moment(), "amount": 1_200_000,
                "currency": "CNY", "term_months": 12, "instalment": random.randrange(1, 200_000),
                "status": "running",
            }  # fmt: skip
            changes = [{"status": random.choice(states), "granted_at": self._moment()} for _ in self._times()]
            self._tell("loans", first, *changes)
            for due in sorted({self._moment() for _ in range(9)}):
                paid = [
                    {"paid_at": self._paid(due), "paid_amount": amount}
                    for amount in (random.randrange(90_000),) * random.randint(0, 2)
                ]
                self._tell("repayments", {"loan_id": loan, "due_at": due, "due_amount": 90_000}, *paid)

    def _paid(self, due: int) -> int:
        """When an instalment is paid: about when it is due, or at the edge of a date."""
        if self._random.random() < 0.7:
            return due + self._random.randrange(-2 * DAY_US, 50 * DAY_US)
        return self._random.choice(self._at) + self._random.choice((-1, 0, 1))

    def _holding(self, name: str) -> None:
        random = self._random
        first = {
            "customer_id": name, "product_id": f"p{random.randrange(4)}", "opened_at": self._moment(),
            "amount": random.randrange(10**6), "currency": random.choice(("CNY", "USD", None)),
        }  # fmt: skip
        changes = [
            {"closed_at": self._maybe(self._moment()), "value": self._maybe(random.randrange(10**6))}
            for _ in self._times()
        ]
        self._tell("holdings", first, *changes)

    def _talk(self, name: str, number: int) -> None:
        random = self._random

        def talk() -> Row:
            return {
                "at": self._moment(), "channel": random.choice(("app", "phone")),
                "topic": self._maybe("complaint"), "rating": self._maybe(1, 3, 5),
                "outcome": self._maybe("open"), "direction": self._maybe("inbound", "outbound"),
            }  # fmt: skip

        def offer() -> Row:
            return {
                "at": self._moment(), "product_id": "p0", "arm": self._maybe("treated", "control"),
                "outcome": self._maybe("accepted", "ignored"), "outcome_at": self._maybe(self._moment()),
            }  # fmt: skip

        known = {"customer_id": name}
        self._tell(
            "interactions", {"interaction_id": f"{name}-i{number}", **known, **talk()},
            *(talk() for _ in self._times()),
        )  # fmt: skip
        self._tell(
            "offers", {"offer_id": f"{name}-o{number}", **known, **offer()},
            *(offer() for _ in self._times()),
        )  # fmt: skip
        asked = {"application_id": f"{name}-q{number}", **known, "currency": "CNY", "term_months": 6}
        amounts = [
            {"amount": random.randrange(10**6), "at": self._moment(), "outcome": self._maybe("refused")}
            for _ in range(1 + len(self._times()))
        ]
        self._tell("applications", {**asked, **amounts[0]}, *amounts[1:])
        scores = [{"score": float(random.randrange(900))} for _ in range(1 + len(self._times()))]
        self._tell("bureau", {**known, "as_of": self._moment(), **scores[0]}, *scores[1:])
        states = [{"state": random.choice(("given", "withdrawn"))} for _ in range(1 + len(self._times()))]
        where = {
            "channel": random.choice(("email", "app")),
            "purpose": random.choice(("marketing", "profiling")),
        }
        self._tell("consents", {**known, **where, "at": self._moment(), **states[0]}, *states[1:])


def _table(name: str, rows: list[Row]) -> pa.Table:
    contract = BY_NAME[name]
    columns = [_column(column, [row.get(column.name) for row in rows]) for column in contract.columns]
    return pa.Table.from_arrays(columns, schema=contract.schema)


def _column(column: Column, values: list[Any]) -> pa.Array:
    if column.kind is Kind.MONEY:
        return pa.array(
            [None if cents is None else Decimal(cents).scaleb(-2) for cents in values], pa.decimal128(18, 2)
        )
    if column.kind is Kind.TIME:
        return pa.array(values, pa.int64()).cast(TIME)
    return pa.array(values, arrow(column.kind))
