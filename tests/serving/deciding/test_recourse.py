"""What somebody is told to change does change the decision: every way, for thousands of applications."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from crm_rules.lending.recourse import CHANGED_FEATURES
from feature_repo.rows.reading import NO_ROW
from serving.deciding import credit
from serving.deciding.asking import CreditRequest
from serving.deciding.loaded import Loaded
from serving.deciding.online import Snapshot
from serving.deciding.records import Case
from tests.conftest import EVENT_US, Tiny, feature_row, stamp
from training.release.verify import verify

CASES = 4_000
PAID = {"WAY-card": "credit_utilisation", "WAY-arrears": "days_past_due"}
FIELD = {"WAY-amount": "amount", "WAY-term_months": "term_months", "WAY-co_applicant": "co_applicant"}

FEW = {
    "is_company": [0, 0, 0, 1], "loans_written_off": [0] * 49 + [1],
    "applications_refused_365d": [0] * 24 + [1] * 24 + [3],
    "bureau_delinquencies": [0] * 24 + [4] * 24 + [5],
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(whole_tiny: Tiny) -> Loaded:
    return Loaded.of(verify(whole_tiny.releases, whole_tiny.release, whole_tiny.trust))


@pytest.fixture(scope="module")
def town(loaded: Loaded) -> tuple[Snapshot, list[CreditRequest]]:
    """Applicants of all kinds, a tenth of everything unknown, a tenth of them new to the bank."""
    rng = np.random.default_rng(8)
    origin = loaded.runtime.manifest.origin
    row = feature_row(credit_utilisation=0.6, instalments_monthly=150.0, exposure_total=9_000.0)
    usual = np.array([row.get(name, 1.0) for name in origin.columns])
    values = usual * np.exp(rng.normal(size=(CASES, len(usual))))
    values[:, origin.position["days_past_due"]] = rng.choice([0, 0, 0, 12, 45], CASES)
    for name, among in FEW.items():
        values[:, origin.position[name]] = rng.choice(among, CASES)
    values[rng.random(values.shape) < 0.02] = np.nan
    values[:, origin.position["age_years"]] = rng.uniform(16, 80, CASES)
    times = np.full((CASES, len(origin.views)), EVENT_US, np.int64)
    new = rng.random(CASES) < 0.1
    values[new], times[new] = np.nan, NO_ROW
    amounts, terms = np.round(np.exp(rng.normal(9.5, 1.5, CASES))), rng.choice([6, 24, 60, 84], CASES)
    asked = [
        CreditRequest(f"c{row}", float(amounts[row]), int(terms[row]), float(rng.uniform(500, 9_000)),
                      bool(rng.random() < 0.2))
        for row in range(CASES)
    ]  # fmt: skip
    return Snapshot(origin, values, times), asked


def decided(
    snapshot: Snapshot, asked: Sequence[CreditRequest], loaded: Loaded, lost: tuple[str, ...] = ()
) -> list[dict[str, Any]]:
    cases = [Case(credit.USE_CASE, each, stamp(at), snapshot, at, lost) for at, each in enumerate(asked)]
    return [json.loads(each.body) for each in credit.credit_decision(cases, loaded)]


def changed(
    snapshot: Snapshot, asked: CreditRequest, row: int, way: list[dict[str, Any]]
) -> tuple[Snapshot, CreditRequest]:
    """The same applicant after doing what the way says; a payment made good leaves the account."""
    values, request = snapshot.values[[row]].copy(), asked.as_record()
    place = snapshot.origin.position
    for each in way:
        if each["code"] in FIELD:
            request[FIELD[each["code"]]] = each["to"]
        else:
            values[0, place[PAID[each["code"]]]] = each["to"]
        if each["code"] == "WAY-arrears":
            owed = values[0, place["instalments_monthly"]] * (1 + each["from"] // 30)
            values[0, place["balance_last"]] -= owed
    request["co_applicant"] = bool(request["co_applicant"])
    return Snapshot(snapshot.origin, values, snapshot.event_us[[row]]), CreditRequest(**request)  # type: ignore[arg-type]


def test_every_way_that_is_told_leads_to_an_approval(
    town: tuple[Snapshot, list[CreditRequest]], loaded: Loaded
) -> None:
    snapshot, asked = town
    answers, tried = decided(snapshot, asked, loaded), 0
    again, requests = [], []
    for row, answer in enumerate(answers):
        for way in answer["recourse"]:
            one, request = changed(snapshot, asked[row], row, way)
            again.append(one)
            requests.append(request)
            tried += 1
    together = Snapshot(
        snapshot.origin,
        np.concatenate([each.values for each in again]),
        np.concatenate([each.event_us for each in again]),
    )
    outcomes = [each["outcome"] for each in decided(together, requests, loaded)]
    helped = sum(bool(answer["recourse"]) for answer in answers)
    refused = sum(answer["outcome"] != "approve" for answer in answers)
    assert tried > 800
    assert helped > 0.2 * refused
    assert set(outcomes) == {"approve"}


def test_each_way_is_told_once_and_only_to_those_who_need_it(
    town: tuple[Snapshot, list[CreditRequest]], loaded: Loaded
) -> None:
    most = loaded.rulebook.policy.lending.recourse.ways
    for answer in decided(*town, loaded):
        ways = [frozenset(each["code"] for each in way) for way in answer["recourse"]]
        assert len(ways) <= most
        assert not any(ways[at] <= later for at in range(len(ways)) for later in ways[at + 1 :])
        assert not (answer["outcome"] == "approve" and ways)
        assert bool(answer["recourse_note"]) == bool(ways)
        for way in answer["recourse"]:
            assert all(each["en"] and each["zh"] and each["from"] != each["to"] for each in way)


def test_nobody_is_asked_for_what_cannot_be_changed(
    town: tuple[Snapshot, list[CreditRequest]], loaded: Loaded
) -> None:
    codes = {e["code"] for answer in decided(*town, loaded) for way in answer["recourse"] for e in way}
    assert codes <= {*PAID, *FIELD}
    assert {"WAY-amount", "WAY-term_months", "WAY-arrears"} <= codes
    assert set(CHANGED_FEATURES) == {*PAID.values(), "balance_last"}


def test_where_nothing_the_applicant_does_helps_nothing_is_told(
    town: tuple[Snapshot, list[CreditRequest]], loaded: Loaded
) -> None:
    snapshot, asked = town
    for answer in decided(snapshot, asked, loaded, lost=("credit",)):
        assert answer["recourse"] == []
    minors = (snapshot.column("age_years") < 18) & (snapshot.column("is_company") != 1)
    assert minors.any()
    answers = decided(snapshot, asked, loaded)
    assert all(answers[row]["recourse"] == [] for row in np.flatnonzero(minors))


def test_alone_and_among_thousands_the_same_ways_are_told(
    town: tuple[Snapshot, list[CreditRequest]], loaded: Loaded
) -> None:
    snapshot, asked = town
    together = decided(snapshot, asked, loaded)
    for row in range(0, CASES, 97):
        one = Snapshot(snapshot.origin, snapshot.values[[row]], snapshot.event_us[[row]])
        assert decided(one, [asked[row]], loaded)[0]["recourse"] == together[row]["recourse"]
