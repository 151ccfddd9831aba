"""The model that decides today, scored through the release's own code."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from training.credit_risk.situations import Situation
from training.release.assemble import read_part
from training.release.credit import CreditRuntime
from training.release.errors import BrokenRelease
from training.release.runtime import credit_runtimes
from training.run import Run
from training.validation import F64

PART = "credit_risk"


def champions(run: Run) -> Mapping[str, CreditRuntime]:
    """The members of the newest registered part; none where there is no part, or it cannot be read."""
    folder: Path | None = run.parts.get(PART)
    if folder is None:
        return {}
    try:
        return credit_runtimes(read_part(PART, folder))
    except BrokenRelease:
        return {}


def scored(champion: CreditRuntime, situation: Situation) -> F64:
    """The champion's PD of the test rows; what it reads and the rows no longer hold is unknown to it."""
    rows = situation.rows.rows(situation.test)
    matrix = np.full((len(rows), len(champion.member.columns)), np.nan, np.float32)
    for at, column in enumerate(champion.member.columns):
        if column in rows.columns:
            matrix[:, at] = rows.matrix[:, rows.columns.index(column)]
    return champion.probability(matrix)
