"""The products on sale, as rules read them: P of them, sorted by id; NaN means unknown."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm_rules.rules import F64Array


@dataclass(frozen=True)
class Products:
    """P products; arrays of length P. `risk_level` is the higher of issuer's and seller's.

    `start` is the share of customers expected to buy a new one, `start_evidence` how many customers that
    expectation weighs; NaN and 0 where the catalogue declares nothing.
    """

    product_id: tuple[str, ...]
    family: NDArray[np.str_]
    risk_level: F64Array
    minimum_amount: F64Array
    value: F64Array
    tier_required: tuple[str, ...]
    start: F64Array
    start_evidence: F64Array
    withdrawn: frozenset[str] = frozenset()

    @staticmethod
    def from_catalogue(entries: Sequence[Mapping[str, Any]], withdrawn: Collection[str] = ()) -> "Products":
        """Take the entries of a products.json; `withdrawn` names what is no longer sold."""
        ordered = sorted(entries, key=lambda entry: str(entry["product_id"]))
        return Products(
            product_id=tuple(str(entry["product_id"]) for entry in ordered),
            family=np.array([entry["family"] for entry in ordered], dtype=np.str_),
            risk_level=_numbers(ordered, "risk_level", np.nan),
            minimum_amount=_numbers(ordered, "minimum_amount", 0.0),
            value=_numbers(ordered, "value", 0.0),
            tier_required=tuple(str(entry.get("tier_required") or "") for entry in ordered),
            start=_numbers(ordered, "starting_propensity", np.nan),
            start_evidence=_numbers(ordered, "starting_evidence", 0.0),
            withdrawn=frozenset(withdrawn),
        )

    def __len__(self) -> int:
        return len(self.product_id)


def _numbers(entries: Sequence[Mapping[str, Any]], key: str, unknown: float) -> F64Array:
    values = [unknown if entry.get(key) is None else float(entry[key]) for entry in entries]
    return np.array(values, dtype=np.float64)
