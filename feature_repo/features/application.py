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
    "tenure_months", "income_monthly", "salary_monthly_90d", "inflow_90d", "balance_mean_90d",
)  # fmt: skip
APPLICATION_COLUMNS: tuple[str, ...] = (
    "application_amount", "application_term_months", "application_instalment",
    "application_instalment_to_income", "application_instalment_to_inflow",
    "application_amount_to_balance", "application_balance_after_instalment",
    "application_co_applicant", "application_is_newcomer",
)  # fmt: skip
MOST = 100.0  # a ratio to nothing would be infinite; above this it says no more


def application_features(
    request: Mapping[str, F64Array], features: Mapping[str, F64Array]
) -> dict[str, F64Array]:
    """The application columns, each of length n, in the order of APPLICATION_COLUMNS.

    `request` holds REQUEST_COLUMNS, `features` at least FEATURES_READ: arrays of length n in the
    base currency, months and 0/1, with NaN for what is unknown. MissingColumns names what lacks.

    >>> ask = {"amount": 6000.0, "term_months": 24.0, "declared_income": 2500.0, "co_applicant": 0.0}
    >>> known = dict.fromkeys(FEATURES_READ, np.array([np.nan]))
    >>> new = application_features({k: np.array([v]) for k, v in ask.items()}, known)
    >>> {k: float(v[0]) for k, v in new.items() if v[0] > 0}  # doctest: +NORMALIZE_WHITESPACE
    {'application_amount': 6000.0, 'application_term_months': 24.0, 'application_instalment': 250.0,
     'application_instalment_to_income': 0.1, 'application_is_newcomer': 1.0}
    """
    amount, term, declared, co_applicant = _arrays("request", request, REQUEST_COLUMNS)
    tenure, income, salary, inflow, balance = _arrays("features", features, FEATURES_READ)
    instalment = amount / np.where(term > 0, term, np.nan)
    values = (
        amount,
        term,
        instalment,
        _ratio(instalment, _monthly_income(declared, income, salary)),
        _ratio(instalment, inflow / 3),
        _ratio(amount, balance),
        balance - instalment,
        co_applicant,
        np.isnan(tenure).astype(np.float64),  # every customer with a row has a tenure
    )
    return dict(zip(APPLICATION_COLUMNS, values, strict=True))


def _arrays(table: str, given: Mapping[str, F64Array], names: tuple[str, ...]) -> list[F64Array]:
    missing = [name for name in names if name not in given]
    if missing:
        raise MissingColumns(table, missing, given)
    return [np.asarray(given[name], np.float64) for name in names]


def _monthly_income(declared: F64Array, recorded: F64Array, salary: F64Array) -> F64Array:
    """What was declared, else what the bank has on file, else the salary seen (if there is one)."""
    seen = np.where(salary > 0, salary, np.nan)
    on_file = np.where(np.isnan(recorded), seen, recorded)
    return np.where(np.isnan(declared), on_file, declared)


def _ratio(part: F64Array, whole: F64Array) -> F64Array:
    """`part / whole`, at most MOST; MOST too where the whole is zero or less. NaN stays NaN."""
    positive = np.where(whole > 0, whole, 1.0)
    known = np.where(whole > 0, np.minimum(part / positive, MOST), MOST)
    return np.where(np.isnan(part) | np.isnan(whole), np.nan, known)
