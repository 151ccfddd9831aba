"""What the customer owes, and how they pay it back."""

import ibis
import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.features.profile import is_open
from feature_repo.snapshot import Seen, days_between
from feature_repo.sources import MONEY

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


def days_late(repayments: Seen) -> ir.Value:
    """Days from falling due to payment, or to the date while unpaid."""
    return days_between(repayments.due_at, repayments.settled_at)


def applications(applications: Seen, days: int) -> ir.Value:
    """Applications for credit in the last {days} days."""
    return applications.count(where=applications.within(days))


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


def instalment_to_inflow(instalments_monthly: ir.Value, inflow_90d: ir.Value, days: int) -> ir.Value:
    """Monthly instalments against the money received a month over the last {days} days, at most 100."""
    ratio = ibis.least(instalments_monthly / (inflow_90d / (days / 30)).nullif(0), MOST)
    of_nothing = (instalments_monthly > 0).ifelse(MOST, 0.0)
    return (inflow_90d > 0).ifelse(ratio, of_nothing)


FEATURES: tuple[Feature, ...] = (
    *entry(loans_running, "count", nothing=0),
    *entry(loan_amount_outstanding, "money", nothing=0),
    *entry(instalments_monthly, "money", nothing=0),
    *entry(days_past_due, "days", nothing=0),
    *entry(days_past_due_max, "days", 365, nothing=0),
    *entry(payments_late, "count", 365, nothing=0),
    *entry(payment_ratio, "ratio", 365),
    *entry(instalment_to_inflow, "ratio", 90),
    *entry(applications, "count", 180, nothing=0),
    *entry(bureau_score, "points"),
    *entry(bureau_delinquencies, "count"),
    *entry(bureau_inquiries, "count"),
    *entry(credit_limit_total, "money", nothing=0),
)
