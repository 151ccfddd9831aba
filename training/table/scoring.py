"""Score another file by a model fitted on all rows: the same columns, read the same way."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.run import Tell
from training.table import ages
from training.table.columns import Column, Kind, read_as
from training.table.contract import Table
from training.table.errors import TableError, UnlikeTraining, listed
from training.table.options import Task
from training.table.out_of_fold import Learns
from training.table.reading import Sheet, read
from training.validation import F64

OUTSIDE = 0.05


class CannotWrite(TableError):
    """The scores cannot be written where they should go."""

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(f"{path} cannot be written: {found}. Choose another --out.")


@dataclass(frozen=True)
class Scored:
    """How many rows were scored, where they are, and what of them was unlike the training rows."""

    rows: int
    out: Path
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {"rows": self.rows, "out": str(self.out)}


def score(
    table: Table, task: Task, other: Path, out: Path, learns: Learns, study: Path | None, tell: Tell
) -> Scored:
    """Fit on every row, score the rows of `other` in its order, write them as CSV.

    UnlikeTraining when a feature's column is not there; unseen categories count as unknown, with a warning.
    """
    sheet = read(other, task.separator, task.header)
    columns, warnings = alike(table, sheet)
    learner = learns(table, study and study / "all", tell)
    ordered = {"order": table.order} if table.time is not None else {}
    groups = table.groups if len(np.unique(table.groups)) < len(table) else None
    learner.fit(table.frame, table.y, groups=groups, **ordered)
    frame = pd.DataFrame({name: column.values for name, column in columns.items()})
    chance = np.asarray(learner.predict_proba(frame)[:, 1], np.float64)
    candidates = learner.candidate_probability(frame)
    _write(out, sheet, table, {"probability": chance, **candidates})
    return Scored(len(sheet), out, warnings)


def alike(table: Table, sheet: Sheet) -> tuple[dict[str, Column], tuple[str, ...]]:
    """The features of another file, and how its values differ from those of the training rows."""
    time = table.time if table.has_ages else None
    needed = [*table.features, *([time.name] if time else [])]
    if missing := [name for name in needed if name not in sheet.names]:
        raise UnlikeTraining(sheet.path, missing)
    if not len(sheet):
        raise UnlikeTraining(sheet.path, ["any row"])
    found = {name: read_as(name, sheet.columns[name], c.form) for name, c in table.features.items()}
    if time is not None:
        found, _ = ages.as_features(found, read_as(time.name, sheet.columns[time.name], time.form))
    said = [sentence for name, c in found.items() for sentence in _unlike(c, table.features[name])]
    return found, tuple(said)


def _unlike(now: Column, then: Column) -> list[str]:
    said = []
    if now.kind is Kind.CATEGORY:
        new = pd.Series(now.values).dropna()
        new = new[~new.isin(set(then.values))]
        if len(new):
            said.append(f"'{now.name}' holds {listed(new.unique(), 4)} on {len(new):,} rows, which training "
                        f"never saw: scored as an unknown category.")  # fmt: skip
    else:
        low, high = np.nanmin(then.numbers), np.nanmax(then.numbers)
        outside = float(np.mean((now.numbers < low) | (now.numbers > high)))
        if outside > OUTSIDE:
            said.append(f"'{now.name}' lies outside {low:g} to {high:g}, the training range, on "
                        f"{outside:.0%} of the rows.")  # fmt: skip
        if now.unread:
            said.append(f"'{now.name}' holds {listed(now.unread, 3)}, no {now.kind}: scored as missing.")
    gone, before = 1 - now.known.mean(), 1 - then.known.mean()
    if gone > before + 0.1:
        said.append(f"'{now.name}' is missing on {gone:.0%} of the rows ({before:.0%} in training).")
    return said


def _write(out: Path, sheet: Sheet, table: Table, columns: Mapping[str, F64]) -> None:
    ids = [name for name, why in table.excluded.items() if "id" in why.split() and name in sheet.names]
    lines = zip(*(sheet.columns[name].to_pylist() for name in ids),
                *([f"{p:.6f}" for p in values] for values in columns.values()), strict=True)  # fmt: skip
    try:
        with out.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["row", *ids, *columns])
            writer.writerows([number, *line] for number, line in enumerate(lines, start=1))
    except OSError as error:
        raise CannotWrite(out, error.strerror or "unknown reason") from error
