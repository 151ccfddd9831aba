"""Offers of the past with the features of their day: treated and control arms, and who bought soon after."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from feature_repo.settings import Settings
from training.dataset import Dataset, Split, TooLittleData, load
from training.labels import I64, RESPONSE, History, responses
from training.propensity.qini import Arms
from training.validation import Labels

Flags = npt.NDArray[np.bool_]
CALIBRATES = 4  # the last quarter of the time before the test calibrates


@dataclass(frozen=True)
class Offers:
    """n offers in time order: `rows` their customers' features that day, `y` 1, 0 or -1 where unknown."""

    rows: Dataset
    family: npt.NDArray[np.str_]
    y: Labels
    treated: Flags
    chance: npt.NDArray[np.float64]

    @property
    def at(self) -> I64:
        """When each was made, microseconds."""
        return self.rows.as_of

    def shown(self) -> Labels:
        """The response: `y` of the treated arm, unknown elsewhere."""
        return np.where(self.treated, self.y, np.int8(-1)).astype(np.int8)

    def arms(self, chosen: Flags) -> Arms:
        """The chosen offers as the Qini wants them."""
        _, who = np.unique(self.rows.customer_ids[chosen], return_inverse=True)
        return Arms(self.y[chosen], self.treated[chosen], self.chance[chosen], who.astype(np.int64))

    def split(self, tested_from: int, among: Flags | None = None) -> Split | None:
        """Offers from `tested_from` on test; before them, a horizon apart, some calibrate, most train.

        `among` (n,) names the offers that take part. None when either side is empty.
        """
        known, horizon = self.y >= 0, RESPONSE.horizon
        known = known if among is None else known & among
        before = known & (self.at + horizon <= tested_from)
        if not before.any():
            return None
        first, last = int(self.at[before].min()), int(self.at[before].max())
        cut = last - (last - first) // CALIBRATES
        parts = Split(before & (self.at + horizon <= cut), before & (self.at >= cut),
                      known & (self.at >= tested_from))  # fmt: skip
        return parts if parts.train.any() and parts.test.any() else None


def offers(
    settings: Settings, history: History, service: str, columns: tuple[str, ...], since: int
) -> Offers:
    """The offers made from `since` on. Raises TooLittleData where the source knows of none in both arms."""
    if not all(history.source.has(table) for table in ("offers", "holdings", "products")):
        raise TooLittleData("response", "the source has no offers, or no holdings to tell who bought")
    found = responses(history, since)
    treated = np.asarray(found["treated"].to_numpy(zero_copy_only=False), np.bool_)
    if not len(found) or treated.all() or not treated.any():
        raise TooLittleData("response", f"{len(found)} offers since then, not in both arms")
    rows = load(settings, service, columns, found.select(["customer_id", "as_of"]))
    bought = pc.fill_null(found["bought"].cast("int8"), -1).to_numpy()
    share = pc.fill_null(found["chance"], float(treated.mean())).to_numpy()
    family = np.array(found["family"].to_pylist(), np.str_)
    return Offers(rows, family, np.asarray(bought, np.int8), treated, np.asarray(share, np.float64))
