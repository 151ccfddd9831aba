"""On a bank whose truth is known: how near the models come to it, and that they name its drivers.

4,500 customers leave a few dozen defaults to test on, where an AUC is known to about .05 and its share
of the oracle's to as much: the limit is that far below the .95 asked of a bank of 100,000. What it
guards is that nothing the oracle knows is lost on the way, and nothing known only later leaks in.
"""

from collections import Counter

import numpy as np
import pytest

from tests.proofs.oracle import credit_truth
from tests.training.credit_risk.conftest import Bank, Fitted
from training.credit_risk.faithfulness import name_of, told
from training.validation import auc, auc_interval

LEAST_SHARE = 0.85
BURDEN = {
    "application_instalment", "application_instalment_to_income", "application_instalment_to_inflow",
    "application_debt_service_to_income", "application_debt_service_to_inflow",
    "application_income_after_debt_service", "application_amount", "application_exposure_to_income",
}  # fmt: skip
THIN_CUSHION = {
    "application_balance_to_income", "application_lowest_balance_to_income", "balance_last",
    "application_amount_to_balance", "application_balance_after_instalment", "balance_mean_90d",
    "balance_mean_365d", "balance_min_90d", "balance_min_365d",
}  # fmt: skip
STRESS = {
    "bureau_score", "bureau_delinquencies", "bureau_inquiries", "penalty_interest_365d",
    "negative_balance_bookings_90d", "negative_balance_bookings_365d", "application_spending_to_income",
    "application_declared_to_recorded_income", "days_since_last_salary",
}  # fmt: skip


@pytest.mark.parametrize("name", ["application", "behaviour"])
def test_the_model_ranks_nearly_as_well_as_who_knows_the_truth(
    bank: Bank, name: str, request: pytest.FixtureRequest
) -> None:
    fitted: Fitted = request.getfixturevalue(name)
    row, truth = credit_truth(bank.settings, fitted.situation)
    y = fitted.situation.y_test
    assert len(row) > 0.99 * len(y)
    best = auc(y[row], truth)
    ours = auc_interval(y[row], fitted.p[row])
    assert best > 0.75
    assert LEAST_SHARE < ours.value / best < 1.02
    assert ours.high / best > 0.95


def test_the_true_drivers_of_default_are_among_the_reasons_most_told(application: Fitted) -> None:
    """The generator's log odds: burden of the instalment 1.35, wealth to income -1.15, stress .9.

    Counted is how often a reason of each kind is told to the riskiest fifth. Stress shows in weak signs
    only (bureau, overdrafts, spending): so few defaults do not always put one of them into the model.
    """
    p = application.p
    risky = application.situation.test.copy()
    risky[risky] = p >= np.quantile(p, 0.8)
    raised = application.runtime.assess(application.rows(risky)).raised
    first: Counter[str] = Counter()
    for columns in told(raised):
        first.update([kind for column in columns for kind in _kinds(name_of(application.runtime, column))])
    for driver in ("burden", "cushion"):
        assert first[driver] > 0.3 * len(raised), driver
    assert first["burden"] + first["cushion"] + first["stress"] > 1.5 * first["other"]


def _kinds(column: str) -> set[str]:
    kinds = {"burden": BURDEN, "cushion": THIN_CUSHION, "stress": STRESS}
    return {kind for kind, columns in kinds.items() if column in columns} or {"other"}
