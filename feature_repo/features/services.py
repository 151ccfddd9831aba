"""The columns each model reads, chosen by hand and held to what its purpose permits.

A service is the list one model reads, in the order it reads it. What a release reads online is
the union of these lists and of what the rules read.
"""

from collections.abc import Iterable

from feature_repo.errors import BankError
from feature_repo.features.application import FEATURES_READ
from feature_repo.features.columns import CODES, CONSENTS, PROTECTED, PURPOSES, VIEWS

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
    "is_company", "tenure_months", "income_monthly", "risk_level", "accounts_open", "accounts_authorised",
    "account_age_days", "account_types", "prefers_digital", "has_relationship_manager", "income_change_365d",
    "inflow_30d", "inflow_90d", "outflow_30d", "outflow_365d", "savings_rate_365d", "largest_inflow_90d",
    "bookings_30d", "salary_monthly_90d", "salary_monthly_365d", "salary_months_180d", "salary_months_365d",
    "days_since_last_salary", "salary_trend_90d", "regular_payer_months_180d", "regular_inflow_monthly_180d",
    "inflow_concentration_180d", "balance_last", "balance_mean_30d", "balance_mean_90d", "balance_mean_180d",
    "balance_min_90d", "balance_min_365d", "balance_max_90d", "negative_balance_bookings_365d",
    "history_days", "outflow_trend_30d", "outflow_trend_90d", "inflow_volatility_365d",
    "penalty_interest_365d", "cash_out_365d", "mobile_share_365d", "card_share_365d", "household_share_90d",
    "insurance_share_90d", "investment_share_365d", "loans_running", "loan_amount_outstanding",
    "instalments_monthly", "loan_months_left", "payments_late_365d", "days_since_last_late",
    "instalment_to_income", "card_debt", "credit_utilisation", "debt_to_income", "products_held",
    "families_held", "has_savings", "has_deposit", "has_card", "has_loan", "has_mortgage", "has_fund",
    "has_insurance", "has_pension", "product_risk_held_max", "days_since_first_purchase",
    "days_since_last_closing", "products_closed_365d", "products_ever", "products_maturing_90d",
    "deposit_value", "fund_value", "pension_value", "risky_share", "risk_held_mean", "risk_bought_mean",
    "risk_bought_max_365d", "market_purchases", "risk_room", "investments_to_wealth", "asked_about_loan_90d",
    "asked_about_mortgage_90d", "asked_about_investment_90d", "rating_mean_365d",
    "days_since_last_complaint", "days_since_last_offer",
)  # fmt: skip
CREDIT_RISK: tuple[str, ...] = (
    "is_company", "tenure_months", "income_monthly", "accounts_authorised", "inflow_90d", "inflow_365d",
    "outflow_90d", "outflow_365d", "bookings_90d", "salary_monthly_90d", "days_since_last_salary",
    "balance_last", "balance_mean_90d", "balance_mean_365d", "balance_min_90d", "balance_min_365d",
    "balance_trend_90d", "balance_volatility_90d", "negative_balance_bookings_90d",
    "negative_balance_bookings_365d", "days_since_last_booking", "history_days", "inflow_trend_90d",
    "inflow_volatility_365d", "outflow_volatility_365d", "penalty_interest_365d", "cash_share_90d",
    "card_payment_share_90d", "card_payment_share_365d", "payments_365d", "loans_running",
    "loan_amount_outstanding", "instalments_monthly", "loan_months_left", "days_past_due",
    "days_past_due_max_90d", "days_past_due_max_365d", "payments_late_90d", "payments_late_365d",
    "payments_in_time_365d", "payment_ratio_90d", "payment_ratio_365d", "days_since_last_late",
    "instalment_to_inflow_90d", "instalment_to_income", "applications_180d", "applications_refused_365d",
    "days_since_last_application", "bureau_score", "bureau_delinquencies", "bureau_inquiries",
    "credit_limit_total", "credit_utilisation", "exposure_total", "debt_to_income", "holdings_value",
)  # fmt: skip
RECOMMENDATION: tuple[str, ...] = (
    "is_company", "income_monthly", "risk_level", "inflow_90d", "balance_last", "balance_mean_90d",
    "balance_max_365d", "investments_to_wealth", "mobile_share_90d", "salary_months_365d",
    "regular_payer_months_180d", "regular_inflow_monthly_180d", "days_since_last_purchase",
    "asked_about_investment_90d",
)  # fmt: skip
# Duties of care, fairness, consent and hours; and what rules and requests look at whichever models there are.
RULES_READ: frozenset[str] = PROTECTED | CONSENTS | CODES | frozenset({
    "risk_level", "risk_assessment_age_days", "is_company", "income_monthly", "days_past_due",
    "complaints_365d", "loans_running", "loans_written_off", "applications_refused_365d",
    "bureau_delinquencies", *FEATURES_READ,
})  # fmt: skip
# What marketing's segments by rule may ask about, whichever models there are.
SEGMENTS_READ: frozenset[str] = frozenset({
    "tenure_months", "income_monthly", "inflow_90d", "inflow_trend_90d", "balance_mean_90d", "holdings_value",
    "products_held", "families_held", "days_since_last_booking", "days_since_last_purchase",
    "days_since_last_contact", "interactions_90d", "app_interactions_90d", "mobile_share_90d", "offers_180d",
    "offers_accepted_365d", "products_maturing_90d", "days_past_due",
})  # fmt: skip

SERVICES: dict[str, tuple[str, ...]] = {
    "segmentation_v1": permitted("segmentation_v1", SEGMENTATION),
    "propensity_v1": permitted("propensity_v1", PROPENSITY),
    "credit_risk_v1": permitted("credit_risk_v1", CREDIT_RISK),
    "recommendation_v1": permitted("recommendation_v1", RECOMMENDATION),
    "fairness_v1": tuple(sorted(PROTECTED)),
}
_READ = RULES_READ.union(SEGMENTS_READ, *SERVICES.values())
SERVED: dict[str, tuple[str, ...]] = {  # by view: what a release reads online
    view: read for view, columns in VIEWS.items() if (read := tuple(c for c in columns if c in _READ))
}
