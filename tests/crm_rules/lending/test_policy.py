from itertools import product as combinations
from typing import Any

import numpy as np
import pytest

from crm_rules.lending import policy as decided_by
from crm_rules.lending.policy import LENDING_CODES, LENDING_RULES, decide
from crm_rules.policy import Policy
from crm_rules.rules import UNAVAILABLE, Effect, Mask, rule
from tests.crm_rules.lending.conftest import NAN, Make

PERSON = ("LEND-08", "LEND-09", "LEND-10", "LEND-11", UNAVAILABLE)
NEW = {"is_newcomer": True, "age_years": NAN, "instalments_monthly": NAN, "exposure_total": NAN}
CASES: list[tuple[str, dict[str, Any], str, tuple[str, ...]]] = [
    ("good", {}, "approve", ()),
    ("somebody-new", NEW, "approve", ()),
    ("new-and-asks-for-much", NEW | {"amount": 100_001.0, "income_monthly": 20_000.0}, "refer", ("LEND-07",)),
    ("risky", {"pd": 0.3}, "decline", ("LEND-01",)),
    ("between", {"pd": 0.1}, "refer", ("LEND-02",)),
    ("income-zero", {"income_monthly": 0.0}, "decline",
     ("LEND-03", "LEND-16", "LEND-17", "LEND-23", "LEND-24")),
    ("late", {"days_past_due": 45.0}, "decline", ("LEND-04",)),
    ("a-minor", {"age_years": 17.0}, "decline", ("LEND-05",)),
    ("a-young-company", {"age_years": 3.0, "is_company": True}, "approve", ()),
    ("a-company-without-age", {"age_years": NAN, "is_company": True}, "approve", ()),
    ("perhaps-a-minor", {"age_years": 18.0}, "refer", ("LEND-18",)),
    ("a-customer-of-unknown-age", {"age_years": NAN}, "refer", ("LEND-18",)),
    ("large-amount", {"amount": 500_001.0, "income_monthly": 90_000.0}, "refer", ("LEND-06", "LEND-12")),
    ("more-than-the-grade", {"amount": 400_001.0, "income_monthly": 90_000.0}, "refer", ("LEND-12",)),
    ("longer-than-the-grade", {"term_months": 121.0}, "refer", ("LEND-13",)),
    ("grade-for-a-person", {"grade": "F", "term_months": 36.0, "amount": 9_000.0}, "refer", ("LEND-14",)),
    ("grade-that-gets-nothing", {"grade": "G"}, "decline", ("LEND-12", "LEND-13", "LEND-15")),
    ("grade-without-terms", {"grade": "Z"}, "refer", ("LEND-11",)),
    ("no-grade", {"grade": ""}, "refer", ("LEND-11",)),
    ("much-to-pay-already", {"instalments_monthly": 3_000.0}, "decline", ("LEND-16",)),
    ("little-left", {"amount": 5_000.0, "income_monthly": 1_150.0}, "decline", ("LEND-17",)),
    ("written-off", {"loans_written_off": 1.0}, "decline", ("LEND-19",)),
    ("refused-often", {"applications_refused_365d": 3.0}, "refer", ("LEND-20",)),
    ("delinquent", {"bureau_delinquencies": 5.0}, "decline", ("LEND-21",)),
    ("owes-much", {"exposure_total": 400_000.0}, "refer", ("LEND-23",)),
    ("owes-too-much", {"exposure_total": 900_000.0}, "decline", ("LEND-23", "LEND-24")),
    ("owes-beyond-the-grade", {"exposure_total": 2_460_000.0, "income_monthly": 90_000.0}, "refer",
     ("LEND-22",)),
    ("pd-unknown", {"pd": NAN}, "refer", ("LEND-08",)),
    ("pd-impossible", {"pd": 1.2}, "refer", ("LEND-08",)),
    ("income-unknown", {"income_monthly": NAN}, "refer", ("LEND-08",)),
    ("income-infinite", {"income_monthly": np.inf}, "refer", ("LEND-08",)),
    ("amount-unknown", {"amount": NAN}, "refer", ("LEND-08",)),
    ("amount-negative", {"amount": -0.01}, "refer", ("LEND-08",)),
    ("amount-beyond-sense", {"amount": 1.1e12}, "refer", ("LEND-08",)),
    ("term-zero", {"term_months": 0.0}, "refer", ("LEND-08",)),
    ("term-broken", {"term_months": 24.5}, "refer", ("LEND-08",)),
    ("running-unknown", {"instalments_monthly": NAN}, "refer", (UNAVAILABLE,)),
    ("exposure-unknown", {"exposure_total": NAN}, "refer", (UNAVAILABLE,)),
    ("exposure-negative", {"exposure_total": -1.0}, "refer", (UNAVAILABLE,)),
    ("degraded", {"degraded": True}, "refer", ("LEND-09",)),
    ("stopped", {"stopped": True}, "refer", ("LEND-10",)),
    ("declined-but-degraded", {"degraded": True, "pd": 0.9}, "refer", ("LEND-01", "LEND-09")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "outcome", "codes"), [pytest.param(c, o, r, id=i) for i, c, o, r in CASES]
)
def test_an_application_case_by_case(
    applicants: Make, policy: Policy, changed: dict[str, Any], outcome: str, codes: tuple[str, ...]
) -> None:
    decisions = decide(applicants(**changed), policy.lending, "application")
    assert decisions.outcome.tolist() == [outcome]
    assert tuple(decisions.held(0)) == codes


