"""A customer, an offer and an applicant against whom no rule of the standard policy holds.

Whatever is tried changes single columns of them, so that what happens then is the change's doing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crm_rules.contact.clock import Local
from crm_rules.lending.applicants import Applicants
from crm_rules.offers.catalogue import Catalogue
from crm_rules.offers.customers import NO_CHANNEL, Customers
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.policy import Policy
from crm_rules.vocabulary import CONTEXTS, MARKETING_CHANNELS

CUSTOMER: Mapping[str, float] = {
    "age": 40.0, "risk_level": 5.0, "assessment_days": 10.0, "is_company": 0.0, "income_monthly": 10_000.0,
    "days_past_due": 0.0, "complaints_365d": 0.0, "consent_profiling": 1.0, "preferred_channel": np.nan,
    "tier": np.nan, "leaving": 0.0, "minute": 720.0, "day": 20_600.0, "zone_known": 1.0, "owned": 0.0,
    **{f"consent_{name}": 1.0 for name in MARKETING_CHANNELS},
}  # fmt: skip
OFFER: Mapping[str, object] = {
    "product_id": "tried", "family": "savings", "risk_level": 1, "minimum_amount": 0.0, "value": 100.0,
    "tier_required": None,
}  # fmt: skip
APPLICANT: Mapping[str, object] = {
    "pd": 0.01, "amount": 10_000.0, "term_months": 12.0, "income_monthly": 10_000.0,
    "instalments_monthly": 0.0, "exposure_total": 0.0, "age_years": 40.0, "days_past_due": 0.0,
    "loans_written_off": 0.0, "applications_refused_365d": 0.0, "bureau_delinquencies": 0.0,
    "is_company": False, "is_newcomer": False, "degraded": False, "stopped": False,
}  # fmt: skip
CUSTOMER_COLUMNS = (*CUSTOMER, "channel", "segments")


def customers(policy: Policy, given: Sequence[Mapping[str, Any]]) -> Customers:
    """Customers like the typical one, each with other values of CUSTOMER_COLUMNS; one offer across.

    Of every segment that the policy names it is known who is in it: those whose `segments` say so.
    """
    rows = [{**CUSTOMER, "channel": None, "segments": (), **each} for each in given]

    def column(name: str) -> Any:
        return np.array([float(row[name]) for row in rows], np.float64)

    day = column("day").astype(np.int64)
    year = day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
    named = sorted({name for row in rows for name in row["segments"]} | policy.targeting.segments)
    return Customers(
        **{name: column(name) for name in ARRAYS},
        consents=np.column_stack([column(f"consent_{name}") for name in MARKETING_CHANNELS]),
        channel=np.array(
            [NO_CHANNEL if row["channel"] is None else CONTEXTS.index(row["channel"]) for row in rows],
            np.int8,
        ),
        local=Local(day, column("minute").astype(np.int64), year, column("zone_known") == 1),
        owned=(column("owned") == 1)[:, None],
        ruled={name: np.array([name in row["segments"] for row in rows], np.bool_) for name in named},
    )


ARRAYS = (
    "age", "risk_level", "assessment_days", "is_company", "income_monthly", "days_past_due",
    "complaints_365d", "consent_profiling", "preferred_channel", "tier", "leaving",
)  # fmt: skip


def offers(policy: Policy, given: Mapping[str, Any]) -> Offers:
    """One plain offer of a product like the typical one, with other values."""
    products = Products.from_catalogue([{**OFFER, **given}])
    return Offers.of(Catalogue("tried"), products, policy)


def applicants(policy: Policy, given: Sequence[Mapping[str, Any]]) -> Applicants:
    """Applicants like the typical one, in the policy's best grade, each with other values."""
    rows = [{**APPLICANT, "grade": next(iter(policy.lending.grades)), **each} for each in given]
    return Applicants(**{name: np.array([row[name] for row in rows]) for name in rows[0]})
