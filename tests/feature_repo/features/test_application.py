import numpy as np
import pytest

from feature_repo.errors import MissingColumns
from feature_repo.features.application import (
    APPLICATION_COLUMNS,
    FEATURES_READ,
    LONG_MONTHS,
    MOST,
    PLANNED_RATE,
    PLANNED_RATE_LONG,
    REQUEST_COLUMNS,
    F64Array,
    application_features,
    planned_instalment,
)
from feature_repo.features.services import SERVICES

NAN = float("nan")
REQUEST = {"amount": 12_000.0, "term_months": 24.0, "declared_income": NAN, "co_applicant": 1.0}
CUSTOMER = {
    "tenure_months": 40.0, "income_monthly": NAN, "salary_monthly_90d": NAN, "inflow_90d": 6_000.0,
    "outflow_90d": 6_000.0, "card_payment_share_90d": 0.5, "balance_last": 5_000.0,
    "balance_mean_90d": 3_000.0, "balance_min_90d": -1_000.0, "instalments_monthly": 200.0,
    "exposure_total": 18_000.0,
}  # fmt: skip


def arrays(values: dict[str, float], changed: dict[str, float] | None = None) -> dict[str, F64Array]:
    return {name: np.array([value]) for name, value in {**values, **(changed or {})}.items()}


def one(column: str, changed: dict[str, float] | None = None) -> float:
    changed = changed or {}
    request = arrays(REQUEST, {k: v for k, v in changed.items() if k in REQUEST_COLUMNS})
    features = arrays(CUSTOMER, {k: v for k, v in changed.items() if k in FEATURES_READ})
    return float(application_features(request, features)[column][0])


def test_a_known_customer_in_numbers() -> None:
    answer = application_features(arrays(REQUEST), arrays(CUSTOMER, {"income_monthly": 2_500.0}))
    assert tuple(answer) == APPLICATION_COLUMNS
    cost = 500 + 12_000 * 25 / 48 * PLANNED_RATE / 12
    assert [float(v[0]) for v in answer.values()] == pytest.approx(
        [12_000, 24, 500, 0.2, 0.25, 4, 2_500, 1, 0,
         (cost + 200) / 2_500, (cost + 200) / 2_000, 2_500 - cost - 200, 1, 0.4, 2, -0.4, NAN, 0.4],
        nan_ok=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"declared_income": 1_000.0, "income_monthly": 2_000.0}, 0.5, id="declared-first"),
        pytest.param({"income_monthly": 2_000.0, "salary_monthly_90d": 5_000.0}, 0.25, id="then-on-file"),
        pytest.param({"salary_monthly_90d": 5_000.0}, 0.1, id="then-seen"),
        pytest.param({"salary_monthly_90d": 0.0}, NAN, id="no-salary-seen-is-unknown"),
        pytest.param({"declared_income": 0.0, "income_monthly": 2_000.0}, MOST, id="declared-none"),
    ],
)
def test_the_income_an_instalment_is_held_against(changed: dict[str, float], expected: float) -> None:
    np.testing.assert_equal(one("application_instalment_to_income", changed), expected)


@pytest.mark.parametrize("balance", [0.0, -50.0, 0.01])
def test_a_ratio_to_nothing_is_the_largest_one(balance: float) -> None:
    assert one("application_amount_to_balance", {"balance_mean_90d": balance}) == MOST


@pytest.mark.parametrize("months", [6.0, 24.0, 60.0, 119.0, 120.0, 300.0])
def test_the_planned_instalment_is_close_to_an_annuity(months: float) -> None:
    rate = (PLANNED_RATE_LONG if months >= LONG_MONTHS else PLANNED_RATE) / 12
    annuity = 9_000 * rate / (1 - (1 + rate) ** -months)
    planned = planned_instalment(np.array([9_000.0]), np.array([months]))
    assert planned[0] == pytest.approx(annuity, rel=0.06)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"declared_income": 2_600.0, "income_monthly": 2_000.0}, 1.3, id="more-than-on-file"),
        pytest.param({"declared_income": 2_600.0}, NAN, id="nothing-on-file"),
        pytest.param({"declared_income": 2_600.0, "income_monthly": 0.0}, NAN, id="nothing-to-compare"),
        pytest.param({"declared_income": 1e9, "income_monthly": 1.0}, MOST, id="beyond-all-measure"),
    ],
)
def test_the_declared_income_is_held_against_the_one_on_file(
    changed: dict[str, float], expected: float
) -> None:
    np.testing.assert_equal(one("application_declared_to_recorded_income", changed), expected)


def test_a_customer_whose_loans_are_unknown_has_an_unknown_debt_service() -> None:
    unknown = {"instalments_monthly": NAN, "income_monthly": 2_500.0}
    assert np.isnan(one("application_debt_service_to_income", unknown))
    assert one("application_debt_service_to_income", unknown | {"tenure_months": NAN}) > 0.2


def test_a_term_of_no_months_has_no_instalment() -> None:
    assert np.isnan(one("application_instalment", {"term_months": 0.0}))


def test_a_newcomer_is_a_customer_without_features() -> None:
    nothing = dict.fromkeys(FEATURES_READ, NAN)
    answer = application_features(arrays(REQUEST), arrays(nothing))
    assert answer["application_is_newcomer"].tolist() == [1.0]
    assert np.isnan(answer["application_amount_to_balance"][0])
    assert np.isnan(answer["application_balance_after_instalment"][0])


def test_one_customer_is_a_batch_of_one() -> None:
    rng = np.random.default_rng(3)
    request = {name: rng.normal(100, 80, 50) for name in REQUEST_COLUMNS}
    features = {name: rng.normal(100, 80, 50) for name in FEATURES_READ}
    together = application_features(request, features)
    for at in range(50):
        alone = application_features(
            {k: v[at : at + 1] for k, v in request.items()}, {k: v[at : at + 1] for k, v in features.items()}
        )
        assert all(alone[c].tobytes() == together[c][at : at + 1].tobytes() for c in APPLICATION_COLUMNS)


def test_a_request_without_an_amount_is_refused_by_name() -> None:
    with pytest.raises(MissingColumns, match="amount"):
        application_features({}, arrays(CUSTOMER))


def test_the_credit_service_holds_what_an_application_is_held_against() -> None:
    assert set(FEATURES_READ) <= set(SERVICES["credit_risk_v1"])
