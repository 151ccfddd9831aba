"""Which rows a training run sets aside as proof, and those made from them that no bank has."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from training.proof import F32, F64, Array, Mask, MemberProof, Places

MOST_TESTED, MADE_UP = 8_000, 2_000
MISSING, REPLACED = 0.2, 0.15  # shares of the values of a made-up row
Says = Callable[[F32, Mapping[str, Array]], npt.NDArray[np.generic]]


def set_aside(
    columns: Sequence[str], reads: Sequence[str], matrix: F32, labels: npt.NDArray[np.generic] | None,
    says: Says, window: Mapping[str, str], seed: int, *, outcomes: Sequence[str] = (),
    given: Mapping[str, Array] | None = None, groups: Mapping[str, Mapping[str, Mask]] | None = None,
    before: Mapping[str, object] | None = None, most: int = MOST_TESTED, made_up: int = MADE_UP,
) -> MemberProof:  # fmt: skip
    """The proof of a member from all its test rows: `matrix` (n, columns), `labels` (n,) or (n, P) or None.

    `says(matrix, given)` asks the training library. Every positive row is kept if they fit in half.
    """
    held, sorted_out = given or {}, groups or {}
    chosen, weight = sample(
        labels if labels is not None and labels.ndim == 1 else None, len(matrix), most, seed
    )
    origin, strange = made_up_rows(matrix[chosen], made_up if len(chosen) else 0, seed)
    rows = np.concatenate([matrix[chosen], strange])
    beside = {name: np.concatenate([each[chosen], each[chosen][origin]]) for name, each in held.items()}
    said = np.asarray(says(rows, beside), np.float64)
    known = np.full((len(rows), *said.shape[1:]), np.nan, np.float32)
    if labels is not None:
        known[: len(chosen)] = labels[chosen].astype(np.float32)
    nobody = np.zeros(len(origin), bool)
    return MemberProof(
        tuple(columns), tuple(reads), rows, known, said, np.concatenate([weight, np.ones(len(origin))]),
        len(chosen), dict(window), tuple(outcomes), beside,
        {a: {g: np.concatenate([mask[chosen], nobody]) for g, mask in each.items()}
         for a, each in sorted_out.items()}, before or {},
    )  # fmt: skip


def sample(
    labels: npt.NDArray[np.generic] | None, n: int, most: int, seed: int
) -> tuple[Places, F64]:  # fmt: skip
    """At most `most` of n rows, every positive among them if they fit in half; how many each stands for.

    >>> chosen, weight = sample(np.r_[np.ones(10), np.zeros(990)], 1000, 100, 7)
    >>> len(chosen), float(weight.sum()), weight[:2].tolist()
    (100, 1000.0, [1.0, 1.0])
    """
    positive = np.zeros(n, bool) if labels is None else np.asarray(labels == 1)
    cases, rest = np.flatnonzero(positive), np.flatnonzero(~positive)
    kept = min(len(cases), max(most // 2, most - len(rest)))
    rng, weight = np.random.default_rng(seed), np.ones(n)
    for rows, size in ((cases, kept), (rest, min(len(rest), most - kept))):
        taken = rows if size == len(rows) else rng.choice(rows, size, replace=False)
        weight[rows] = 0.0
        weight[taken] = len(rows) / max(1, size)
    found = np.flatnonzero(weight)
    return found, weight[found]


def made_up_rows(matrix: F32, n: int, seed: int) -> tuple[Places, F32]:
    """n rows made from those of `matrix`, and from which: values missing, extreme, negative, unseen.

    >>> origin, rows = made_up_rows(np.ones((5, 4), np.float32), 100, 7)
    >>> rows.shape, bool(np.isnan(rows).any()), bool((rows == 1e9).any()), bool((rows == -1).any())
    ((100, 4), True, True, True)
    """
    rng = np.random.default_rng(seed)
    origin = rng.integers(0, max(1, len(matrix)), n)
    if not n:
        return origin, np.zeros((0, matrix.shape[1]), np.float32)
    rows = matrix[origin].copy()
    low, high = (_edge(matrix, edge) for edge in (np.fmin, np.fmax))
    offered = np.stack([np.broadcast_to(np.float32(each), low.shape) for each in (1e9, -1e9, -1.0, 0.0)]
                       + [high * 2 + 1, low * 2 - 1, np.nextafter(high, np.float32(np.inf))])  # fmt: skip
    replaced = rng.random(rows.shape) < REPLACED
    pick = rng.integers(0, len(offered), rows.shape)
    strange = offered[pick, np.arange(rows.shape[1])[None, :]]
    rows = np.where(replaced, strange, rows)
    rows[rng.random(rows.shape) < MISSING] = np.nan
    return origin, rows.astype(np.float32)


def _edge(matrix: F32, edge: np.ufunc) -> F32:
    """The smallest or largest known value of each column, 0 where none is known."""
    found: F32 = np.nan_to_num(edge.reduce(matrix, axis=0)).astype(np.float32)
    return found
