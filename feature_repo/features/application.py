"""What an application for credit adds to what the bank knows: one function for dataset and Scorer.

A request joins the customer's features. Nothing has to be known: what is missing is NaN, and a
person new to the bank is a customer without features.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from feature_repo.errors import MissingColumns

F64Array = npt.NDArray[np.float64]

REQUEST_COLUMNS: tuple[str, ...] = ("amount", "term_months", "declared_income", "co_applicant")
FEATURES_READ: tuple[str, ...] = (
    "tenure_months", "income_monthly", "salary_monthly_90d", "inflow_90d", "outflow_90d",
    "card_payment_share_90d", "balance_last", "balance_mean_90d", "balance_min_90d",
    "instalments_monthly", "exposure_total",
)  # fmt: skip
APPLICATION_COLUMNS: tuple[str, ...] = (
    "application_amount", "application_term_months", "application_instalment",
    "application_instalment_to_income", "application_instalment_to_inflow",
    "application_amount_to_balance", "application_balance_after_instalment",
    "application_co_applicant", "application_is_newcomer",
    "application_debt_service_to_income", "application_debt_service_to_inflow",
    "application_income_after_debt_service", "application_exposure_to_income",
    "application_share_of_exposure", "application_balance_to_income",
    "application_lowest_balance_to_income", "application_declared_to_recorded_income",
    "application_spending_to_income",
)  # fmt: skip
MOST = 100.0  # a ratio to nothing would be infinite; above this it says no more
PLANNED_RATE, PLANNED_RATE_LONG, LONG_MONTHS = 0.07, 0.04, 120
"""Interest a year that the debt service is planned with, since the price is set after the decision."""


@np.errstate(over="ignore")  # beyond a double is infinite, as a ratio of nothing is
def application_features(
    request: Mapping[str, F64Array], features: Mapping[str, F64Array]
) -> dict[str, F64Array]:
    """The application columns, each of length n, in the order of APPLICATION_COLUMNS.

    `request` holds REQUEST_COLUMNS, `features` at least FEATURES_READ: arrays of length n in the
    base currency, months and 0/1, with NaN for what is unknown. MissingColumns names what lacks.
    The debt service is what would be paid a month in all: the instalments that run and that of the
    loan asked for, with interest. Who is new to the bank owes it nothing yet.

    >>> ask = {"amount": 6000.0, "term_months": 24.0, "declared_income": 2500.0, "co_applicant": 0.0}
    >>> known = dict.fromkeys(FEATURES_READ, np.array([np.nan]))
    >>> new = application_features({k: np.array([v]) for k, v in ask.items()}, known)
    >>> {k: round(float(v[0]), 3) for k, v in new.items() if v[0] > 0}  # doctest: +NORMALIZE_WHITESPACE
    {'application_amount': 6000.0, 'application_term_months': 24.0, 'application_instalment': 250.0,
     'application_instalment_to_income': 0.1, 'application_is_newcomer': 1.0,
     'application_debt_service_to_income': 0.107, 'application_income_after_debt_service': 2231.771,
     'application_exposure_to_income': 0.2, 'application_share_of_exposure': 1.0}
    """
    amount, term, declared, co_applicant = _arrays("request", request, REQUEST_COLUMNS)
    (
        tenure, recorded, salary, inflow, outflow, by_card, balance, balance_mean, balance_min,
        running, exposure,
    ) = _arrays("features", features, FEATURES_READ)  # fmt: skip
    newcomer = np.isnan(tenure)  # every customer with a row has a tenure
    running, exposure = (np.where(newcomer & np.isnan(owed), 0.0, owed) for owed in (running, exposure))
    income = monthly_income(declared, recorded, salary)
    instalment = amount / np.where(term > 0, term, np.nan)
    debt_service = planned_instalment(amount, term) + running
    values = (
        amount,
        term,
        instalment,
        _ratio(instalment, income),
        _ratio(instalment, inflow / 3),
        _ratio(amount, balance_mean),
        balance_mean - instalment,
        co_applicant,
        newcomer.astype(np.float64),
        _ratio(debt_service, income),
        _ratio(debt_service, inflow / 3),
        income - debt_service,
        _ratio(amount + exposure, income * 12),
        _ratio(amount, amount + exposure),
        _against(balance, income),
        _against(balance_min, income),
        _against(declared, recorded),
        _against(outflow * by_card / 3, income),
    )
    return dict(zip(APPLICATION_COLUMNS, values, strict=True))


def planned_instalment(amount: F64Array, term: F64Array) -> F64Array:
    """A month's share of the amount and, at the planned rate, of the interest on what is owed on average.

    NaN where there is no term. Within 6 % of an annuity, without a power that rounds by processor.

    >>> planned_instalment(np.array([6000.0, 6000.0]), np.array([24.0, 0.0])).round(2)
    array([268.23,    nan])
    """
    months = np.where(term > 0, term, np.nan)
    rate = np.where(months >= LONG_MONTHS, PLANNED_RATE_LONG, PLANNED_RATE)
    return np.asarray(amount / months + amount * (months + 1) / (2 * months) * rate / 12, np.float64)


def _arrays(table: str, given: Mapping[str, F64Array], names: tuple[str, ...]) -> list[F64Array]:
    missing = [name for name in names if name not in given]
    if missing:
        raise MissingColumns(table, missing, given)
    return [np.asarray(given[name], np.float64) for name in names]


def monthly_income(declared: F64Array, recorded: F64Array, salary: F64Array) -> F64Array:
    """What was declared, else what the bank has on file, else the salary seen (if there is one)."""
    seen = np.where(salary > 0, salary, np.nan)
    on_file = np.where(np.isnan(recorded), seen, recorded)
    return np.where(np.isnan(declared), on_file, declared)


def _ratio(part: F64Array, whole: F64Array) -> F64Array:
    """`part / whole`, at most MOST; MOST too where the whole is zero or less. NaN stays NaN."""
    positive = np.where(whole > 0, whole, 1.0)
    known = np.where(whole > 0, np.minimum(part / positive, MOST), MOST)
    return np.where(np.isnan(part) | np.isnan(whole), np.nan, known)


def _against(part: F64Array, whole: F64Array) -> F64Array:
    """`part / whole` between -MOST and MOST; unknown where the whole is zero or less."""
    return np.where(whole > 0, np.clip(part / np.where(whole > 0, whole, 1.0), -MOST, MOST), np.nan)
