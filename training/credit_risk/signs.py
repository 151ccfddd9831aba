"""Which way a column may move the risk: chosen beside the columns, by domain sense and not by the data.

A column in neither set is free: no sense says which way it counts for everybody.
"""

RISK_RISES = frozenset({
    # what is asked for, against what there is to pay it from
    "application_amount", "application_instalment", "application_instalment_to_income",
    "application_instalment_to_inflow", "application_amount_to_balance", "application_is_newcomer",
    "application_debt_service_to_income", "application_debt_service_to_inflow",
    "application_exposure_to_income", "application_declared_to_recorded_income",
    "application_spending_to_income",
    # what is owed already
    "loan_amount_outstanding", "instalments_monthly", "instalment_to_inflow_90d", "instalment_to_income",
    "exposure_total", "debt_to_income", "credit_utilisation",
    # how it was paid so far
    "days_past_due", "days_past_due_max_90d", "days_past_due_max_365d", "payments_late_90d",
    "payments_late_365d", "negative_balance_bookings_90d", "negative_balance_bookings_365d",
    "penalty_interest_365d", "bureau_delinquencies",
    # how often credit was sought
    "bureau_inquiries", "applications_180d", "applications_refused_365d",
    # signs of income that has stopped
    "days_since_last_salary",
})  # fmt: skip
RISK_FALLS = frozenset({
    "income_monthly", "inflow_90d", "inflow_365d", "salary_monthly_90d", "balance_last",
    "balance_mean_90d", "balance_mean_365d", "balance_min_90d", "balance_min_365d", "bureau_score",
    "payment_ratio_90d", "payment_ratio_365d", "payments_in_time_365d", "days_since_last_late",
    "tenure_months", "holdings_value", "application_balance_after_instalment", "application_co_applicant",
    "application_income_after_debt_service", "application_balance_to_income",
    "application_lowest_balance_to_income",
})  # fmt: skip
