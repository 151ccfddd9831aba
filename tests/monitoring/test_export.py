"""A month of decisions as Parquet: what was decided and said, nothing that was altered or erased."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crm_rules.database import open_database
from crm_rules.offers.uses import PLACE, OfferUses, Said
from feature_repo.settings import Settings
from monitoring.batch_log import BatchLog, erase
from monitoring.decision_log import DecisionLogs, Record
from monitoring.errors import NoMonth
from monitoring.export import Exported, export
from monitoring.flattened import SCHEMA, flattened
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from tests.conftest import AT

NOVEMBER, DECEMBER = "2026-11-30T23:59:59.999999+00:00", "2026-12-01T00:00:00+00:00"
FACTORS = np.array([[0.5, 1.0, 5.0, 1.0], [0.25, 1.0, 6.0, 2.0], [0.125, 1.0, 7.0, 1.0]])


def in_base64(numbers: npt.NDArray[np.float64], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers, kind).tobytes()).decode()


def told(decision_id: str, at: str, **more: object) -> Record:
    record: dict[str, object] = {
        "decision_id": decision_id, "request_id": "r", "customer_id": "ann", "at": at, "caller": "app",
        "use_case": "next_best_action", "release": "ab", "policy": "1", "degraded": [], "stops": [],
        "scores": {"loan": 0.25, "segment": "S1", "rfm": [1, 2, 3]}, "outcome": ["LOAN", "FUND"],
        "candidates": {"ranked": [4, 2, 0], "factors": in_base64(FACTORS, "<f4")},
        "arm": "best", "explored": False, "selection_probability": 0.9, "automation": "automated",
        "consent": {"email": 1.0, "app": None}, "reasons": {"loan": [{"code": "inflow_30d"}], "fund": []},
    }  # fmt: skip
    return Record(decision_id, at, "next_best_action", "ann", orjson.dumps({**record, **more}))


@pytest.fixture
def bank(settings: Settings) -> Settings:
    """Four decisions of November, live and of a batch, one of December, and an answer."""
    logs = DecisionLogs.of(settings)
    log = logs.open("worker-1")
    log.append([told("n1", NOVEMBER), told("d1", DECEMBER)])
    credit = {"outcome": "decline", "reasons": [["tenure", 0.5]], "rules": ["LEND-01"], "candidates": None}
    log.append([told("n2", NOVEMBER, use_case="credit", arm=None, consent=None, **credit)])
    log.close()
    with BatchLog(logs, "nightly", NOVEMBER) as batch:
        batch.append([told("b1", NOVEMBER), told("b2", NOVEMBER)])
    url = settings.database.get_secret_value()
    uses = OfferUses(open_database(settings.uses, url, PLACE))
    uses.say(Said("n1", "FUND", "ann", "declined", DECEMBER), None)
    uses.close()
    return settings


def rows(done: Exported) -> dict[str, dict[str, Any]]:
    table = pq.read_table(done.path)
    return {row["decision_id"]: row for row in table.to_pylist()}


def test_a_month_has_its_decisions_and_no_others(bank: Settings, tmp_path: Path) -> None:
    done = export(bank, "2026-11", tmp_path / "out")
    assert (done.decisions, done.erased, done.unverified, done.problems) == (4, 0, 0, ())
    assert list(rows(done)) == ["b1", "b2", "n1", "n2"]
    assert list(rows(export(bank, "2026-12", tmp_path / "out"))) == ["d1"]


def test_a_decision_is_told_in_columns(bank: Settings, tmp_path: Path) -> None:
    found = rows(export(bank, "2026-11", tmp_path / "out"))
    offered, credit = found["n1"], found["n2"]
    assert offered["at"] == datetime.fromisoformat(NOVEMBER)
    assert (offered["scores"], offered["labels"]) == (
        [("loan", 0.25)], [("rfm", "[1,2,3]"), ("segment", "S1")],
    )  # fmt: skip
    assert offered["offers"] == [
        {"offer_id": "LOAN", "P": 0.5, "C": 1.0, "V": 5.0, "L": 1.0, "priority": 2.5},
        {"offer_id": "FUND", "P": 0.25, "C": 1.0, "V": 6.0, "L": 2.0, "priority": 3.0},
    ]
    assert (offered["reasons"], offered["consent"]) == (["loan: inflow_30d"], [("app", None), ("email", 1.0)])
    assert offered["answers"] == [
        {"offer_id": "FUND", "answer": "declined", "at": datetime(2026, 12, 1, tzinfo=UTC)}
    ]
    assert (credit["outcome"], credit["offers"], credit["reasons"], credit["rules"], credit["answers"]) == (
        "decline", None, ["tenure"], ["LEND-01"], [],
    )  # fmt: skip


def test_the_same_log_gives_the_same_bytes_and_a_file_made_from_it_stays(
    bank: Settings, tmp_path: Path
) -> None:
    one, other = (export(bank, "2026-11", tmp_path / name) for name in ("one", "other"))
    assert one.path.read_bytes() == other.path.read_bytes()
    again = export(bank, "2026-11", tmp_path / "one")
    assert (again.written, again.decisions) == (False, 4)
    log = DecisionLogs.of(bank).open("worker-1")
    log.append([told("n3", NOVEMBER)])
    log.close()
    assert (export(bank, "2026-11", tmp_path / "one")).decisions == 5
    assert one.path.stat().st_mode & 0o777 == 0o600


def _in_the_log(bank: Settings) -> None:
    log = DecisionLogs.of(bank).open("worker-1")
    log._database.ask("UPDATE payloads SET payload = ? WHERE decision_id = 'n1'", (b"{}",))
    log.close()


def _in_a_batch(bank: Settings) -> None:
    path = bank.decisions / "batches" / "nightly.parquet"
    table = pq.read_table(path)
    customer = table["customer_id"].to_pylist()
    customer[0] = "bob"
    column = pq.read_schema(path).get_field_index("customer_id")
    pq.write_table(table.set_column(column, table.schema.field(column), [customer]), path)


@pytest.mark.parametrize(
    ("alter", "unverified", "left"),
    [
        pytest.param(_in_the_log, 1, ["b1", "b2", "n2"], id="log"),
        pytest.param(_in_a_batch, 2, ["n1", "n2"], id="batch"),
    ],
)
def test_what_was_altered_is_told_and_left_out(
    bank: Settings, tmp_path: Path, alter: Callable[[Settings], None], unverified: int, left: list[str]
) -> None:
    alter(bank)
    done = export(bank, "2026-11", tmp_path / "out")
    assert (done.unverified, list(rows(done))) == (unverified, left)


def test_what_was_erased_is_left_out(bank: Settings, tmp_path: Path) -> None:
    logs = DecisionLogs.of(bank)
    erase(logs, "b2", DECEMBER)
    log = logs.open("worker-1")
    log.erase("n1", DECEMBER)
    log.close()
    done = export(bank, "2026-11", tmp_path / "out")
    assert (done.erased, done.unverified, list(rows(done))) == (2, 0, ["b1", "n2"])


@pytest.mark.parametrize("month", ["2026-10", "2026-13", "../2026", "2026-1", ""])
def test_a_month_without_decisions_leaves_no_file(bank: Settings, tmp_path: Path, month: str) -> None:
    with pytest.raises(NoMonth, match="--month"):
        export(bank, month, tmp_path / "out")
    assert not list(tmp_path.rglob("*2026-1*"))


def test_a_record_of_an_earlier_version_is_told_alike() -> None:
    earlier = np.column_stack([FACTORS, FACTORS.prod(axis=1)]).T
    candidates = {"ranked": [4, 2, 0], "factors": in_base64(earlier, "<f8")}
    old = told("d", NOVEMBER, candidates=candidates)
    rows = [flattened(orjson.loads(each.payload), ()) for each in (old, told("d", NOVEMBER))]
    assert rows[0] == rows[1]


def test_where_nothing_was_left_no_offer_is_told() -> None:
    nothing = told("d", NOVEMBER, outcome=[], candidates={"ranked": [], "factors": ""})
    assert flattened(orjson.loads(nothing.payload), ())["offers"] == []


def test_a_decision_as_it_is_made_is_told_like_its_answer(scorer: Scorer) -> None:
    stamp = Stamp("d", "r", AT.isoformat(), "app")
    [decision] = scorer.next_best_action([OfferRequest("ann", None, 3)], [stamp])
    assert isinstance(decision, Decision)
    row, answer = flattened(orjson.loads(decision.record.payload), ()), orjson.loads(decision.body)
    offers, names = row["offers"], ("P", "C", "V", "L", "priority")
    assert isinstance(offers, list)
    assert [each["offer_id"] for each in offers] == [each["offer_id"] for each in answer["offers"]] != []
    for found, wanted in zip(offers, answer["offers"], strict=True):
        assert [found[name] for name in names] == pytest.approx([wanted[name] for name in names], rel=1e-5)
    assert row["selection_probability"] == answer["selection_probability"]
    assert pa.Table.from_pylist([row], schema=SCHEMA).num_rows == 1
