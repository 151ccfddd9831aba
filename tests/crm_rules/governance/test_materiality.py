"""Exposure times purpose gives the tier, and the file that says so is read strictly."""

from datetime import date

import pytest

from crm_rules.errors import InvalidPolicy
from crm_rules.governance.materiality import MATERIALITY, Materiality
from crm_rules.governance.person import Role

TEXT = MATERIALITY.read_text()
RULES = Materiality.load(MATERIALITY)


@pytest.mark.parametrize(
    ("part", "customers", "tier"),
    [
        pytest.param("credit_risk", 4_999, "medium", id="credit-just-below-medium"),
        pytest.param("credit_risk", 5_000, "high", id="credit-at-medium"),
        pytest.param("policy", 1_000_000, "high", id="a-policy-decides-credit-too"),
        pytest.param("segmentation", 499_999, "low", id="marketing-just-below-large"),
        pytest.param("segmentation", 500_000, "medium", id="marketing-at-large"),
        pytest.param("recommendation", 0, "low", id="advice-to-nobody"),
    ],
)
def test_the_tier_follows_from_exposure_and_purpose(part: str, customers: int, tier: str) -> None:
    assert RULES.tier_of(part, customers).name == tier


def test_a_tier_says_who_signs_and_when_it_is_looked_at_again() -> None:
    tier = RULES.tier_of("credit_risk", 10_000)
    assert tier.needs == (Role.VALIDATOR, Role.RISK_APPROVER, Role.COMPLIANCE)
    assert tier.due(date(2026, 8, 31)) == date(2027, 8, 31)
    assert RULES.tier_of("credit_risk", 10).due(date(2026, 8, 31)) == date(2028, 2, 29)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        pytest.param("large = 500000", "large = 5000", "exposure' should rise", id="exposure"),
        pytest.param('policy = "credit"', 'policy = "charity"', "purpose' should be of", id="purpose"),
        pytest.param('policy = "credit"\n', "", "purpose' should name each", id="part-without-purpose"),
        pytest.param('policy = "credit"', 'polizy = "credit"', "polizy", id="part-unknown"),
        pytest.param('small = "medium"', 'small = "tiny"', "tiers.credit' should give", id="tier-unknown"),
        pytest.param(
            '"risk_approver", "compliance"]', '"compliance"]', "lacks \\['risk_approver'\\]", id="one-signs"
        ),
        pytest.param('"risk_approver", "compliance"]', '"king"]', "names 'king'", id="role-unknown"),
        pytest.param(
            'soft = ["champion"', 'soft = ["leak", "champion"', "both hard and soft", id="hard-and-soft"
        ),
        pytest.param("waiver_days = 90", "waiver_days = 0", "between 1 and 730", id="no-day"),
        pytest.param("waiver_days = 90", "waiver_days = 90.5", "whole number", id="half-a-day"),
        pytest.param("psi = 0.25", "psy = 0.25", "names 'psy'", id="trigger-unknown"),
        pytest.param('version = "2026.1"', "", "version' is missing", id="no-version"),
    ],
)
def test_the_key_that_is_wrong_is_named(old: str, new: str, named: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidPolicy, match=named):
        Materiality.parse(TEXT.replace(old, new, 1).encode())
