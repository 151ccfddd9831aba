"""Odd rows and odd batches over HTTP: answered as described, or refused; nobody is approved by a gap."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from feature_repo.features.services import SERVED
from feature_repo.packed_rows import PackedRows
from serving.api.questions import QUESTIONS
from serving.deciding.online import OnlineRows
from tests.conftest import EVENT_US, IDS, feature_row
from tests.serving.api.driver import Answer, Driver
from tests.serving.api.judge import broken
from tests.serving.conftest import Bank

CREDIT, SEGMENT, NBA = "/v1/decisions/credit", "/v1/score/segment", "/v1/decisions/next-best-action"
SUITS = "/v1/decisions/suitability"
LONG_AGO = EVENT_US - 5 * 365 * 86_400_000_000
ALL = tuple(column for columns in SERVED.values() for column in columns)


def everything(value: float) -> dict[str, float]:
    return dict.fromkeys(ALL, value)


ROWS: dict[str, dict[str, float]] = {
    "nothing-known": everything(np.nan),
    "profile-missing": feature_row(),
    "rows-of-years-ago": feature_row(),
    "huge": everything(1e308),
    "huge-below": everything(-1e308),
    "denormal": everything(5e-324),
    "minus-zero": everything(-0.0),
    "no-income-and-debt": feature_row(income_monthly=0.0, exposure_total=50_000.0, loans_running=2.0),
    "born-tomorrow": feature_row(age_years=-1.0),
    "minor": feature_row(age_years=17.0),
    "adult-today": feature_row(age_years=18.0),
    "very-old": feature_row(age_years=130.0),
    "zone-nobody-knows": feature_row(time_zone=99_999.0),
    "level-nobody-has": feature_row(risk_level=9.0),
    "woman": feature_row(is_female=1.0),
    "man": feature_row(is_female=0.0),
}  # fmt: skip
NEVER_APPROVED = ("nothing-known", "profile-missing", "born-tomorrow", "minor", "huge-below")


@pytest.fixture
def driver(bank: Bank, tmp_path: Path) -> Iterator[Driver]:
    """The tiny bank with these rows and no others."""
    path = tmp_path / "odd.db"
    with PackedRows.open(path, read_only=False) as rows:
        for view, columns in SERVED.items():
            known = [name for name in ROWS if (name, view) != ("profile-missing", "profile")]
            values = np.array([[ROWS[name].get(column, np.nan) for column in columns] for name in known])
            rows.write(view, columns, known, [_time(name) for name in known], values)
        rows.write("owned", IDS, list(ROWS), [_time(name) for name in ROWS], np.zeros((len(ROWS), len(IDS))))
    serving = bank.desk.engine.serving
    release = serving.scorer.loaded.runtime
    opened = PackedRows.open(path)
    online = OnlineRows(opened, release.manifest.origin, release.digest)
    bank.desk.engine.serving = replace(serving, scorer=replace(serving.scorer, online=online))
    with Driver(bank.app, bank.token()) as driver:
        yield driver
    opened.close()


def _time(name: str) -> int:
    return LONG_AGO if name == "rows-of-years-ago" else EVENT_US


def body_of(path: str, customer: str | None) -> dict[str, Any]:
    more = {
        CREDIT: {"amount": 6000, "term_months": 24},
        "/v1/decisions/suitability": {"product_id": "fund-money"},
    }
    return {"customer_id": customer, **more.get(path, {})}


def ask(driver: Driver, path: str, body: object) -> Answer:
    answer = driver.post(path, orjson.dumps(body))
    assert broken("POST", path, answer.status, answer.media, answer.body) == []
    return answer


def said(driver: Driver, path: str, body: object) -> dict[str, Any]:
    answer = ask(driver, path, body)
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


def plain(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what is its own: ids, and the letter that quotes one."""
    own = {"decision_id", "request_id", "customer_id", "adverse_action", "case"}
    return {name: value for name, value in answer.items() if name not in own}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.path)
def test_every_odd_row_is_answered_as_described(driver: Driver, question: Any) -> None:
    for customer in ROWS:
        said(driver, question.path, body_of(question.path, customer))


