"""The product catalogue with its changes, and currency rates, as the bank's tables hold them."""

import numpy as np
import pyarrow as pa

from feature_repo.raw.contracts import FX_RATES, PRODUCTS
from feature_repo.raw.generate.arrow import table
from feature_repo.raw.generate.clock import DAY, HOUR, Calendar
from feature_repo.raw.generate.people import Whole
from feature_repo.raw.generate.shelf import IDS, MINIMUM, RATE, SHELF


def products(calendar: Calendar) -> pa.Table:
    """The catalogue from before the first month on; some rates and risk levels change half way."""
    since = calendar.start - 3650 * DAY
    half = int(calendar.edges[calendar.months // 2]) + 9 * HOUR
    changed = {
        "DEP-12M": (-0.003, 0),
        "DEP-36M": (-0.004, 0),
        "LOAN-CONSUMER": (0.006, 0),
        "FUND-BALANCED": (0.0, 1),
    }
    again = np.array([product.product_id in changed for product in SHELF])
    shift = np.array([changed.get(product.product_id, (0.0, 0)) for product in SHELF])
    level = np.array([product.risk for product in SHELF])
    which = np.concatenate([np.arange(len(SHELF)), np.flatnonzero(again)])
    new = np.arange(len(which)) >= len(SHELF)
    risk = np.char.add("R", (level[which] + new * shift[which, 1]).astype(int).astype(str))
    at = np.where(new, half, since)
    shelf = [SHELF[number] for number in which]
    return table(PRODUCTS, {
        "product_id": IDS[which], "valid_from": at, "recorded_at": at,
        "family": np.array([product.family for product in shelf]),
        "title_en": np.array([product.title_en for product in shelf]),
        "title_zh": np.array([product.title_zh for product in shelf]),
        "risk_level": risk, "seller_risk_level": risk, "rate": RATE[which] + new * shift[which, 0],
        "minimum_amount": MINIMUM[which] * 100,
        "tier_required": np.array([product.tier for product in shelf], dtype=object),
        "value": np.array([product.value for product in shelf]) * 100,
        "attributes": np.array([f'{{"months":{product.months}}}' for product in shelf]),
    })  # fmt: skip


def rates(calendar: Calendar, rng: np.random.Generator) -> pa.Table:
    """Daily rates: how many CNY one unit of the currency costs."""
    days: Whole = np.arange(calendar.start - 30 * DAY, calendar.end, DAY)
    parts = []
    for currency, level in (("USD", 7.1), ("EUR", 7.8), ("HKD", 0.91)):
        rate = level * np.exp(np.cumsum(rng.normal(0, 0.002, len(days))))
        parts.append(table(FX_RATES, {"currency": np.full(len(days), currency), "as_of": days,
                                      "recorded_at": days + HOUR, "rate": np.round(rate, 5)}))  # fmt: skip
    return pa.concat_tables(parts)
