"""Whom the segmentation looks at: active customers at the last quarters' starts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.dataset import Dataset, TooLittleData, everybody_at, iso, load, quarters, usable
from training.labels import History, active
from training.learning.trees import F32
from training.run import Run
from training.segmentation.worth import WORTH_COLUMNS

SERVICE = "segmentation_v1"
# They say what a customer is worth; the value tier and RFM stand beside the segment instead.
VALUE_ONLY = frozenset(WORTH_COLUMNS) - {"loan_amount_outstanding"}
LEAST_CUSTOMERS, SHOWN_QUARTERS, SAMPLE = 300, 6, 5000


@dataclass(frozen=True)
class Rows:
    """Active customers at the quarters shown; `first` is fitted on, `later` tested on.

    Of earlier quarters a sample of customers is there.
    """

    data: Dataset
    first: npt.NDArray[np.bool_]
    later: npt.NDArray[np.bool_]
    columns: tuple[str, ...]  # the informative ones that may enter the segments

    @property
    def window(self) -> dict[str, str]:
        """The bounds of the test rows."""
        at = iso(int(self.data.as_of[self.later][0]))
        return {"from": at, "to": at}

    def part(self, chosen: npt.NDArray[np.bool_], columns: tuple[str, ...]) -> F32:
        """Columns of the chosen rows."""
        return self.data.rows(chosen).only(columns)


def observed(run: Run, history: History) -> tuple[Rows, dict[str, str]]:
    """The rows, and what the source leaves out and why; TooLittleData when they are too few."""
    moments = quarters(run.source)[-SHOWN_QUARTERS:]
    if len(moments) < 2:
        raise TooLittleData("segmentation", "the data spans fewer than two quarter starts")
    wanted, left_out = usable(SERVICE, run.source)
    asked = pa.concat_tables([everybody_at(history, moments[-2:]), *_sampled(run, history, moments[:-2])])
    data = load(run.settings, SERVICE, wanted, asked)
    data = data.rows(active(history, data.spine))
    first, later = (data.as_of == moment for moment in moments[-2:])
    if first.sum() < LEAST_CUSTOMERS or later.sum() < LEAST_CUSTOMERS:
        raise TooLittleData(
            "segmentation", f"{int(first.sum())} active customers, {LEAST_CUSTOMERS} are needed"
        )
    columns = tuple(name for name in data.informative(first) if name not in VALUE_ONLY)
    if not columns:
        raise TooLittleData("segmentation", "no column of the service differs between customers")
    return Rows(data, first, later, columns), left_out


def _sampled(run: Run, history: History, moments: list[int]) -> list[pa.Table]:
    """Up to SAMPLE customers at each earlier quarter: enough to see whether the segments last."""
    found = []
    for moment in moments:
        there = everybody_at(history, [moment])
        chosen = np.random.default_rng(run.seed).permutation(len(there))[:SAMPLE]
        found.append(there.take(pa.array(np.sort(chosen))))
    return found