@pytest.mark.parametrize("customer", NEVER_APPROVED)
def test_a_gap_or_a_minor_is_not_approved(driver: Driver, customer: str) -> None:
    assert said(driver, CREDIT, body_of(CREDIT, customer))["outcome"] != "approve"


def test_a_missing_view_is_named_and_a_person_decides(driver: Driver) -> None:
    found = said(driver, CREDIT, body_of(CREDIT, "profile-missing"))
    assert (found["degraded"], found["outcome"], found["automation"]) == (["profile"], "refer", "person")


def test_the_age_of_the_data_is_told(driver: Driver) -> None:
    times = [
        said(driver, SEGMENT, body_of(SEGMENT, name))["feature_time"] for name in ("man", "rows-of-years-ago")
    ]
    assert [time[:4] for time in times] == ["2026", "2021"]


@pytest.mark.parametrize("path", [question.path for question in QUESTIONS if question.path != CREDIT])
def test_who_is_unknown_is_a_404_alone_and_in_a_batch(driver: Driver, path: str) -> None:
    assert ask(driver, path, body_of(path, "nobody")).status == 404
    rows = said(driver, f"{path}:batch", {"items": [body_of(path, name) for name in ("nobody", "man")]})[
        "items"
    ]
    assert [row["status"] for row in rows] == [404, 200]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda each: each.path)
def test_the_order_of_a_batch_and_its_company_change_no_score(driver: Driver, question: Any) -> None:
    path, names = question.path, [*ROWS]
    alone = [plain(said(driver, path, body_of(path, name))) for name in names]
    for order in (names, names[::-1], sorted(names)):
        rows = said(driver, f"{path}:batch", {"items": [body_of(path, name) for name in order]})["items"]
        found = {name: plain(row["answer"]) for name, row in zip(order, rows, strict=True)}
        assert [found[name] for name in names] == alone


def test_the_same_customer_twice_in_a_batch_is_answered_twice_alike(driver: Driver) -> None:
    items = [body_of(NBA, "man")] * 2
    one, two = (row["answer"] for row in said(driver, f"{NBA}:batch", {"items": items})["items"])
    assert plain(one) == plain(two)
    assert one["decision_id"] != two["decision_id"]


@pytest.mark.parametrize(("size", "status"), [(0, 422), (1, 200), (1_000, 200), (1_001, 422)])
def test_a_batch_holds_one_to_a_thousand(driver: Driver, bank: Bank, size: int, status: int) -> None:
    items = [body_of(SEGMENT, "man")] * size
    assert driver.post(f"{SEGMENT}:batch", orjson.dumps({"items": items})).status == status
    assert len(bank.log.records) == (size if status == 200 else 0)


@pytest.mark.parametrize("place", ["in-the-body", "in-an-item", "beside-the-items"])
def test_a_field_that_means_nothing_is_a_422_and_no_other_score(
    driver: Driver, bank: Bank, place: str
) -> None:
    body, more = body_of(CREDIT, "man"), {"gender": "f"}
    asked = {
        "in-the-body": (CREDIT, body | more),
        "in-an-item": (f"{CREDIT}:batch", {"items": [body | more]}),
        "beside-the-items": (f"{CREDIT}:batch", {"items": [body]} | more),
    }[place]
    assert ask(driver, *asked).status == 422
    assert not bank.log.records


@pytest.mark.parametrize("path", [CREDIT, NBA, "/v1/score/propensity"])
def test_a_protected_attribute_changes_nothing(driver: Driver, path: str) -> None:
    woman, man = (plain(said(driver, path, body_of(path, name))) for name in ("woman", "man"))
    assert woman == man


def test_more_income_never_means_more_risk(driver: Driver) -> None:
    risks = [
        said(driver, CREDIT, body_of(CREDIT, None) | {"declared_income": income})["probability_of_default"]
        for income in (0, 1, 100, 500, 1_000, 2_000, 4_000, 1e6, 1e9)
    ]
    assert risks == sorted(risks, reverse=True)
