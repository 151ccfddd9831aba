"""The names of all feature columns: by view, by service, and which are protected.

Only the standard library is imported, so that scoring knows the columns without knowing
how they are computed. `catalogue` binds each name to its function and refuses to load
when the two disagree.
"""

from collections.abc import Iterable

from feature_repo.errors import BankError

VIEWS: dict[str, tuple[str, ...]] = {
    "profile": (
        "age_years", "is_female", "is_company", "tenure_months", "income_monthly", "risk_level",
        "risk_assessment_age_days", "accounts_open", "accounts_authorised", "has_relationship_manager",
    ),
    "activity": (
        "inflow_30d", "inflow_90d", "inflow_365d", "outflow_30d", "outflow_90d", "outflow_365d",
        "bookings_30d", "bookings_90d", "cash_share_90d", "salary_monthly_90d", "balance_last",
        "balance_mean_90d", "balance_min_90d", "balance_min_365d", "balance_volatility_90d",
        "negative_balance_bookings_365d", "days_since_last_booking", "history_days", "inflow_trend_90d",
        "mobile_share_90d", "foreign_share_90d", "penalty_interest_365d",
    ),
    "credit": (
        "loans_running", "loan_amount_outstanding", "instalments_monthly", "days_past_due",
        "days_past_due_max_365d", "payments_late_365d", "payment_ratio_365d", "instalment_to_inflow_90d",
        "applications_180d", "bureau_score", "bureau_delinquencies", "bureau_inquiries",
        "credit_limit_total",
    ),
    "holdings": (
        "products_held", "families_held", "has_savings", "has_deposit", "has_card", "has_loan",
        "has_mortgage", "has_fund", "has_insurance", "has_pension", "holdings_value",
        "product_risk_held_max", "days_since_last_purchase", "products_bought_365d",
    ),
    "engagement": (
        "interactions_90d", "complaints_365d", "app_interactions_90d", "rating_mean_365d", "offers_180d",
        "offers_accepted_365d", "days_since_last_contact", "consent_marketing_email",
        "consent_marketing_phone", "consent_marketing_app", "consent_profiling",
    ),
}  # fmt: skip
COLUMNS: tuple[str, ...] = tuple(column for columns in VIEWS.values() for column in columns)

# Never an input of a credit or offer model; they are kept for fairness tests and duties of care.
PROTECTED: frozenset[str] = frozenset({"age_years", "is_female"})
# A consent is read by the rules; a model that learned from it would get round it.
CONSENTS: frozenset[str] = frozenset(c for c in VIEWS["engagement"] if c.startswith("consent_"))
# What somebody may invest in, and where abroad they pay, says nothing a lender should use.
NOT_FOR_CREDIT: frozenset[str] = frozenset(
    {"risk_level", "risk_assessment_age_days", "product_risk_held_max", "has_relationship_manager",
     "foreign_share_90d", *VIEWS["engagement"]}
)  # fmt: skip
FORBIDDEN: dict[str, frozenset[str]] = {
    "segmentation_v1": PROTECTED | CONSENTS,
    "propensity_v1": PROTECTED | CONSENTS,
    "credit_risk_v1": PROTECTED | CONSENTS | NOT_FOR_CREDIT,
    "recommendation_v1": PROTECTED | CONSENTS,
    "fairness_v1": frozenset(),
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
    feature_repo.features.columns.ProtectedColumns: Service 'credit_risk_v1' asks for ['age_years'], ...
    """
    asked = tuple(columns)
    forbidden = set(asked) & FORBIDDEN[service]
    if forbidden:
        raise ProtectedColumns(service, forbidden)
    return asked


def _all_but(service: str) -> tuple[str, ...]:
    return tuple(column for column in COLUMNS if column not in FORBIDDEN[service])


SERVICES: dict[str, tuple[str, ...]] = {
    "segmentation_v1": permitted("segmentation_v1", (
        "tenure_months", "income_monthly", "inflow_90d", "outflow_90d", "bookings_90d", "cash_share_90d",
        "balance_mean_90d", "balance_volatility_90d", "mobile_share_90d", "foreign_share_90d",
        "loan_amount_outstanding", "products_held", "families_held", "holdings_value",
        "interactions_90d", "app_interactions_90d",
    )),
    "propensity_v1": _all_but("propensity_v1"),
    "credit_risk_v1": _all_but("credit_risk_v1"),
    "recommendation_v1": permitted("recommendation_v1", (
        "is_company", "tenure_months", "income_monthly", "risk_level", "inflow_90d", "outflow_90d",
        "balance_mean_90d", "mobile_share_90d", *VIEWS["holdings"], "interactions_90d",
    )),
    "fairness_v1": tuple(sorted(PROTECTED)),
}  # fmt: skip


def view_of(column: str) -> str:
    """The view a column belongs to; KeyError when there is none.

    >>> view_of("inflow_90d")
    'activity'
    """
    for view, columns in VIEWS.items():
        if column in columns:
            return view
    raise KeyError(column)
