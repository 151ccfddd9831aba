"""Rows that a training run sets aside, so that anyone can later hold the exported part to them.

Each member's rows are test rows, as they were known at their date and with their outcome, and rows made
from those that no bank has: with values missing, enormous, negative, never seen. Beside them stands what
the training library itself says of each. No customer is named. Proof lies beside the part and is never
served.
"""

import io
import json
from collections.abc import Mapping, Sequence
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
