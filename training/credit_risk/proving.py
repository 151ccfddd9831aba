"""The test rows that a credit member's exported part is held to, and what the trained model says of them."""

from collections.abc import Mapping

import numpy as np

from training.credit_risk.validated import Validated
from training.export import scored_before
from training.learning.inputs import Inputs
from training.learning.trees import F32
from training.proof import Array, MemberProof
from training.release.calibration import sigmoid
from training.set_aside import set_aside
from training.validation import F64, log_odds


def proof_of(found: Validated, seed: int) -> MemberProof:
    """Every column of the service and of the request, outcomes, who is in which protected group."""
    rows, member = found.situation.rows, found.member
    columns = rows.informative(found.situation.train)
    places = [rows.columns.index(name) for name in columns]

    def says(matrix: F32, given: Mapping[str, Array]) -> F64:
        p = member.model.candidate_probability(Inputs.of(matrix[:, places], columns))[member.decides]
        with np.errstate(divide="ignore"):  # enormous values are made up to be certain of it
            return sigmoid(log_odds(p) + member.shifts[member.decides])

    test = found.situation.test
    reads = (*member.boosting.columns, *member.scorecard.columns)
    return set_aside(rows.columns, reads, rows.matrix[test], found.situation.y_test, says,
                     found.situation.window, seed, groups=found.masks,
                     before=scored_before(found.runtime.probability(
                         rows.only(found.runtime.member.columns)[found.situation.train])))  # fmt: skip
