"""Drift makes a new validation due by the tier of the part whose score moved."""

from crm_rules.governance.materiality import MATERIALITY, Materiality
from monitoring.drift import Shift
from monitoring.triggers import due
from tests.conftest import Tiny
from training.release.reading import read_release

RULES = Materiality.load(MATERIALITY)


def moved(part: str, name: str, psi: float, is_score: bool = True, noise: float = 0.02) -> Shift:
    return Shift(part, name, is_score, psi, noise, 1_000)


def test_a_score_at_its_trigger_makes_its_part_due_once_and_columns_do_not(whole_tiny: Tiny) -> None:
    release = read_release(whole_tiny.releases, whole_tiny.release)
    shifts = [
        moved("propensity", "card", 0.25), moved("propensity", "loan", 0.4),
        moved("segmentation", "S1", 0.2499),
        moved("credit_risk.behaviour", "balance", 3.0, is_score=False),
        moved("credit_risk.application", "PD", 0.3, noise=0.31),
    ]  # fmt: skip
    [found] = due(shifts, release, RULES)
    assert (found.part, found.score, found.tier) == ("propensity", "loan", "low")
    assert "PSI 0.400 of loan reached 0.25, the trigger of its tier, low" in str(found)
