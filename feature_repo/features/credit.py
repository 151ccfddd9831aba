"""What the customer owes, and how they pay it back."""

import ibis
import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.features.profile import is_open
from feature_repo.snapshot import Seen, days_between, in_days
from feature_repo.sources import MONEY, MONTH_DAYS

MOST = 100.0  # a ratio to nothing would be infinite; above this it says no more


def loans_running(loans: Seen) -> ir.Value:
    """Loans not yet repaid or written off."""
    return loans.count(where=loans.running)


def loan_amount_outstanding(loans: Seen) -> ir.Value:
    """What is left of the running loans: the amount, less the share of all instalments paid.

    Where the bank has no table of repayments, instalments count as paid when due.
    """
    to_pay = (loans.instalment * loans.term_months).cast("float64")
    paid = (loans.paid.cast("float64") / to_pay.nullif(0)).fill_null(0).clip(0, 1)
    left = (loans.amount.cast("float64") * (1 - paid)).round(2).cast(MONEY)
    return left.sum(where=loans.running)


def loans_repaid(loans: Seen) -> ir.Value:
    """Loans paid back in full."""
    return loans.count(where=loans.status == "repaid")


def loans_written_off(loans: Seen) -> ir.Value:
    """Loans the bank gave up."""
    return loans.count(where=loans.status == "written_off")


def loans_granted(loans: Seen, days: int) -> ir.Value:
    """Loans granted in the last {days} days."""
    return loans.count(where=loans.within(days))


def loan_tenure_days(loans: Seen) -> ir.Value:
    """Days since the customer's first loan."""
    return in_days(loans.ago.max())


def loan_months_left(loans: Seen) -> ir.Value:
    """Months until the last of the running loans is paid, by its term; at least 0."""
    gone = in_days(loans.ago) / MONTH_DAYS
    return ibis.greatest(loans.term_months - gone, 0.0).max(where=loans.running)


def instalments_monthly(loans: Seen) -> ir.Value:
    """Instalments of the running loans, a month."""
    return loans.instalment.sum(where=loans.running)


def days_past_due(repayments: Seen) -> ir.Value:
    """Days since the oldest unpaid instalment of a running loan fell due."""
    return days_late(repayments).max(where=repayments.running & ~repayments.settled)


def days_past_due_max(repayments: Seen, days: int) -> ir.Value:
    """Longest delay of an instalment that fell due in the last {days} days, up to the date."""
    return ibis.greatest(days_late(repayments), 0).max(where=repayments.within(days))


def payments_late(repayments: Seen, days: int) -> ir.Value:
    """Instalments due in the last {days} days that were a day or more late, or still are."""
    return repayments.count(where=repayments.within(days) & (days_late(repayments) >= 1))


def payment_ratio(repayments: Seen, days: int) -> ir.Value:
    """Share of what fell due in the last {days} days that was paid."""
    due = repayments.due_amount.sum(where=repayments.within(days)).cast("float64")
    paid = repayments.paid_amount.sum(where=repayments.within(days) & repayments.settled)
    return paid.fill_null(0).cast("float64") / due.nullif(0)


def instalments_unpaid(repayments: Seen) -> ir.Value:
    """Instalments of running loans that fell due and are unpaid."""
    return repayments.count(where=repayments.running & ~repayments.settled)


def arrears_amount(repayments: Seen) -> ir.Value:
    """Money due on running loans and unpaid."""
    return repayments.due_amount.sum(where=repayments.running & ~repayments.settled)


def days_since_last_late(repayments: Seen) -> ir.Value:
    """Days since the last instalment that was a day or more late fell due."""
    return repayments.days_since_last(where=days_late(repayments) >= 1)


def payments_in_time(repayments: Seen, days: int) -> ir.Value:
    """Instalments due in the last {days} days that were paid before they were a day late."""
    return repayments.count(where=repayments.within(days) & repayments.settled & (days_late(repayments) < 1))


def days_late(repayments: Seen) -> ir.Value:
    """Days from falling due to payment, or to the date while unpaid."""
    return days_between(repayments.due_at, repayments.settled_at)


def applications(applications: Seen, days: int) -> ir.Value:
    """Applications for credit in the last {days} days."""
    return applications.count(where=applications.within(days))


def applications_refused(applications: Seen, days: int) -> ir.Value:
    """Applications of the last {days} days that were refused."""
    return applications.count(where=applications.within(days) & (applications.outcome == "refused"))


def days_since_last_application(applications: Seen) -> ir.Value:
    """Days since the last application for credit, of the last year."""
    return applications.days_since_last()


