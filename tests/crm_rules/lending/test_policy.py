from collections.abc import Callable
from itertools import product as combinations
from typing import Any

import numpy as np
import pytest

from crm_rules.lending.policy import LENDING_CODES, LENDING_RULES, Applicants, decide
from crm_rules.policy import Policy
from crm_rules.rules import Effect

NAN = float("nan")
Make = Callable[..., Applicants]


@pytest.fixture
def applicants() -> Make:
    """Build applicants who would be approved, except for what the arguments change."""

    def build(n: int = 1, **changed: Any) -> Applicants:
        good = {
            "pd": 0.01, "instalment_to_income": 0.2, "amount": 50_000.0, "age_years": 40.0,
            "days_past_due": NAN, "is_newcomer": False, "degraded": False, "stopped": False,
        }  # fmt: skip
        return Applicants(
            **{k: np.broadcast_to(np.asarray(changed.get(k, v)), (n,)) for k, v in good.items()}
        )

    return build


CASES: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("good", {}, "approve", None),
    ("just-below-the-cut", {"pd": 0.0599999}, "approve", None),
    ("at-the-cut", {"pd": 0.06}, "refer", "LEND-02"),
    ("at-the-decline-limit", {"pd": 0.25}, "refer", "LEND-02"),
    ("above-the-decline-limit", {"pd": 0.2500001}, "decline", "LEND-01"),
    ("affordable-to-the-limit", {"instalment_to_income": 0.5}, "approve", None),
    ("not-affordable", {"instalment_to_income": 0.51}, "decline", "LEND-03"),
    ("29-days-late", {"days_past_due": 29}, "approve", None),
    ("30-days-late", {"days_past_due": 30}, "decline", "LEND-04"),
    ("seventeen", {"age_years": 17.9}, "decline", "LEND-05"),
    ("age-unknown", {"age_years": NAN}, "approve", None),
    ("large-amount", {"amount": 500_001}, "refer", "LEND-06"),
    ("newcomer", {"is_newcomer": True, "amount": 100_000}, "approve", None),
    ("newcomer-large", {"is_newcomer": True, "amount": 100_001}, "refer", "LEND-07"),
    ("pd-unknown", {"pd": NAN}, "refer", "LEND-08"),
    ("pd-impossible", {"pd": 1.2}, "refer", "LEND-08"),
    ("income-unknown", {"instalment_to_income": NAN}, "refer", "LEND-08"),
    ("income-zero", {"instalment_to_income": np.inf}, "refer", "LEND-08"),
    ("amount-unknown", {"amount": NAN}, "refer", "LEND-08"),
    ("amount-negative", {"amount": -1}, "refer", "LEND-08"),
    ("degraded", {"degraded": True}, "refer", "LEND-09"),
    ("stopped", {"stopped": True}, "refer", "LEND-10"),
]


@pytest.mark.parametrize(
    ("changed", "outcome", "code"), [pytest.param(c, o, r, id=i) for i, c, o, r in CASES]
)
def test_an_application_case_by_case(
    applicants: Make, policy: Policy, changed: dict[str, Any], outcome: str, code: str | None
) -> None:
    decisions = decide(applicants(**changed), policy.lending, "application")
    assert decisions.outcome.tolist() == [outcome]
    held = [c for c, mask in zip(decisions.rule_codes, decisions.rules[0], strict=True) if mask]
    assert code in held if code else held == []


def test_every_rule_decides_some_case() -> None:
    assert set(LENDING_CODES) == {code for _, _, _, code in CASES if code}


def test_the_worst_effect_wins_but_the_unknown_always_goes_to_a_person(
    applicants: Make, policy: Policy
) -> None:
    """Every combination of the flags and values, against the sentence written a second time."""
    pds, flags = (0.01, 0.1, 0.9, NAN), (False, True)
    cases = list(combinations(pds, (0.1, 0.9, NAN), (1.0, 1e9, NAN), (NAN, 60.0), flags, flags, flags))
    columns = [np.array(column) for column in zip(*cases, strict=True)]
    names = ("pd", "instalment_to_income", "amount", "days_past_due", "is_newcomer", "degraded", "stopped")
    crowd = applicants(len(cases), **dict(zip(names, columns, strict=True)))
    outcomes = decide(crowd, policy.lending, "application").outcome
    for (pd, ratio, amount, late, _, degraded, stopped), outcome in zip(cases, outcomes, strict=True):
        if degraded or stopped or any(np.isnan([pd, ratio, amount])):
            assert outcome == "refer"
        elif pd > 0.25 or ratio > 0.5 or late >= 30:
            assert outcome == "decline"
        else:
            assert outcome == ("refer" if pd >= 0.06 or amount > 500_000 else "approve")


def test_one_alone_is_decided_as_among_many(applicants: Make, policy: Policy) -> None:
    random = np.random.default_rng(3)
    pd, ratio = random.random(500) * 0.4, random.random(500)
    together = decide(applicants(500, pd=pd, instalment_to_income=ratio), policy.lending, "behaviour")
    for row in range(0, 500, 7):
        alone = decide(applicants(pd=pd[row], instalment_to_income=ratio[row]), policy.lending, "behaviour")
        assert alone.outcome[0] == together.outcome[row]
        assert alone.rules[0].tolist() == together.rules[row].tolist()


def test_the_two_situations_have_their_own_cuts(applicants: Make, policy: Policy) -> None:
    between = applicants(pd=0.055)
    assert decide(between, policy.lending, "application").outcome[0] == "approve"
    assert decide(between, policy.lending, "behaviour").outcome[0] == "refer"
    with pytest.raises(KeyError):
        decide(between, policy.lending, "mortgage")


def test_nobody_at_all_is_no_error(applicants: Make, policy: Policy) -> None:
    assert decide(applicants(0), policy.lending, "application").rules.shape == (0, len(LENDING_RULES))


def test_no_rule_blocks_an_application_without_a_word() -> None:
    assert Effect.BLOCK not in {rule.effect for rule in LENDING_RULES}
