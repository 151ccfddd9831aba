"""Applicants of the lending rules."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from crm_rules.lending.applicants import Applicants

NAN = float("nan")
Make = Callable[..., Applicants]
GOOD: dict[str, Any] = {
    "pd": 0.015, "grade": "B", "amount": 50_000.0, "term_months": 60.0, "income_monthly": 6_000.0,
    "instalments_monthly": 500.0, "exposure_total": 20_000.0, "age_years": 40.0, "days_past_due": NAN,
    "loans_written_off": NAN, "applications_refused_365d": NAN, "bureau_delinquencies": NAN,
    "is_company": False, "is_newcomer": False, "degraded": False, "stopped": False,
}  # fmt: skip


@pytest.fixture
def applicants() -> Make:
    """Build applicants who would be approved, except for what the arguments change."""

    def build(n: int = 1, **changed: Any) -> Applicants:
        columns = {name: np.asarray(changed.pop(name, usual)) for name, usual in GOOD.items()}
        assert not changed
        return Applicants(**{name: np.broadcast_to(each, (n,)) for name, each in columns.items()})

    return build
