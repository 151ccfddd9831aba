"""A table without a target: its columns, for segments and recommendations."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from training.table import ages, remarks
from training.table.columns import Column, Kind, understood
from training.table.dropped import reasons_against, told
from training.table.errors import NothingToLearnFrom, TableError
from training.table.options import Task, column_named, columns_named
from training.table.reading import Sheet


class NoTarget(TableError):
    """A model that learns from rows alone was given a target."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"'{name}' learns from the rows alone. Leave --target out, or --exclude that column."
        )


@dataclass(frozen=True)
class Rows:
    """n rows: features by name, protected columns beside them, why other columns are left out."""

    features: Mapping[str, Column]
    protected: Mapping[str, Column]
    excluded: Mapping[str, str]
    warnings: tuple[str, ...]
    n: int

    @property
    def numbers(self) -> pd.DataFrame:
        """The features that are numbers, float64 with NaN."""
        kept = {name: c.numbers for name, c in self.features.items() if c.kind is not Kind.CATEGORY}
        return pd.DataFrame(kept, index=range(self.n))


def unlabelled(task: Task, sheet: Sheet) -> Rows:
    """The rows of a sheet; ids, constants and empty columns are left out and said."""
    if task.target:
        raise NoTarget(task.name)
    names = sheet.names
    time = column_named("--time", task.time, names) if task.time else None
    every = {n: understood(n, sheet.columns[n], sheet.decimal_comma, n == time) for n in names}
    out = dict.fromkeys(columns_named("--exclude", task.exclude, names), "--exclude")
    protected = columns_named("--protected", task.protected, names)
    out |= dict.fromkeys(protected, "--protected") | ({time: "--time"} if time else {})
    reasons = reasons_against({name: column for name, column in every.items() if name not in out})
    features = {name: c for name, c in every.items() if name not in out and name not in reasons}
    if not features:
        raise NothingToLearnFrom(told(reasons))
    features, on_dates = ages.as_features(features, every[time] if time else None)
    warnings = (*sheet.notes, *told(reasons), *on_dates, *remarks.on_values(features, {}))
    beside = {name: every[name] for name in protected}
    return Rows(features, beside, out | reasons, warnings, len(sheet))


def identifiers(rows: Rows, sheet: Sheet) -> dict[str, list[object]]:
    """The columns that name the rows, to stand beside what is said of them."""
    ids = [name for name, why in rows.excluded.items() if "id" in why.split()]
    return {name: sheet.columns[name].to_pylist() for name in ids}
