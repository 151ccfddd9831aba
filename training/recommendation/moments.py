"""Who held what at a date, what they added within the horizon, and what was known of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from feature_repo.raw.contracts import PRODUCT_RISK
from training.dataset import Dataset, TooLittleData, everybody_at, iso, load, quarters
from training.labels import DAY, I64, History, active
from training.learning.trees import F32
from training.release.assemble import part_digest, read_part
from training.release.content import ProductFacts
from training.release.segmentation import Segmentation
from training.run import Run

MODEL, SERVICE, SEGMENTATION = "recommendation", "recommendation_v1", "segmentation"
HORIZON_DAYS = 180
HORIZON = HORIZON_DAYS * DAY
LEAST_PRODUCTS, LEAST_ADDITIONS = 5, 200
MOST_HALF_YEARS = 4  # two to learn from, one to choose and calibrate on, one to test on
Flags = npt.NDArray[np.bool_]
Segments = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Moment:
    """n customers at a date. `last` is the product bought last, -1 where none was; `segments` as assigned."""

    at: int
    matrix: F32
    held: Flags
    added: Flags
    last: I64
    segments: Segments | None = None

    def __len__(self) -> int:
        return len(self.held)

    def rows(self, chosen: npt.NDArray[np.intp]) -> "Moment":
        """Some of the customers."""
        segments = None if self.segments is None else self.segments[chosen]
        return Moment(self.at, self.matrix[chosen], self.held[chosen], self.added[chosen],
                      self.last[chosen], segments)  # fmt: skip


@dataclass(frozen=True)
class Segmented:
    """The segmentation that is an input: its digest, how many segments it has."""

    digest: str
    model: Segmentation

    @staticmethod
    def of(folder: Path | None) -> "Segmented | None":
        """From the folder of its newest part, where there is one."""
        if folder is None:
            return None
        return Segmented(
            part_digest(SEGMENTATION, folder), Segmentation.read(read_part(SEGMENTATION, folder))
        )


HELD = """SELECT s.row, p.place FROM spine s JOIN holdings h ON h.customer_id = s.customer_id
  AND epoch_us(h.recorded_at) < s.at AND epoch_us(h.opened_at) < s.at
JOIN product p ON p.product_id = h.product_id
GROUP BY s.row, p.place, h.opened_at
HAVING coalesce(epoch_us(arg_max(h.closed_at, h.recorded_at)), 9e18) >= any_value(s.at)"""
ADDED = """SELECT DISTINCT s.row, p.place FROM spine s JOIN holdings h ON h.customer_id = s.customer_id
  AND epoch_us(h.opened_at) >= s.at AND epoch_us(h.opened_at) < s.at + $horizon
JOIN product p ON p.product_id = h.product_id"""
LAST = """SELECT s.row, arg_max(p.place, epoch_us(h.opened_at)) AS place FROM spine s
JOIN holdings h ON h.customer_id = s.customer_id
  AND epoch_us(h.recorded_at) < s.at AND epoch_us(h.opened_at) < s.at
JOIN product p ON p.product_id = h.product_id GROUP BY s.row"""
SOLD = """SELECT product_id, family,
  greatest(risk_level, coalesce(seller_risk_level, risk_level)) AS risk_level,
  rate::DOUBLE AS rate, minimum_amount::DOUBLE AS minimum_amount, tier_required FROM products
WHERE epoch_us(recorded_at) < $at
QUALIFY row_number() OVER (PARTITION BY product_id ORDER BY valid_from DESC, recorded_at DESC) = 1
ORDER BY product_id"""


def products_of(history: History) -> tuple[ProductFacts, ...]:
    """The products the bank knows when its data ends, by id; TooLittleData where they are too few."""
    if not (history.source.has("holdings") and history.source.has("products")):
        raise TooLittleData(MODEL, "the source has no products or holdings")
    entries = history.ask(SOLD, at=history.end).to_pylist()
    if len(entries) < LEAST_PRODUCTS:
        raise TooLittleData(MODEL, f"{len(entries)} products, {LEAST_PRODUCTS} are needed")
    level = {name: float(at) for at, name in enumerate(PRODUCT_RISK, start=1)}
    return tuple(ProductFacts.of({**each, "risk_level": level.get(each["risk_level"])}) for each in entries)


def half_years(history: History) -> list[int]:
    """Dates a horizon or more apart whose horizon is in the data, oldest first, the last four of them."""
    chosen: list[int] = []
    limit = history.end
    for at in reversed(quarters(history.source)):
        if at + HORIZON <= limit:
            chosen.append(at)
            limit = at
    if len(chosen) < 3:
        raise TooLittleData(MODEL, "the data spans fewer than three half-years after its first")
    return sorted(chosen[:MOST_HALF_YEARS])


def moments(
    run: Run, history: History, products: Sequence[ProductFacts], columns: tuple[str, ...],
    segmented: Segmented | None,
) -> list[Moment]:  # fmt: skip
    """The half-years, oldest first; TooLittleData where one of the last three has hardly any additions."""
    spine = everybody_at(history, half_years(history))
    rows = load(run.settings, SERVICE, columns, spine)
    there = active(history, rows.spine)
    rows = rows.rows(there)
    segments = None
    if segmented is not None:
        inputs = load(run.settings, "segmentation_v1", segmented.model.columns, rows.spine)
        segments = segmented.model.assign(inputs.matrix)
    ids = [each.product_id for each in products]
    history.connection.register("product", pa.table({"product_id": ids, "place": np.arange(len(ids))}))
    found = [_moment(history, rows, segments, int(at), len(ids)) for at in np.unique(rows.as_of)]
    for each in found[-3:]:
        if each.added.sum() < LEAST_ADDITIONS:
            said = f"{int(each.added.sum())} products were added within 180 days of {iso(each.at)[:10]}"
            raise TooLittleData(MODEL, f"{said}, {LEAST_ADDITIONS} are needed")
    return found


def _moment(history: History, rows: Dataset, segments: Segments | None, at: int, products: int) -> Moment:
    then = rows.as_of == at
    part = rows.rows(then)
    shape = len(part), products
    held = flags(history.ask(HELD, part.spine), shape)
    added = flags(history.ask(ADDED, part.spine, horizon=HORIZON), shape) & ~held
    bought, last = history.ask(LAST, part.spine), np.full(len(part), -1)
    last[bought["row"].to_numpy()] = bought["place"].to_numpy()
    return Moment(at, part.matrix, held, added, last, None if segments is None else segments[then])


def flags(pairs: pa.Table, shape: tuple[int, int]) -> Flags:
    """Pairs of `row` and `place` as a table of that shape."""
    found: Flags = np.zeros(shape, bool)
    found[pairs["row"].to_numpy(), pairs["place"].to_numpy()] = True
    return found
