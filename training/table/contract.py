"""From a file to rows that can be learned from: what each column is, what is left out, what looks wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.learning.trees import F32
from training.table import ages, remarks
from training.table.codes import missing_codes
from training.table.columns import Column, Form, Kind, understood
from training.table.dropped import Dropped, dropped
from training.table.errors import NothingToLearnFrom, UnknownColumn, UnusableTarget
from training.table.leaks import Alone
from training.table.options import Task, column_named, columns_named
from training.table.reading import Sheet
from training.table.target import binary
from training.table.together import together
from training.validation import F64, Labels


@dataclass(frozen=True)
class Table:
    """Rows with a known target.

    `groups` are equal for rows that belong together; `time` is the column that orders the rows, if any;
    `protected` columns are no features, but their groups are compared; `specials` are each feature's codes;
    `excluded` says of each column that is no feature why not; `alone` how well each feature does alone.
    """

    features: Mapping[str, Column]
    y: Labels
    event: str
    groups: npt.NDArray[np.intp]
    time: Column | None
    protected: Mapping[str, Column]
    specials: Mapping[str, tuple[float, ...]]
    excluded: Mapping[str, str]
    alone: tuple[Alone, ...]
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.y)

    @staticmethod
    def of_numbers(names: Sequence[str], matrix: F32, y: Labels, groups: npt.NDArray[Any]) -> "Table":
        """Rows that need no reading: floats (n, F) with NaN, labels, and whom each row is about."""
        columns = {
            name: Column(name, Form(Kind.NUMBER), matrix[:, j].astype(np.float64), {}, {})
            for j, name in enumerate(names)
            if len(np.unique(matrix[:, j])) > 1
        }
        whose = pd.factorize(groups)[0].astype(np.intp)
        return Table(columns, y, "1", whose, None, {}, {}, {}, (), ())

    @property
    def order(self) -> F64 | None:
        """When each row was, as the time column counts."""
        return None if self.time is None else ages.order(self.time)

    @property
    def has_ages(self) -> bool:
        """Whether dates among the features count back from the row's own time."""
        dates = any(column.kind is Kind.DATE for column in self.features.values())
        return dates and self.time is not None and self.time.kind is Kind.DATE

    @property
    def frame(self) -> pd.DataFrame:
        """The features: float64 with NaN, or text with None."""
        return pd.DataFrame({name: column.values for name, column in self.features.items()})


def agreed(task: Task, sheet: Sheet) -> Table:
    """The table as the models get it; what was found and decided on the way stands in its warnings."""
    target = _target(task, sheet)
    y, event, on_target = binary(target, sheet.columns[target], task.positive)
    rows = y >= 0
    names = _others(task, sheet, target)
    time_name = column_named("--time", task.time, names) if task.time else None
    every = {
        name: understood(name, sheet.columns[name], sheet.decimal_comma, name == time_name).only(rows)
        for name in names
    }
    asked_out = _asked_out(task, names, time_name)
    lost = dropped(target, {name: c for name, c in every.items() if name not in asked_out}, y[rows])
    features = {name: c for name, c in every.items() if name not in asked_out and name not in lost.reasons}
    if not features:
        raise NothingToLearnFrom(lost.warnings)
    features, on_dates = ages.as_features(features, every[time_name] if time_name else None)
    groups, on_groups = together(every, y[rows])
    specials = _specials(features)
    return Table(
        features, y[rows], event, groups, every[time_name] if time_name else None,
        {name: every[name] for name in columns_named("--protected", task.protected, names)},
        specials, {**asked_out, **lost.reasons}, _best_first(lost, features),
        (*sheet.notes, *on_target, *lost.warnings, *on_groups, *on_dates,
         *remarks.on_values(features, specials)),
    )  # fmt: skip


def _target(task: Task, sheet: Sheet) -> str:
    hint = next((f"{note} " for note in sheet.notes if "--no-header" in note), "")
    if not task.target:
        raise UnknownColumn("--target", "", sheet.names, hint)
    return column_named("--target", task.target, sheet.names, hint)


def _others(task: Task, sheet: Sheet, target: str) -> list[str]:
    """Every column but the target, which no other option may name."""
    for option, asked in (
        ("--exclude", task.exclude),
        ("--protected", task.protected),
        ("--time", task.time),
    ):
        if asked and target in columns_named(option, asked, sheet.names):
            raise UnusableTarget(target, f"is also named by {option}", "A column is one or the other.")
    return [name for name in sheet.names if name != target]


def _asked_out(task: Task, names: list[str], time_name: str | None) -> dict[str, str]:
    out = dict.fromkeys(columns_named("--exclude", task.exclude, names), "--exclude")
    out |= dict.fromkeys(columns_named("--protected", task.protected, names), "--protected")
    return out | ({time_name: "--time"} if time_name else {})


def _specials(features: Mapping[str, Column]) -> dict[str, tuple[float, ...]]:
    numbers = {name: column.numbers for name, column in features.items() if column.kind is Kind.NUMBER}
    found = {name: tuple(missing_codes(values)) for name, values in numbers.items()}
    return {name: codes for name, codes in found.items() if codes}


def _best_first(lost: Dropped, features: Mapping[str, Column]) -> tuple[Alone, ...]:
    kept = [each for each in lost.alone if each.column in features]
    return tuple(sorted(kept, key=lambda each: (-each.auc, each.column)))
