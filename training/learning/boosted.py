"""A boosted ensemble over a table: its encoding, its trees, what each column adds to a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from training.learning import boosting
from training.learning.boosting import Boosting, Rows, Shape
from training.learning.encoding import Encoding, encode, training_matrix
from training.learning.inputs import Inputs
from training.learning.trees import F32, Ensemble, margin_onnx, reasons_onnx
from training.release.trees import Trees
from training.validation import F64, Labels


@dataclass(frozen=True)
class Boosted:
    """Trees over encoded rows. `matrix` holds the encoded training rows: reasons start from their average."""

    encoding: Encoding
    boosting: Boosting
    matrix: F32
    inputs: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The trees' own columns: those of the table, and flags of special values."""
        return self.boosting.columns

    def margin(self, rows: Inputs) -> F64:
        """Log odds of the second class, (n,)."""
        return self.boosting.margin(self.encoding.apply(rows))

    @cached_property
    def ensemble(self) -> Ensemble:
        """The trees as plain arrays."""
        return self.boosting.ensemble(self.matrix)

    def margin_onnx(self) -> bytes:
        """A graph: encoded rows (n, columns) -> margin (n, 1)."""
        return margin_onnx(self.ensemble)

    def reasons_onnx(self) -> bytes:
        """A graph: encoded rows (n, columns) -> what each adds to `ensemble.reference_margin`."""
        return reasons_onnx(self.ensemble)

    @cached_property
    def _reasons(self) -> Trees:
        width = len(self.columns)
        return Trees.load("reasons.onnx", self.reasons_onnx(), width, width)

    def contributions(self, rows: Inputs) -> F64:
        """What each column of the table adds to the reference margin, (n, len(inputs))."""
        added = self._reasons.run(self.encoding.apply(rows)).astype(np.float64)
        return self.encoding.by_column(added, self.inputs)


def grow(
    shape: Shape, rounds: int, rows: Inputs, y: Labels, monotone: Mapping[str, int],
    specials: Mapping[str, Sequence[float]], seed: int,
) -> Boosted:  # fmt: skip
    """Encode the rows and train exactly `rounds` rounds on all of them."""
    encoding = encode(rows, y, specials)
    matrix = training_matrix(encoding, rows, y, seed)
    trees = boosting.fit(
        shape, Rows.of(matrix), y, encoding.names, rounds, seed, encoding.signs(monotone)
    )  # fmt: skip
    return Boosted(encoding, trees, matrix, rows.names)
