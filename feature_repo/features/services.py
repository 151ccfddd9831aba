"""The columns each model reads, chosen by hand and held to what its purpose permits.

A service is the list one model reads, in the order it reads it. What a release reads online is
the union of these lists and of what the rules read.
"""

from collections.abc import Iterable

from feature_repo.errors import BankError
from feature_repo.features.columns import CONSENTS, PROTECTED, PURPOSES, VIEWS

PURPOSE_OF: dict[str, str] = {
    "segmentation_v1": "marketing",
    "propensity_v1": "marketing",
    "credit_risk_v1": "credit",
    "recommendation_v1": "marketing",
    "fairness_v1": "service",
}


class ProtectedColumns(BankError, ValueError):
    """A service asks for columns that its purpose forbids."""

    def __init__(self, service: str, columns: Iterable[str]) -> None:
        self.service, self.columns = service, sorted(columns)
        super().__init__(
            f"Service '{service}' asks for {self.columns}, which its purpose forbids. "
            f"Leave them out; `bank features list` shows what each column may be used for."
        )


def permitted(service: str, columns: Iterable[str]) -> tuple[str, ...]:
    """The same columns, once they are known to be allowed for that service.

    >>> permitted("credit_risk_v1", ["inflow_90d"])
    ('inflow_90d',)
    >>> permitted("credit_risk_v1", ["inflow_90d", "age_years"])
    Traceback (most recent call last):
    ...
    feature_repo.features.services.ProtectedColumns: Service 'credit_risk_v1' asks for ['age_years'], ...
    """
    asked = tuple(columns)
    forbidden = set(asked) - PURPOSES[PURPOSE_OF[service]]
    if forbidden:
        raise ProtectedColumns(service, forbidden)
    return asked


SEGMENTATION: tuple[str, ...] = (
    # who: demographics that marketing may use
    "is_company", "has_relationship_manager", "income_monthly", "tenure_months",
    # behaviour: where money comes from, how it is spent, what is used
    "salary_months_180d", "regular_payer_months_180d", "inflow_concentration_180d", "rent_share_90d",
    "cash_share_90d", "mobile_share_365d", "savings_rate_365d", "loan_amount_outstanding", "families_held",
    # risk preference: as assessed, and as held
    "risk_level", "product_risk_held_max",
    # what RFM and the value tier are made of; they do not enter the segments
    "payment_recency_days", "payments_90d", "outflow_90d", "balance_mean_90d", "holdings_value",
)  # fmt: skip
PROPENSITY: tuple[str, ...] = (
    "is_company", "tenure_months", "income_monthly", "risk_level", "risk_assessment_age_days",
    "accounts_open", "accounts_authorised", "has_relationship_manager", "inflow_30d", "inflow_90d",
    "inflow_365d", "outflow_30d", "outflow_90d", "outflow_365d", "bookings_30d", "bookings_90d",
    "cash_share_90d", "salary_monthly_90d", "balance_last", "balance_mean_90d", "balance_min_90d",
    "balance_min_365d", "balance_volatility_90d", "negative_balance_bookings_365d",
    "days_since_last_booking", "history_days", "inflow_trend_90d", "mobile_share_90d",
    "foreign_share_90d", "penalty_interest_365d", "loans_running", "loan_amount_outstanding",
    "instalments_monthly", "days_past_due", "days_past_due_max_365d", "payments_late_365d",
    "payment_ratio_365d", "instalment_to_inflow_90d", "applications_180d", "bureau_score",
    "bureau_delinquencies", "bureau_inquiries", "credit_limit_total", "products_held", "families_held",
    "has_savings", "has_deposit", "has_card", "has_loan", "has_mortgage", "has_fund", "has_insurance",
    "has_pension", "holdings_value", "product_risk_held_max", "days_since_last_purchase",
    "products_bought_365d", "interactions_90d", "complaints_365d", "app_interactions_90d",
    "rating_mean_365d", "offers_180d", "offers_accepted_365d", "days_since_last_contact",
)  # fmt: skip
CREDIT_RISK: tuple[str, ...] = (
    "is_company", "tenure_months", "income_monthly", "accounts_open", "accounts_authorised", "inflow_30d",
    "inflow_90d", "inflow_365d", "outflow_30d", "outflow_90d", "outflow_365d", "bookings_30d",
    "bookings_90d", "cash_share_90d", "salary_monthly_90d", "balance_last", "balance_mean_90d",
    "balance_min_90d", "balance_min_365d", "balance_volatility_90d", "negative_balance_bookings_365d",
    "days_since_last_booking", "history_days", "inflow_trend_90d", "mobile_share_90d",
    "penalty_interest_365d", "loans_running", "loan_amount_outstanding", "instalments_monthly",
    "days_past_due", "days_past_due_max_365d", "payments_late_365d", "payment_ratio_365d",
    "instalment_to_inflow_90d", "applications_180d", "bureau_score", "bureau_delinquencies",
    "bureau_inquiries", "credit_limit_total", "products_held", "families_held", "has_savings",
    "has_deposit", "has_card", "has_loan", "has_mortgage", "has_fund", "has_insurance", "has_pension",
    "holdings_value", "days_since_last_purchase", "products_bought_365d",
)  # fmt: skip
RECOMMENDATION: tuple[str, ...] = (
    "is_company", "tenure_months", "income_monthly", "risk_level", "inflow_90d", "outflow_90d",
    "balance_mean_90d", "mobile_share_90d", "products_held", "families_held", "has_savings",
    "has_deposit", "has_card", "has_loan", "has_mortgage", "has_fund", "has_insurance", "has_pension",
    "holdings_value", "product_risk_held_max", "days_since_last_purchase", "products_bought_365d",
    "interactions_90d",
)  # fmt: skip
RULES_READ: frozenset[str] = PROTECTED | CONSENTS  # duties of care, fairness, consent

SERVICES: dict[str, tuple[str, ...]] = {
    "segmentation_v1": permitted("segmentation_v1", SEGMENTATION),
    "propensity_v1": permitted("propensity_v1", PROPENSITY),
    "credit_risk_v1": permitted("credit_risk_v1", CREDIT_RISK),
    "recommendation_v1": permitted("recommendation_v1", RECOMMENDATION),
    "fairness_v1": tuple(sorted(PROTECTED)),
}
_READ = RULES_READ.union(*SERVICES.values())
SERVED: dict[str, tuple[str, ...]] = {  # by view: what a release reads online
    view: read for view, columns in VIEWS.items() if (read := tuple(c for c in columns if c in _READ))
}
