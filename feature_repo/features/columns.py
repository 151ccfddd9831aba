"""The names of all feature columns: by view, and what each may be used for.

Only the standard library is imported, so that scoring knows the columns without knowing
how they are computed. `catalogue` binds each name to its function and refuses to load
when the two disagree.
"""

VIEWS: dict[str, tuple[str, ...]] = {
    "profile": (
        "age_years", "is_female", "is_company", "tenure_months", "income_monthly", "risk_level",
        "risk_assessment_age_days", "accounts_open", "accounts_authorised", "accounts_opened_365d",
        "accounts_closed_365d", "account_age_days", "account_types", "prefers_digital",
        "has_relationship_manager", "preferred_channel", "time_zone",
    ),
    "life": (
        "record_changes_365d", "moves_365d", "occupation_changes_365d", "income_change_365d",
        "risk_level_changes_365d", "days_since_last_move", "salary_stopped",
    ),
    "activity": (
        "inflow_30d", "inflow_90d", "inflow_180d", "inflow_365d", "outflow_30d", "outflow_90d",
        "outflow_180d", "outflow_365d", "net_flow_90d", "net_flow_365d", "savings_rate_90d",
        "savings_rate_365d", "largest_inflow_90d", "largest_outflow_90d", "bookings_30d", "bookings_90d",
        "bookings_180d", "bookings_365d", "months_active_365d", "salary_monthly_90d", "salary_monthly_365d",
        "salary_months_180d", "salary_months_365d", "days_since_last_salary", "salary_trend_90d",
        "regular_payer_months_180d", "regular_inflow_monthly_180d", "inflow_concentration_180d",
        "balance_last", "balance_mean_30d", "balance_mean_90d", "balance_mean_180d", "balance_mean_365d",
        "balance_min_90d", "balance_min_365d", "balance_max_90d", "balance_max_365d",
        "balance_volatility_90d", "balance_volatility_365d", "balance_trend_90d",
        "negative_balance_bookings_90d", "negative_balance_bookings_365d", "days_since_last_booking",
        "history_days", "inflow_trend_30d", "inflow_trend_90d", "outflow_trend_30d", "outflow_trend_90d",
        "inflow_volatility_365d", "outflow_volatility_365d", "penalty_interest_365d",
    ),
    "spending": (
        "cash_share_90d", "cash_share_365d", "cash_in_90d", "cash_out_90d", "cash_out_365d",
        "cash_out_share_90d", "foreign_share_90d", "foreign_share_365d", "mobile_share_90d",
        "mobile_share_365d", "online_share_90d", "branch_share_90d", "branch_share_365d", "atm_share_90d",
        "card_share_90d", "card_share_365d", "standing_order_share_90d", "mobile_trend_90d",
        "rent_share_90d", "household_share_90d", "insurance_share_90d", "card_payment_share_90d",
        "card_payment_share_365d", "loan_payment_share_90d", "investment_share_365d",
        "transfer_out_share_90d", "transfer_out_share_365d", "fees_365d", "invested_90d", "invested_365d",
        "counterparties_180d", "payment_recency_days", "payments_30d", "payments_90d", "payments_365d",
        "outflow_per_booking_90d",
    ),
    "credit": (
        "loans_running", "loan_amount_outstanding", "instalments_monthly", "days_past_due", "loans_repaid",
        "loans_written_off", "loans_granted_365d", "loan_tenure_days", "loan_months_left",
        "days_past_due_max_90d", "days_past_due_max_365d", "payments_late_90d", "payments_late_365d",
        "payments_in_time_365d", "payment_ratio_90d", "payment_ratio_365d", "instalments_unpaid",
        "arrears_amount", "days_since_last_late", "instalment_to_inflow_90d", "instalment_to_income",
        "applications_90d", "applications_180d", "applications_365d", "applications_refused_365d",
        "days_since_last_application", "amount_applied_365d", "bureau_score", "bureau_delinquencies",
        "bureau_inquiries", "bureau_age_days", "credit_limit_total", "card_debt", "credit_utilisation",
        "exposure_total", "debt_to_income",
    ),
    "holdings": (
        "products_held", "families_held", "has_savings", "has_deposit", "has_card", "has_loan",
        "has_mortgage", "has_fund", "has_insurance", "has_pension", "holdings_value",
        "product_risk_held_max", "days_since_last_purchase", "days_since_first_purchase",
        "days_since_last_closing", "products_bought_90d", "products_bought_365d", "products_closed_365d",
        "products_ever", "holding_days_mean", "products_maturing_90d",
    ),
    "investment": (
        "deposit_value", "fund_value", "pension_value", "risky_share", "risk_held_mean", "risk_bought_mean",
        "risk_bought_max_365d", "investments_bought_365d", "investment_amount_365d",
        "investment_amount_max", "market_purchases", "days_since_last_investment", "risk_room",
        "investments_to_wealth",
    ),
    "engagement": (
        "interactions_30d", "interactions_90d", "interactions_365d", "complaints_90d", "complaints_365d",
        "app_interactions_90d", "phone_interactions_90d", "branch_interactions_90d", "asked_about_loan_90d",
        "asked_about_mortgage_90d", "asked_about_investment_90d", "inbound_share_365d", "unresolved_90d",
        "rating_mean_365d", "rating_min_365d", "ratings_365d", "days_since_last_complaint",
        "days_since_last_contact", "offers_30d", "offers_180d", "offers_accepted_365d",
        "offers_ignored_365d", "offer_acceptance_365d", "days_since_last_offer", "consent_marketing_email",
        "consent_marketing_phone", "consent_marketing_app", "consent_profiling",
    ),
}  # fmt: skip
COLUMNS: tuple[str, ...] = tuple(column for columns in VIEWS.values() for column in columns)
OWNERS: dict[str, str] = {
    "profile": "customer data", "life": "customer data", "activity": "payments", "spending": "payments",
    "credit": "lending", "holdings": "products", "investment": "wealth", "engagement": "customer contact",
}  # fmt: skip

