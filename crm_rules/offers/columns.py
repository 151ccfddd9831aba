"""What offer rules read: customers down, products across; NaN means unknown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_rules.rules import F64Array, Mask

CUSTOMER_COLUMNS = (
    "age_years", "risk_level", "risk_assessment_age_days", "is_company", "income_monthly",
    "days_past_due", "complaints_365d", "consent_marketing_email", "consent_marketing_phone",
    "consent_marketing_app", "consent_profiling",
)  # fmt: skip


@dataclass(frozen=True)
class Customers:
    """n customers: arrays of length n, `owned` (n, P); consents are 1 given, 0 withdrawn, NaN never asked.

    `segments` says who is in which segment, learned or by rule: (n,) each, by id.
    """

    age_years: F64Array
    risk_level: F64Array
    risk_assessment_age_days: F64Array
    is_company: F64Array
    income_monthly: F64Array
    days_past_due: F64Array
    complaints_365d: F64Array
    consent_email: F64Array
    consent_phone: F64Array
    consent_app: F64Array
    consent_profiling: F64Array
    owned: Mask
    segments: Mapping[str, Mask] = field(default_factory=dict)

    @staticmethod
    def from_columns(
        columns: Mapping[str, F64Array], owned: Mask, segments: Mapping[str, Mask] | None = None
    ) -> "Customers":
        """Take the features named in CUSTOMER_COLUMNS; KeyError when one is not there."""
        taken = {
            name.replace("consent_marketing_", "consent_"): np.asarray(columns[name], np.float64)
            for name in CUSTOMER_COLUMNS
        }
        return Customers(**taken, owned=np.asarray(owned, np.bool_), segments=segments or {})

    def __len__(self) -> int:
        return len(self.age_years)

    def in_any(self, segments: Collection[str]) -> Mask:
        """Who is in at least one of these segments, (n,); nobody is in one that is not known."""
        inside = np.zeros(len(self), np.bool_)
        for name in segments:
            inside |= self.segments.get(name, False)
        return inside

    def consent(self, channel: str) -> F64Array:
        """Consent to marketing on "email", "phone" or "app"."""
        return {"email": self.consent_email, "phone": self.consent_phone, "app": self.consent_app}[channel]


@dataclass(frozen=True)
class Products:
    """P products, sorted by id; arrays of length P. `risk_level` is the higher of issuer's and seller's.

    `stopped` and `not_offered` are stop switches: of the product, and of its offering alone.
    """

    product_id: tuple[str, ...]
    family: NDArray[np.str_]
    risk_level: F64Array
    minimum_amount: F64Array
    value: F64Array
    tier_required: NDArray[np.str_]
    withdrawn: Mask
    stopped: Mask
    not_offered: Mask

    @staticmethod
    def from_catalogue(entries: Sequence[Mapping[str, Any]], withdrawn: Collection[str] = ()) -> "Products":
        """Take the entries of a products.json; `withdrawn` names what is no longer sold."""
        ordered = sorted(entries, key=lambda entry: str(entry["product_id"]))
        ids = tuple(str(entry["product_id"]) for entry in ordered)
        return Products(
            product_id=ids,
            family=np.array([entry["family"] for entry in ordered], dtype=np.str_),
            risk_level=_numbers(ordered, "risk_level", np.nan),
            minimum_amount=_numbers(ordered, "minimum_amount", 0.0),
            value=_numbers(ordered, "value", 0.0),
            tier_required=np.array([entry.get("tier_required") or "" for entry in ordered], dtype=np.str_),
            withdrawn=_among(ids, withdrawn),
            stopped=_among(ids, ()),
            not_offered=_among(ids, ()),
        )

    @property
    def stopped_ids(self) -> tuple[str, ...]:
        """The products a stop switch names."""
        return tuple(
            name for name, is_stopped in zip(self.product_id, self.stopped, strict=True) if is_stopped
        )

    def under(self, stopped: Collection[str], not_offered: Collection[str]) -> "Products":
        """The same shelf while stop switches name these products, or the offering of these."""
        ids = self.product_id
        return replace(self, stopped=_among(ids, stopped), not_offered=_among(ids, not_offered))

    def __len__(self) -> int:
        return len(self.product_id)


def _among(ids: Sequence[str], names: Collection[str]) -> Mask:
    return np.array([product_id in names for product_id in ids], dtype=np.bool_)


def _numbers(entries: Sequence[Mapping[str, Any]], key: str, unknown: float) -> F64Array:
    values = [unknown if entry.get(key) is None else float(entry[key]) for entry in entries]
    return np.array(values, dtype=np.float64)
