"""What a credit answer carries: terms of an approval, the notice of every other outcome."""

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from feature_repo.rows.reading import NO_ROW
from feature_repo.zones import CODE
from serving.deciding import credit
from serving.deciding.asking import CreditRequest, Stamp
from serving.deciding.loaded import Loaded
from serving.deciding.online import Snapshot
from serving.deciding.records import Case, Decision
from tests.conftest import AT, EVENT_US, Tiny, feature_row
from tests.serving.conftest import Bank
from training.release.verify import verify

PATH = "/v1/decisions/credit"
GOOD = {"balance_mean_90d": 9_000.0, "income_monthly": 9_000.0}


@pytest.fixture(scope="module")
def loaded(whole_tiny: Tiny) -> Loaded:
    return Loaded.of(verify(whole_tiny.releases, whole_tiny.release, whole_tiny.trust))


def decided(loaded: Loaded, at: str = AT.isoformat(), event_us: int = EVENT_US, **told: Any) -> Decision:
    """One decision: a good customer asks for 6,000 over 24 months, except for what is told."""
    fields = CreditRequest.__dataclass_fields__
    asked: dict[str, Any] = {"customer_id": "ann", "amount": 6_000.0, "term_months": 24} | {
        name: told.pop(name) for name in list(told) if name in fields
    }
    origin = loaded.runtime.manifest.origin
    row = feature_row(**GOOD | told)
    values = np.array([[row.get(name, np.nan) for name in origin.columns]])
    times = np.full((1, len(origin.views)), event_us, np.int64)
    if asked["customer_id"] is None:
        values, times = np.full_like(values, np.nan), np.full_like(times, NO_ROW)
    stamp = Stamp("d-1", "r-1", at, "test")
    case = Case(credit.USE_CASE, CreditRequest(**asked), stamp, Snapshot(origin, values, times), 0)
    return credit.credit_decision([case], loaded)[0]


def answer(loaded: Loaded, **told: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decided(loaded, **told).body)
    return found


def held(said: dict[str, Any]) -> set[str]:
    return {rule["code"] for rule in said["rules"]}


def test_an_approval_carries_its_terms_and_owes_no_notice(loaded: Loaded) -> None:
    decision = decided(loaded)
    said, kept = json.loads(decision.body), json.loads(decision.record.payload)
    assert (said["outcome"], said["grade"]) == ("approve", "A")
    assert said["terms"] == {
        "amount": 6_000.0, "term_months": 24, "rate": 0.045, "instalment": 261.89, "limit": 500_000.0,
    }  # fmt: skip
    assert said["terms"] == kept["terms"]
    assert said["adverse_action"] is None
    assert "decision id" in said["review"]["en"]


@pytest.mark.parametrize(
    ("told", "outcome", "codes"),
    [
        pytest.param({"days_past_due": 45.0}, "decline", ["LEND-04"], id="late"),
        pytest.param({"income_monthly": 650.0}, "decline", ["LEND-17"], id="little-left"),
        pytest.param({"loans_written_off": 1.0}, "decline", ["LEND-19"], id="written-off"),
        pytest.param({"exposure_total": 700_000.0}, "refer", ["LEND-23"], id="owes-much"),
        pytest.param({"customer_id": None, "declared_income": 9_000.0}, "decline", ["not_known"], id="new"),
        pytest.param({"term_months": 240}, "refer", ["LEND-13"], id="a-long-term"),
        pytest.param({"exposure_total": np.nan}, "refer", ["POLICY_UNAVAILABLE"], id="owed-is-not-known"),
    ],
)  # fmt: skip
def test_what_is_no_approval_has_a_notice_with_its_reasons(
    loaded: Loaded, told: dict[str, Any], outcome: str, codes: list[str]
) -> None:
    decision = decided(loaded, **told)
    said, kept = json.loads(decision.body), json.loads(decision.record.payload)
    notice = said["adverse_action"]
    assert (said["outcome"], notice["outcome"], notice["reasons"][:1]) == (outcome, outcome, codes)
    assert notice["reasons"] == [reason["code"] for reason in said["reasons"]]
    assert said["terms"] is None
    assert all(reason["en"] in notice["text"] for reason in said["reasons"])
    assert datetime.fromisoformat(notice["due_at"]) == AT + timedelta(days=30)
    assert datetime.fromisoformat(notice["appeal_until"]) == AT + timedelta(days=60)
    assert hashlib.sha256(notice["text"].encode()).hexdigest() == notice["digest"]
    assert kept["adverse_action"] == {name: notice[name] for name in notice if name != "text"}
    assert said["review"]["zh"]


