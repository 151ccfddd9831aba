"""The evidence every binary model shows, from its labels and scores alone."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from training.evidence.benchmark import benchmark
from training.evidence.discrimination import gains, roc
from training.evidence.exhibit import Exhibit
from training.evidence.reliability import bands, calibration, scores
from training.evidence.scored import Scored
from training.evidence.stability import stability
from training.validation import F64, Labels


def binary_exhibits(
    member: str, title: str, title_zh: str, y: Labels, p: F64, plain: F64,
    at: npt.NDArray[np.int64], window: Mapping[str, str], *, trained_on: F64 | None = None,
) -> dict[str, Exhibit]:  # fmt: skip
    """ROC and KS, gains, calibration, distribution, bands, stability and benchmark of n scored rows.

    `y` int8 (n,); `p` and `plain` the model's and the plain baseline's score, larger where 1 is
    likelier; `at` int64 microseconds of each row; `window` their ISO bounds; `trained_on` the model's
    scores of its training rows, which stability is then measured against. Keys are `member/roc` and so
    on, or `roc` for a model without members. What needs both outcomes, or a probability, is left out
    where there are none; the validation pack names it.
    """
    rows = Scored(title, title_zh, np.asarray(y, np.int8), np.asarray(p, np.float64),
                  np.asarray(plain, np.float64), at, window)  # fmt: skip
    if not len(rows.y):
        return {}
    found = {"scores": scores(rows), "stability": stability(rows, trained_on)}
    if rows.both:
        found |= {"roc": roc(rows), "gains": gains(rows), "bands": bands(rows), "benchmark": benchmark(rows)}
    if rows.is_probability:
        found["calibration"] = calibration(rows)
    order = ("benchmark", "roc", "gains", "calibration", "scores", "bands", "stability")
    return {f"{member}/{name}" if member else name: found[name] for name in order if name in found}
