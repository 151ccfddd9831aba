"""The audit of cases, on a file and on PostgreSQL: their chain, and the decisions they are of."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.cases.referral import referral
from crm_rules.cases.store import CaseStore
from crm_rules.governance.demo import make_demo
from crm_rules.policy import STANDARD, Policy
from feature_repo.settings import Settings
from monitoring.audit import Evidence
from monitoring.case_audit import cases
from monitoring.decision_log import DecisionLogs, Record

AT = datetime(2026, 1, 1, tzinfo=UTC)
LIMITS = Policy.load(STANDARD).cases
SAID: dict[str, Any] = {
    "decision_id": "d1", "use_case": "credit", "customer_id": "ann", "at": AT.isoformat(), "outcome": "refer",
    "request": {"amount": 9.0, "term_months": 9}, "rules": ["LEND-02"], "scores": {"grade": "C"},
    "reasons": [], "release": "ab", "policy": "1", "case": {"id": "d1", "due_at": AT.isoformat()},
}  # fmt: skip
CONDUCT = Opening("conduct-1", CaseKind.CONDUCT, "ann", AT, {"rule": "CDT-01"})


@pytest.fixture
def kept(settings: Settings) -> Settings:
    """A referred decision, its case, and a conduct case, which is of no decision."""
    make_demo(settings.trust_file, settings.keys, AT)
    log = DecisionLogs.of(settings).open("worker-1")
    log.append([Record("d1", AT.isoformat(), "credit", "ann", json.dumps(SAID).encode())])
    log.close()
    opened(settings, referral(SAID), CONDUCT)
    return settings


def opened(settings: Settings, *openings: Opening) -> None:
    with store_of(settings) as store:
        store.open_many(openings, LIMITS)


def store_of(settings: Settings) -> CaseStore:
    return CaseStore.open(settings.cases, settings.database.get_secret_value(), settings.heads)


def problems(settings: Settings) -> tuple[str, ...]:
    return tuple(problem for check in cases(Evidence(settings)) for problem in check.problems)


def test_cases_as_they_were_written_are_intact(kept: Settings) -> None:
    [check] = cases(Evidence(kept))
    assert (check.name, check.entries, check.problems) == ("cases", 2, ())


def test_a_bank_without_cases_has_nothing_to_check(settings: Settings) -> None:
    assert list(cases(Evidence(settings))) == []


def test_a_case_of_a_decision_that_was_erased_is_intact(kept: Settings) -> None:
    log = DecisionLogs.of(kept).open("worker-1")
    log.erase("d1", AT.isoformat())
    log.close()
    assert problems(kept) == ()


def _of_no_decision(settings: Settings) -> None:
    opened(settings, referral(SAID | {"decision_id": "d2"}))


def _another_amount(settings: Settings) -> None:
    other = {**SAID, "request": {"amount": 1e9, "term_months": 9}}
    said = referral(other)
    opened(settings, Opening("review-d1", CaseKind.REVIEW, "ann", AT, said.about))


def _row_gone(settings: Settings) -> None:
    with store_of(settings) as store:
        store._database.ask("DELETE FROM case_events WHERE seq = 1")


def _everything_gone(settings: Settings) -> None:
    with store_of(settings) as store:
        store._database.ask("DELETE FROM case_events")
        store._database.ask("DELETE FROM chain")


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        pytest.param(_of_no_decision, "no decision 'd2' is in the log", id="of-no-decision"),
        pytest.param(_another_amount, "it says another amount than its decision", id="another-amount"),
        pytest.param(_row_gone, "its content is gone", id="a-row-gone"),
        pytest.param(_everything_gone, "entry 2: it was anchored and is gone", id="everything-gone"),
    ],
)
def test_what_somebody_did_to_cases_is_named(
    kept: Settings, tamper: Callable[[Settings], None], says: str
) -> None:
    tamper(kept)
    assert any(says in problem for problem in problems(kept))