def test_a_notice_speaks_the_language_that_was_asked_for(loaded: Loaded) -> None:
    chinese = answer(loaded, days_past_due=45.0, language="zh")["adverse_action"]
    assert chinese["language"] == "zh"
    assert "已逾期" in chinese["text"]
    assert answer(loaded, days_past_due=45.0)["adverse_action"]["language"] == "en"


@pytest.mark.parametrize(
    ("known", "named"),
    [
        pytest.param({}, False, id="no-report"),
        pytest.param({"bureau_delinquencies": 0.0}, True, id="a-report-was-read"),
        pytest.param({"bureau_delinquencies": 5.0}, True, id="a-report-decided"),
    ],
)
def test_a_bureau_is_named_where_its_report_was_read(
    loaded: Loaded, known: dict[str, float], named: bool
) -> None:
    text = answer(loaded, days_past_due=45.0, **known)["adverse_action"]["text"]
    assert ("We used a report of the credit bureau" in text) == named


SHANGHAI, HONOLULU = float(CODE["Asia/Shanghai"]), float(CODE["Pacific/Honolulu"])


@pytest.mark.parametrize(
    ("at", "zone", "age", "codes"),
    [
        pytest.param("2026-12-31T12:00:00+00:00", SHANGHAI, 17.0, {"LEND-05"}, id="the-last-day-as-a-minor"),
        pytest.param("2026-12-31T16:00:00+00:00", SHANGHAI, 17.0, {"LEND-18"}, id="new-year-in-shanghai"),
        pytest.param("2027-01-01T09:59:00+00:00", HONOLULU, 17.0, {"LEND-05"}, id="not-yet-in-honolulu"),
        pytest.param("2027-01-01T10:00:00+00:00", HONOLULU, 17.0, {"LEND-18"}, id="new-year-in-honolulu"),
        pytest.param("2026-12-31T16:00:00+00:00", SHANGHAI, 18.0, set(), id="of-age-for-sure"),
        pytest.param("2026-12-31T12:00:00+00:00", SHANGHAI, 18.0, {"LEND-18"}, id="perhaps-of-age"),
    ],
)
def test_age_is_by_the_year_where_the_applicant_is(
    loaded: Loaded, at: str, zone: float, age: float, codes: set[str]
) -> None:
    """The profile is of February 2026, when the year of birth made them `age`."""
    said = answer(loaded, at=at, time_zone=zone, age_years=age)
    assert held(said) & {"LEND-05", "LEND-18"} == codes


def test_the_price_is_not_changed_by_who_asks(loaded: Loaded) -> None:
    people = [{"age_years": a, "is_female": f} for a in (20.0, 40.0, 90.0) for f in (0.0, 1.0, np.nan)]
    terms = [answer(loaded, **each)["terms"] for each in people]
    assert all(each == terms[0] and each is not None for each in terms)


def test_over_http_a_refusal_is_read_in_chinese_and_found_in_the_record(bank: Bank) -> None:
    body = {"customer_id": "dan", "amount": 50_000.0, "term_months": 24, "language": "zh"}
    said = bank.client.post(PATH, json=body, headers=bank.token()).json()
    assert said["outcome"] == "decline"
    assert "无法批准" in said["adverse_action"]["text"]
    assert said["decision_id"] in said["adverse_action"]["text"]
    record = json.loads(bank.log.find(said["decision_id"]))
    assert record["request"]["language"] == "zh"
    assert record["adverse_action"]["digest"] == said["adverse_action"]["digest"]


def test_over_http_a_language_that_is_not_ours_is_refused(bank: Bank) -> None:
    body = {"customer_id": "dan", "amount": 50_000.0, "term_months": 24, "language": "fr"}
    assert bank.client.post(PATH, json=body, headers=bank.token()).status_code == 422


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        pytest.param(0.0, 422, id="nothing"),
        pytest.param(0.005, 422, id="half-a-cent"),
        pytest.param(0.01, 200, id="a-cent"),
        pytest.param(0.02, 200, id="two-cents"),
        pytest.param(49_999.99, 200, id="whole-cents"),
        pytest.param(49_999.995, 422, id="part-of-a-cent"),
        pytest.param(1e9, 200, id="the-largest"),
        pytest.param(1e9 + 0.01, 422, id="beyond-the-largest"),
    ],
)
def test_an_amount_is_whole_cents_within_its_bounds(bank: Bank, amount: float, status: int) -> None:
    body = {"customer_id": "ann", "amount": amount, "term_months": 24}
    assert bank.client.post(PATH, json=body, headers=bank.token()).status_code == status
