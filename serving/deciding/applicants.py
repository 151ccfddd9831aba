"""Applicants as the lending rules read them: what they ask for, what is known of them, at their moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_rules.contact.clock import local
from crm_rules.lending.applicants import Applicants
from crm_rules.offers.customers import calendar_age
from crm_rules.rules import Mask
from feature_repo.features.application import monthly_income
from serving.deciding.offering import moments_of
from serving.deciding.online import F64Array, Snapshot
from serving.deciding.records import Case

Indices = npt.NDArray[np.intp]
AS_KNOWN = (
    "instalments_monthly", "exposure_total", "days_past_due", "loans_written_off",
    "applications_refused_365d", "bureau_delinquencies",
)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """What no request changes, (n,) each: age at the moment, degraded input, a stopped model."""

    age: F64Array
    degraded: Mask
    stopped: bool

    def of(self, cases: Indices) -> "Standing":
        """The same of some of the cases, each as often as it is named."""
        return Standing(self.age[cases], self.degraded[cases], self.stopped)


def standing(cases: Sequence[Case], stopped: bool, zone: str) -> Standing:
    """The standing of n cases of one snapshot; `zone` is the bank's, for whom no other is known."""
    snapshot = cases[0].snapshot
    here = local(moments_of(cases), snapshot.column("time_zone"), zone)
    known_at = snapshot.event_us[:, snapshot.origin.views.index("profile")]
    age = calendar_age(snapshot.column("age_years"), known_at, here)
    return Standing(age, np.array([bool(case.degraded) for case in cases]), stopped)


def applicants(
    pd: F64Array, grades: Sequence[str | None], asked: Mapping[str, F64Array], known: Snapshot, by: Standing
) -> Applicants:
    """n applications of one snapshot, with the probability and the grade a model gives each."""
    income = monthly_income(
        asked["declared_income"], known.column("income_monthly"), known.column("salary_monthly_90d")
    )
    return Applicants(
        pd=pd,
        grade=np.array([grade or "" for grade in grades], np.str_),
        amount=asked["amount"],
        term_months=asked["term_months"],
        income_monthly=income,
        age_years=by.age,
        is_company=known.column("is_company") == 1,
        is_newcomer=~known.found,
        degraded=by.degraded,
        stopped=np.full(len(pd), by.stopped),
        **{name: known.column(name) for name in AS_KNOWN},
    )
