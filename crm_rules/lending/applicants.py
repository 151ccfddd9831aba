"""What lending rules read: n applicants, and the same priced by what the policy gives each grade."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from crm_rules.lending.limits import Grade, LendingSituation
from crm_rules.lending.terms import MOST_MONEY, MOST_MONTHS, Terms, cents, instalments
from crm_rules.rules import F64Array, Mask

NO_GRADE = (np.nan, np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Applicants:
    """n applicants; float arrays of length n with NaN for unknown, `grade` "" for unknown, bool arrays.

    Money is a month's or owed, in the base currency. `age_years` and `is_company` serve the capacity to
    contract alone and never reach a credit model. `days_past_due` is NaN where nothing is owed.
    """

    pd: F64Array
    grade: NDArray[np.str_]
    amount: F64Array
    term_months: F64Array
    income_monthly: F64Array
    instalments_monthly: F64Array
    exposure_total: F64Array
    age_years: F64Array
    days_past_due: F64Array
    loans_written_off: F64Array
    applications_refused_365d: F64Array
    bureau_delinquencies: F64Array
    is_company: Mask
    is_newcomer: Mask
    degraded: Mask
    stopped: Mask

    def __len__(self) -> int:
        return len(self.pd)

    def one(self, row: int) -> "Applicants":
        """One of them, as a batch of one."""
        return Applicants(**{each.name: getattr(self, each.name)[row : row + 1] for each in fields(self)})


@dataclass(frozen=True)
class Priced:
    """n applicants with what their grade gets; money in whole cents, NaN for unknown or senseless.

    `service` is what would be paid a month in all, `left` what remains of the income, `owed` what would
    be owed in all.
    """

    asked: Applicants
    pd: F64Array
    amount: F64Array
    term_months: F64Array
    income: F64Array
    running: F64Array
    exposure: F64Array
    rate: F64Array
    grade_amount_max: F64Array
    grade_term_months_max: F64Array
    grade_exposure_max: F64Array
    instalment: F64Array
    service: F64Array
    left: F64Array
    owed: F64Array

    def __len__(self) -> int:
        return len(self.pd)

    def one(self, row: int) -> "Priced":
        """One of them, as a batch of one."""
        columns = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "asked"}
        return Priced(self.asked.one(row), **{name: each[row : row + 1] for name, each in columns.items()})

    def of_grade(self, grades: tuple[str, ...]) -> Mask:
        """Whose grade is one of these, (n,)."""
        return np.array([grade in grades for grade in self.asked.grade.tolist()], np.bool_)

    @staticmethod
    def of(asked: Applicants, grades: Mapping[str, Grade]) -> "Priced":
        """Price n applications; what makes no sense is unknown."""
        amount, income = _money(asked.amount), _money(asked.income_monthly)
        running = np.where(asked.is_newcomer, 0.0, _money(asked.instalments_monthly))
        exposure = np.where(asked.is_newcomer, 0.0, _money(asked.exposure_total))
        term = np.where(_is_term(asked.term_months), asked.term_months, np.nan)
        gets = {
            name: (each.rate, each.amount_max, float(each.term_months_max), each.exposure_max)
            for name, each in grades.items()
        }
        found = np.array([gets.get(grade, NO_GRADE) for grade in asked.grade.tolist()], np.float64)
        rate, most, longest, most_owed = found.reshape(-1, 4).T
        instalment = instalments(amount, rate, term)
        return Priced(
            asked, _within(asked.pd, 1.0), amount, term, income, running, exposure,
            rate, cents(most), longest, cents(most_owed),
            instalment, instalment + running, income - (instalment + running), exposure + amount,
        )  # fmt: skip

    def terms(self, cuts: LendingSituation) -> Terms:
        """Price, instalment and limit of each; nothing but grade, amount, term and exposure decides them."""
        most = np.where(
            self.asked.is_newcomer, min(cuts.amount_max, cuts.newcomer_amount_max), cuts.amount_max
        )
        room = np.minimum(self.grade_exposure_max - self.exposure, self.grade_amount_max)
        limit = np.maximum(np.minimum(room, cents(most)), 0.0)
        return Terms(self.amount / 100, self.term_months, self.rate, self.instalment / 100, limit / 100)


def _within(values: F64Array, most: float) -> F64Array:
    return np.where((values >= 0) & (values <= most), values, np.nan)


def _money(values: F64Array) -> F64Array:
    return cents(_within(np.asarray(values, np.float64), MOST_MONEY))


def _is_term(months: F64Array) -> Mask:
    whole: Mask = (months >= 1) & (months <= MOST_MONTHS) & (np.floor(months) == months)
    return whole