def test_every_rule_decides_some_case() -> None:
    assert set(LENDING_CODES) == {code for _, _, _, codes in CASES for code in codes}


def test_the_worst_effect_wins_but_the_unknown_always_goes_to_a_person(
    applicants: Make, policy: Policy
) -> None:
    """Every combination of the flags and values, against the sentence written a second time."""
    pds, flags = (0.01, 0.1, 0.9, NAN), (False, True)
    cases = list(combinations(pds, (0.0, 6e3, NAN), (1.0, 4.5e5, NAN), (NAN, 60.0), ("B", "Z"), flags, flags))
    columns = [np.array(column) for column in zip(*cases, strict=True)]
    names = ("pd", "income_monthly", "amount", "days_past_due", "grade", "degraded", "stopped")
    crowd = applicants(len(cases), **dict(zip(names, columns, strict=True)))
    outcomes = decide(crowd, policy.lending, "application").outcome
    for (pd, income, amount, late, grade, degraded, stopped), outcome in zip(cases, outcomes, strict=True):
        if degraded or stopped or grade == "Z" or any(np.isnan([pd, income, amount])):
            assert outcome == "refer"
        elif pd > 0.25 or income == 0 or amount > 3e5 or late >= 30:
            assert outcome == "decline"
        else:
            assert outcome == ("refer" if pd >= 0.06 else "approve")


def test_one_alone_is_decided_as_among_many(applicants: Make, policy: Policy) -> None:
    random = np.random.default_rng(3)
    changed = {
        "pd": random.random(500) * 0.3,
        "grade": random.choice(list("ABCDEFGZ"), 500),
        "amount": np.round(np.exp(random.normal(10, 2, 500)), 2),
        "term_months": random.choice([6.0, 24.0, 60.0, 84.0, 240.0], 500),
        "income_monthly": np.where(random.random(500) < 0.1, NAN, random.uniform(0, 20_000, 500)),
        "exposure_total": np.where(random.random(500) < 0.1, NAN, random.uniform(0, 3e6, 500)),
        "instalments_monthly": random.uniform(0, 5_000, 500),
    }
    together = decide(applicants(500, **changed), policy.lending, "application")
    assert set(together.outcome) == {"approve", "refer", "decline"}
    for row in range(0, 500, 7):
        one = {name: values[row] for name, values in changed.items()}
        alone = decide(applicants(**one), policy.lending, "application")
        assert alone.outcome[0] == together.outcome[row]
        assert alone.rules[0].tolist() == together.rules[row].tolist()
        for name in ("rate", "instalment", "limit"):
            one_of_many = getattr(together.terms, name)[row : row + 1]
            assert getattr(alone.terms, name).tobytes() == one_of_many.tobytes()


def test_a_rule_that_fails_on_one_applicant_refers_that_one_alone(
    applicants: Make, policy: Policy, monkeypatch: pytest.MonkeyPatch
) -> None:
    @rule(code="LEND-04", law="none", effect=Effect.DECLINE)
    def breaks(asked: Any, cuts: Any) -> Mask:
        """It fails on somebody of forty-one."""
        if (asked.asked.age_years == 41).any():
            raise ZeroDivisionError
        return np.asarray((asked.asked.days_past_due >= 0) & (asked.pd < 1))

    rules = tuple(breaks if each.code == "LEND-04" else each for each in LENDING_RULES)
    monkeypatch.setattr(decided_by, "LENDING_RULES", rules)
    crowd = applicants(3, age_years=[40.0, 41.0, 42.0], days_past_due=[NAN, 0.0, 0.0])
    decisions = decide(crowd, policy.lending, "application")
    assert decisions.outcome.tolist() == ["approve", "refer", "decline"]
    assert decisions.held(1) == [UNAVAILABLE]


def test_the_two_situations_have_their_own_cuts(applicants: Make, policy: Policy) -> None:
    between = applicants(pd=0.055)
    assert decide(between, policy.lending, "application").outcome[0] == "approve"
    assert decide(between, policy.lending, "behaviour").outcome[0] == "refer"
    with pytest.raises(KeyError):
        decide(between, policy.lending, "mortgage")


def test_nobody_at_all_is_no_error(applicants: Make, policy: Policy) -> None:
    assert decide(applicants(0), policy.lending, "application").rules.shape == (0, len(LENDING_CODES))


def test_no_rule_blocks_an_application_without_a_word() -> None:
    assert Effect.BLOCK not in {rule.effect for rule in LENDING_RULES}


def test_the_rules_that_want_a_person_are_those_about_what_is_unknown() -> None:
    person = [each.code for each in LENDING_RULES if each.effect is Effect.PERSON]
    assert (*person, UNAVAILABLE) == PERSON
