"""A boosted ensemble over a table: its encoding, its trees, what each column adds to a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    """The mean of boosted ensembles over encoded rows.

    `matrix` holds the encoded training rows: reasons start from their average. `inputs` are the columns
    of the table.
    """

    encoding: Encoding
    members: tuple[Boosting, ...]
    matrix: F32
    inputs: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The trees' own columns: those of the table, and flags of special values."""
        return self.encoding.names

    def margin(self, rows: Inputs) -> F64:
        """Log odds of the second class, (n,)."""
        matrix = self.encoding.apply(rows)
        return np.asarray(np.mean([each.margin(matrix) for each in self.members], axis=0), np.float64)

    def gains(self) -> list[tuple[str, float]]:
        """Each column's share of the total gain, over the members' average, largest first."""
        total: dict[str, float] = {}
        for name, gain in (pair for each in self.members for pair in each.gains()):
            total[name] = total.get(name, 0.0) + gain / len(self.members)
        return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))

    @cached_property
    def ensemble(self) -> Ensemble:
        """All trees as plain arrays, their leaves scaled to the mean."""
        parts = [each.ensemble(self.matrix) for each in self.members]
        share = np.float32(1 / len(parts))
        trees = tuple(replace(tree, value=tree.value * share) for part in parts for tree in part.trees)
        return Ensemble(trees, float(np.mean([part.base for part in parts])), self.columns)

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
    shapes: Sequence[Shape], rows: Inputs, y: Labels, monotone: Mapping[str, int],
    specials: Mapping[str, Sequence[float]], seed: int,
) -> Boosted:  # fmt: skip
    """Encode the rows and train each shape on all of them, exactly the rounds it says."""
    encoding = encode(rows, y, specials)
    matrix = training_matrix(encoding, rows, y, seed)
    binned, signs = Rows.of(matrix, bins=shapes[0].bins), encoding.signs(monotone)
    members = tuple(
        boosting.fit(shape, binned, y, encoding.names, shape.rounds, seed + number, signs)
        for number, shape in enumerate(shapes)
    )
    return Boosted(encoding, members, matrix, rows.names)