# Never an input of a credit or offer model; they are kept for fairness tests and duties of care.
PROTECTED: frozenset[str] = frozenset({"age_years", "is_female"})
# They stand for a protected attribute: where somebody comes from or lives, or how old they are.
PROXIES: frozenset[str] = frozenset(
    {"foreign_share_90d", "foreign_share_365d", "moves_365d", "days_since_last_move", "prefers_digital",
     "branch_share_90d", "branch_share_365d"}
)  # fmt: skip
# A consent is read by the rules; a model that learned from it would get round it.
CONSENTS: frozenset[str] = frozenset(c for c in VIEWS["engagement"] if c.startswith("consent_"))
# A code names something and measures nothing: rules look it up, no model learns from its number.
CODES: frozenset[str] = frozenset({"preferred_channel", "time_zone"})
# What somebody may invest in, and how they talk to the bank, says nothing a lender should use.
NOT_FOR_CREDIT: frozenset[str] = frozenset(
    {"risk_level", "risk_assessment_age_days", "product_risk_held_max", "has_relationship_manager",
     "risk_level_changes_365d", *VIEWS["investment"], *VIEWS["engagement"]}
)  # fmt: skip
PURPOSES: dict[str, frozenset[str]] = {  # what may be used for it
    "marketing": frozenset(COLUMNS) - PROTECTED - CONSENTS - CODES,
    "credit": frozenset(COLUMNS) - PROTECTED - PROXIES - CONSENTS - CODES - NOT_FOR_CREDIT,
    "service": frozenset(COLUMNS),
}


def view_of(column: str) -> str:
    """The view a column belongs to; KeyError when there is none.

    >>> view_of("inflow_90d")
    'activity'
    """
    for view, columns in VIEWS.items():
        if column in columns:
            return view
    raise KeyError(column)
