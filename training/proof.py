"""Rows that a training run sets aside, so that anyone can later hold the exported part to them.

Each member's rows are test rows, as they were known at their date and with their outcome, and rows made
from those that no bank has: with values missing, enormous, negative, never seen. Beside them stands what
the training library itself says of each. No customer is named. Proof lies beside the part and is never
served.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from feature_repo.errors import BankError

Array = npt.NDArray[np.generic]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
FILE, FOLDER = "proof.json", "proof"
MOST_TESTED, MADE_UP = 8_000, 2_000
MISSING, REPLACED = 0.2, 0.15  # shares of the values of a made-up row


class BrokenProof(BankError, ValueError):
    """Proof rows on disk are not what a training run wrote."""

    def __init__(self, folder: Path, found: str) -> None:
        self.folder, self.found = folder, found
        super().__init__(f"The proof rows in {folder} cannot be read: {found}. Train the version again.")


@dataclass(frozen=True)
class MemberProof:
    """n rows of one member over all `columns` of its feature service.

    `reads` are the columns the member was trained on, in its order. `labels` are (n,), or (n, P) with one
    name of `outcomes` a column; NaN where none is known. `said` has their shape: what the training library
    answers. `weight` (n,) is how many test rows a row stands for. `given` holds what the model reads
    beside its columns, `groups` the protected groups by attribute and name, `before` the frozen bins of its
    scores on the training rows, where kept. The first `tested` rows are test rows, the others made up.
    """

    columns: tuple[str, ...]
    reads: tuple[str, ...]
    matrix: F32
    labels: F32
    said: F64
    weight: F64
    tested: int
    window: Mapping[str, str]
    outcomes: tuple[str, ...] = ()
    given: Mapping[str, Array] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Mask]] = field(default_factory=dict)
    before: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.matrix)

    def rows(self, chosen: Places | slice) -> "MemberProof":
        """Some of the rows, in that order; they count as tested."""
        return MemberProof(
            self.columns, self.reads, self.matrix[chosen], self.labels[chosen], self.said[chosen],
            self.weight[chosen], len(self.matrix[chosen]), self.window, self.outcomes,
            {name: values[chosen] for name, values in self.given.items()},
            {a: {g: mask[chosen] for g, mask in held.items()} for a, held in self.groups.items()},
            self.before,
        )  # fmt: skip

    @property
    def test(self) -> "MemberProof":
        """The test rows alone."""
        return self.rows(slice(0, self.tested))

    def only(self, columns: Sequence[str]) -> F32:
        """Those columns of the matrix, in that order; KeyError names the first that is absent."""
        place = {name: at for at, name in enumerate(self.columns)}
        return np.ascontiguousarray(self.matrix[:, [place[name] for name in columns]])


@dataclass(frozen=True)
class Proof:
    """The rows of each member, by name; none where the training run set no rows aside."""

    members: Mapping[str, MemberProof] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        """proof.json, and an npz of plain arrays a member."""
        folder.mkdir(parents=True)
        told = {name: _told(f"member-{at}.npz", rows) for at, (name, rows) in enumerate(self.members.items())}
        (folder / FILE).write_text(json.dumps({"members": told}), encoding="utf-8")
        for name, rows in self.members.items():
            (folder / str(told[name]["file"])).write_bytes(_packed(rows))
        return folder

    @staticmethod
    def read(folder: Path) -> "Proof":
        """What `write` left there; no members where there is no folder. BrokenProof names what is wrong."""
        if not (folder / FILE).exists():
            return Proof()
        try:
            told = json.loads((folder / FILE).read_text(encoding="utf-8"))["members"]
            return Proof({name: _unpacked(folder, each) for name, each in told.items()})
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise BrokenProof(folder, f"{type(error).__name__}: {error}") from error


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


def _told(file: str, rows: MemberProof) -> dict[str, object]:
    return {
        "file": file, "columns": list(rows.columns), "reads": list(rows.reads), "tested": rows.tested,
        "window": dict(rows.window), "outcomes": list(rows.outcomes), "given": list(rows.given),
        "groups": {attribute: list(held) for attribute, held in rows.groups.items()},
        "before": dict(rows.before),
    }  # fmt: skip


def _packed(rows: MemberProof) -> bytes:
    arrays: dict[str, Array] = {f"given.{name}": values for name, values in rows.given.items()}
    for a, held in enumerate(rows.groups.values()):
        arrays |= {f"group.{a}.{g}": mask for g, mask in enumerate(held.values())}
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, matrix=rows.matrix, labels=rows.labels, said=rows.said,
                        weight=rows.weight, **arrays)  # fmt: skip
    return archive.getvalue()


def _unpacked(folder: Path, told: Mapping[str, object]) -> MemberProof:
    names = {key: told[key] for key in ("columns", "reads", "outcomes", "given")}
    columns, reads, outcomes, given = (tuple(map(str, _list(each))) for each in names.values())
    groups, window, before = (_dict(told[key]) for key in ("groups", "window", "before"))
    with np.load(folder / Path(str(told["file"])).name, allow_pickle=False) as held:
        return MemberProof(
            columns, reads, held["matrix"], held["labels"], held["said"], held["weight"],
            int(str(told["tested"])), window, outcomes, {name: held[f"given.{name}"] for name in given},
            {attribute: {name: held[f"group.{a}.{g}"] for g, name in enumerate(names)}
             for a, (attribute, names) in enumerate(groups.items())}, before,
        )  # fmt: skip


def _dict(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no mapping")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value
