"""Small stories of Ann's rows, each with what her features come to on 1 July 2025.

The stories of a file are told in one bank: in each, Ann and her accounts, loans and bookings get the
story's own names, so that many stories cost one computation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo import build
from feature_repo.engine import engine
from feature_repo.features.catalogue import BY_NAME, FEATURES
from feature_repo.raw.source import Source
from feature_repo.settings import Machine
from feature_repo.snapshot import TIME
from feature_repo.wide import wide
from tests.feature_repo.conftest import ANN, ANNS, DATE, LONG_AGO, OWNS, Row, written

MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
OWN_NAMES = (
    "customer_id", "account_id", "booking_id", "loan_id", "application_id", "interaction_id", "offer_id",
)  # fmt: skip
Values = dict[str, float | None]


@dataclass(frozen=True)
class Story:
    """Ann's rows by table, and the features they come to."""

    tables: Mapping[str, list[Row]]
    expected: Values


def story(expected: Values, **tables: list[Row]) -> Story:
    """A story of Ann and her current account, unless it brings its own."""
    told = {"customers": [ANN], "accounts": [ANNS], "account_owners": [OWNS], **tables}
    return Story(told, expected)


def tell(raw: Path, stories: Mapping[str, Story], **shared: list[Row]) -> dict[str, Values]:
    """What each story comes to: the features it expects, computed in one bank with the shared rows."""
    tables = {name for told in stories.values() for name in told.tables}
    for table in {*tables, *shared, "bookings"}:
        rows = [
            {**row, **{n: f"{name} {row[n]}" for n in OWN_NAMES if n in row}}
            for name, told in stories.items()
            for row in told.tables.get(table, [])
        ]
        written(raw, table, [*shared.get(table, []), *rows])
    Source("stories", "CNY", LONG_AGO.isoformat(), DATE.isoformat(), "", {}).write(raw)
    names = {f"{name} ann": name for name in stories}
    spine = pa.table({"customer_id": list(names), "as_of": pa.array([DATE] * len(names), TIME)})
    wanted = _with_parts({feature for told in stories.values() for feature in told.expected})
    features = [feature for feature in FEATURES if feature.name in wanted]
    with engine(raw, Machine(2)) as opened:
        (rows,) = (
            opened.arrow(wide(snapshot, features)).to_pylist()
            for snapshot in build.snapshots(opened, raw, spine)
        )
    found = {names[row["customer_id"]]: row for row in rows}
    return {name: {f: found[name][f] for f in told.expected} for name, told in stories.items()}


def _with_parts(names: set[str]) -> set[str]:
    """These features and what they are made of."""
    parts = {part for name in names for part in BY_NAME[name].reads if part in BY_NAME}
    return names | (_with_parts(parts) if parts else set())


def ago(days: float) -> datetime:
    return DATE - timedelta(days=days)


def booking(days: float | datetime, amount: object, balance: object = None, **more: Any) -> Row:
    """A booking on her account; its name is its time and amount."""
    booked = days if isinstance(days, datetime) else ago(days)
    told = {"account_id": "a1", "currency": "CNY", "booked_at": booked, "booking_id": f"{booked} {amount}"}
    return {**told, "amount": amount, "balance_after": balance, **more}


def account(name: str, **more: Any) -> Row:
    return {**ANNS, "account_id": name, **more}


def right(name: str, role: str = "owner", **more: Any) -> Row:
    return {**OWNS, "account_id": name, "role": role, **more}


def version(days: float | datetime, **more: Any) -> Row:
    """A version of her record, valid from then."""
    return {**ANN, "valid_from": days if isinstance(days, datetime) else ago(days), **more}


def of_ann(**more: Any) -> Callable[..., Row]:
    """A maker of rows of hers that share those columns."""
    return lambda **other: {"customer_id": "ann", **more, **other}
