"""What a date sees, computed twice: by the platform, and by a clerk who replays what the bank learnt."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from math import isclose, isnan
from pathlib import Path
from random import Random

import pandas as pd
import pyarrow as pa
import pytest

from feature_repo import build, store
from feature_repo.features.catalogue import BY_NAME, VIEWS
from feature_repo.features.services import SERVICES
from feature_repo.settings import Machine, Settings
from feature_repo.snapshot import DAY_US, TIME
from tests.feature_repo.clerk import Values, replayed
from tests.feature_repo.late_bank import START, LateBank

Known = dict[tuple[str, int], dict[str, float | None]]
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Feast leaves its metrics files open
]
BOOKINGS = 34_000  # rows of each of three banks: more than 100,000 in all


def computed(raw: Path, spine: pa.Table, machine: Machine) -> Known:
    """All features of every spine row whose customer is known."""
    tables = build.feature_tables(raw, spine, machine)
    found: Known = {}
    for table in tables.values():
        times = table["event_timestamp"].cast(pa.int64()).to_pylist()
        for who, at, row in zip(table["customer_id"].to_pylist(), times, table.to_pylist(), strict=True):
            found.setdefault((who, at), {}).update(row)
    return found


def pairs(bank: LateBank) -> list[tuple[str, int]]:
    return [(who, at) for who, dates in bank.dates.items() for at in dates]


def differing(given: dict[str, float | None], wanted: Values) -> list[str]:
    return [name for name, value in wanted.items() if not same(given[name], value)]


def same(one: float | None, other: float | None) -> bool:
    if one is None or isnan(one) or other is None:
        return (one is None or isnan(one)) and other is None
    return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_row_of_a_late_and_corrected_bank_leaks(seed: int, tmp_path: Path) -> None:
    bank = LateBank(seed, customers=120, facts=180)
    assert len(bank.rows["bookings"]) >= BOOKINGS
    bank.write(tmp_path)
    found = computed(tmp_path, bank.spine(), Machine(2))
    told = {(who, at): values for who, at, values in replayed(bank.rows, pairs(bank)) if values is not None}
    assert set(found) == set(told)
    assert len(told) > 650
    wrong = Counter(name for key, wanted in told.items() for name in differing(found[key], wanted))
    assert not wrong


def test_the_clerk_would_notice_rows_recorded_at_the_date() -> None:
    """The same replay with every row learnt a microsecond early tells another story in every view."""
    bank = LateBank(4, customers=60, facts=60)
    early = {
        table: [{**row, "recorded_at": row["recorded_at"] - 1} for row in rows]
        for table, rows in bank.rows.items()
    }
    right, leaking = (list(replayed(rows, pairs(bank))) for rows in (bank.rows, early))
    noticed = Counter(
        name
        for (_, _, one), (_, _, other) in zip(right, leaking, strict=True)
        if one is not None and other is not None
        for name in differing(other, one)
    )
    assert {BY_NAME[name].view for name in noticed} == set(VIEWS)
    assert len(noticed) > 40


def test_feast_never_gives_what_was_learnt_later(tmp_path: Path) -> None:
    """Label times at random and at the edges of the built dates; built in time, and again long after."""
    bank = LateBank(5, customers=40, facts=60)
    settings, random = Settings(home=tmp_path), Random(5)
    built = sorted(START + random.randrange(100 * DAY_US, 500 * DAY_US) for _ in range(5))
    asked = [
        (who, at)
        for who in bank.dates
        for at in {*(d + random.choice((-1, 0, 1)) for d in built), *bank.dates[who]}
    ]
    cross = [(who, at) for who in bank.dates for at in built]
    told = {(who, at): values for who, at, values in replayed(bank.rows, cross)}
    names = {name for values in told.values() if values for name in values} & set(SERVICES["propensity_v1"])
    assert len(names) > 20
    for recorded_before in (built[-1], None):  # when the last was built, and when all corrections had come
        bank.write(settings.raw, recorded_before)
        build.build(settings.raw, spine(cross), settings.features, Machine(2))
        store.apply(settings)
        given = historical(settings, asked)
        wrong = []
        for who, at in asked:
            last = bisect_right(built, at) - 1
            wanted = told[who, built[last]] if last >= 0 else None
            expected = {name: wanted and wanted[name] for name in names}
            wrong += differing(given[who, at], expected)
        assert not Counter(wrong)


def spine(rows: Iterable[tuple[str, int]]) -> pa.Table:
    names, times = zip(*rows, strict=True)
    return pa.table({"customer_id": names, "as_of": pa.array(times, pa.int64()).cast(TIME)})


def historical(settings: Settings, asked: list[tuple[str, int]]) -> Known:
    entities = pd.DataFrame(asked, columns=["customer_id", "us"])
    entities["event_timestamp"] = pd.to_datetime(entities["us"], unit="us", utc=True)
    rows = store.historical(settings, entities, "propensity_v1").to_dict("records")
    return {(str(row["customer_id"]), int(row["us"])): row for row in rows}
