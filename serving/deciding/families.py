"""Which products belong together, and which model estimates the need of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
NO_MODEL = -1


@dataclass(frozen=True)
class Families:
    """P products in F families: `of` (P,) is each one's family.

    `products` (most, F) are those of each family, P where it has fewer; there are two families or more, the
    last without any product. `member` (P,) is the place of the model of its family, -1 without one.
    """

    of: Indices
    products: Indices
    member: Indices

    @staticmethod
    def among(families: Sequence[str], models: Mapping[str, int]) -> "Families":
        """Of products of these families; `models` are the places of models by family."""
        names = sorted(set(families))
        each = [[at for at, family in enumerate(families) if family == name] for name in names]
        products = np.full((max(map(len, each), default=1), len(names) + 2), len(families), np.intp)
        for column, places in enumerate(each):
            products[: len(places), column] = places
        of = [names.index(family) for family in families]
        return Families(
            np.array(of, np.intp), products, np.array([models.get(f, NO_MODEL) for f in families], np.intp)
        )

    def totals(self, values: F64Array) -> F64Array:
        """For each product the sum over its family, (..., P), of values (..., P) not below 0.

        Added product after product, so that a row's sum does not depend on its neighbours: the axis added
        over is never the innermost, which numpy would add in pairs.

        >>> Families.among(["a", "b", "a"], {}).totals(np.array([[1.0, 2.0, 4.0]])).tolist()
        [[5.0, 2.0, 5.0]]
        """
        *rows, products = values.shape
        padded = np.zeros((*rows, products + 1))
        padded[..., :products] = values
        total: F64Array = np.add.reduce(padded[..., self.products], axis=-2)
        return total[..., self.of]