def amount_applied(applications: Seen, days: int) -> ir.Value:
    """Largest amount applied for in the last {days} days."""
    return applications.amount.max(where=applications.within(days))


def bureau_age_days(bureau: Seen) -> ir.Value:
    """Days since the last bureau report."""
    return in_days(bureau.ago)


def bureau_score(bureau: Seen) -> ir.Value:
    """Score of the last bureau report."""
    return bureau.score


def bureau_delinquencies(bureau: Seen) -> ir.Value:
    """Delinquencies in the last bureau report."""
    return bureau.delinquencies


def bureau_inquiries(bureau: Seen) -> ir.Value:
    """Inquiries in the last bureau report."""
    return bureau.inquiries


def credit_limit_total(accounts: Seen) -> ir.Value:
    """Credit limits of the customer's own open accounts."""
    return accounts.credit_limit.sum(where=is_open(accounts) & (accounts.role == "owner"))


def card_debt(account_histories: Seen) -> ir.Value:
    """What is owed on the customer's card accounts: their balances below zero."""
    owed = (account_histories.type == "card") & (account_histories.balance_after < 0)
    return (-account_histories.balance_after).sum(where=owed)


def credit_utilisation(card_debt: ir.Value, credit_limit_total: ir.Value) -> ir.Value:
    """What is owed on cards against the credit limits."""
    return card_debt / credit_limit_total.nullif(0)


def exposure_total(loan_amount_outstanding: ir.Value, credit_limit_total: ir.Value) -> ir.Value:
    """What the customer owes on loans and could draw on credit limits."""
    return loan_amount_outstanding + credit_limit_total


def debt_to_income(
    loan_amount_outstanding: ir.Value, credit_limit_total: ir.Value, income_monthly: ir.Value
) -> ir.Value:
    """The exposure against a year of the income on file, at most 100; unknown as that income is."""
    return against(loan_amount_outstanding + credit_limit_total, income_monthly * 12)


def instalment_to_income(instalments_monthly: ir.Value, income_monthly: ir.Value) -> ir.Value:
    """Payment to income: monthly instalments against the income on file, at most 100; unknown as that is."""
    return against(instalments_monthly, income_monthly)


def instalment_to_inflow(instalments_monthly: ir.Value, inflow_90d: ir.Value, days: int) -> ir.Value:
    """Monthly instalments against the money received a month over the last {days} days, at most 100."""
    return against(instalments_monthly, inflow_90d / (days / 30))


def against(part: ir.Value, whole: ir.Value) -> ir.Value:
    """A part against a whole, at most MOST, as it is of nothing; unknown where the whole is."""
    of_nothing = (part > 0).ifelse(MOST, 0.0)
    return whole.isnull().ifelse(
        None, (whole > 0).ifelse((part / whole.nullif(0)).clip(upper=MOST), of_nothing)
    )


FEATURES: tuple[Feature, ...] = (
    *entry(loans_running, "count", nothing=0),
    *entry(loan_amount_outstanding, "money", nothing=0),
    *entry(instalments_monthly, "money", nothing=0),
    *entry(days_past_due, "days", nothing=0),
    *entry(loans_repaid, "count", nothing=0),
    *entry(loans_written_off, "count", nothing=0),
    *entry(loans_granted, "count", 365, nothing=0),
    *entry(loan_tenure_days, "days"),
    *entry(loan_months_left, "months", nothing=0),
    *entry(days_past_due_max, "days", 90, 365, nothing=0),
    *entry(payments_late, "count", 90, 365, nothing=0),
    *entry(payments_in_time, "count", 365, nothing=0),
    *entry(payment_ratio, "ratio", 90, 365),
    *entry(instalments_unpaid, "count", nothing=0),
    *entry(arrears_amount, "money", nothing=0),
    *entry(days_since_last_late, "days"),
    *entry(instalment_to_inflow, "ratio", 90),
    *entry(instalment_to_income, "ratio"),
    *entry(applications, "count", 90, 180, 365, nothing=0),
    *entry(applications_refused, "count", 365, nothing=0),
    *entry(days_since_last_application, "days"),
    *entry(amount_applied, "money", 365, nothing=0),
    *entry(bureau_score, "points"),
    *entry(bureau_delinquencies, "count"),
    *entry(bureau_inquiries, "count"),
    *entry(bureau_age_days, "days"),
    *entry(credit_limit_total, "money", nothing=0),
    *entry(card_debt, "money", nothing=0),
    *entry(credit_utilisation, "ratio"),
    *entry(exposure_total, "money"),
    *entry(debt_to_income, "ratio"),
)
