"""The best recommender the truth allows: the chance that each product not held is added in half a year.

The truth tells the chance of each family within three months (`outlook.py`) and how a buyer chooses
within the family (`shelf.py`: fit to the kind of customer, income, appetite, what is held, taste).
Their product is brought from three months to six as if the hazard stayed as it is. Approximated: the
kind of customer is taken as it is when the data ends, so somebody who has changed since is foretold
with what came later (which favours the oracle), and a family's second purchase is left out.
"""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from feature_repo.raw.generate.needs import SOLD
from feature_repo.raw.generate.shelf import IDS, OF_FAMILY, PERSONAS, chances

KNOWN = """SELECT o.*, t.persona_last AS persona, c.income, c.risk
FROM truth_outlook o JOIN truth_customers t USING (customer_id) JOIN (
  SELECT customer_id, arg_max(income_monthly, recorded_at)::DOUBLE AS income,
         arg_max(risk_level, recorded_at) AS risk
  FROM customers WHERE epoch_us(recorded_at) < $at GROUP BY customer_id) c USING (customer_id)
WHERE epoch_us(o.as_of) = $at ORDER BY o.customer_id"""
HELD = """SELECT customer_id, product_id FROM holdings
WHERE epoch_us(recorded_at) < $at AND epoch_us(opened_at) < $at GROUP BY customer_id, product_id, opened_at
HAVING coalesce(epoch_us(arg_max(closed_at, recorded_at)), 9e18) >= $at"""


@dataclass(frozen=True)
class Foretold:
    """The chance (n, P) of each customer's adding each of `products` within six months of a date."""

    customer_ids: tuple[str, ...]
    products: tuple[str, ...]
    chance: npt.NDArray[np.float64]


def foretell(truth: Path, raw: Path, at: int) -> Foretold:
    """The oracle for every customer there at a month's start `at` (microseconds); 0 for what is held."""
    with duckdb.connect(config={"threads": 1, "temp_directory": str(truth.parent / ".spill")}) as connection:
        connection.execute("SET timezone = 'UTC'")
        for folder, names in ((raw, ("customers", "holdings")), (truth, ("customers", "outlook"))):
            for name in names:
                view = name if folder is raw else f"truth_{name}"
                connection.read_parquet(f"{folder}/{name}/*.parquet").create_view(view)
        known = connection.execute(KNOWN, {"at": at}).fetchnumpy()
        holdings = connection.execute(HELD, {"at": at}).fetchnumpy()
    ids = known["customer_id"].tolist()
    row, place = {name: n for n, name in enumerate(ids)}, {name: n for n, name in enumerate(IDS.tolist())}
    held = np.zeros((len(ids), len(place)), np.bool_)
    for customer, product in zip(holdings["customer_id"], holdings["product_id"], strict=True):
        if customer in row:
            held[row[customer], place[product]] = True
    persona = np.array([PERSONAS.index(name) for name in known["persona"]])
    income = np.log(np.maximum(np.nan_to_num(np.ma.filled(known["income"], 9000.0), nan=9000.0), 500) / 9000)
    appetite = np.array([int(level[1]) if isinstance(level, str) else 3 for level in known["risk"]])
    found = np.zeros(held.shape)
    for family in SOLD:
        soon = 1 - (1 - np.asarray(known[family], np.float64)) ** 2
        part = chances(family, persona, income, appetite, held) * ~held[:, OF_FAMILY[family]]
        whole = part.sum(axis=1, keepdims=True)
        found[:, OF_FAMILY[family]] = soon[:, None] * part / np.where(whole > 0, whole, 1.0)
    return Foretold(tuple(ids), tuple(IDS.tolist()), found)
