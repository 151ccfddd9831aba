"""Dates as features: how long before its row's own time something was, or the day by the calendar."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from training.table.columns import Column, Kind
from training.table.errors import TableError, listed
from training.validation import F64

LATER = 0.01


class NoOrder(TableError):
    """A column cannot order the rows in time."""

    def __init__(self, column: str, found: str) -> None:
        self.column = column
        super().__init__(f"--time names '{column}', but {found}. Give a column of dates or numbers.")


def order(column: Column) -> F64:
    """The time of each row: days since 1970-01-01, or the number that stands there."""
    if column.kind is Kind.CATEGORY:
        example = next(value for value in column.values if value is not None)
        raise NoOrder(column.name, f"its values, such as '{example}', are neither dates nor numbers")
    if gone := int((~column.known).sum()):
        raise NoOrder(column.name, f"{gone:,} rows have none")
    return column.numbers


def as_features(
    features: Mapping[str, Column], time: Column | None
) -> tuple[dict[str, Column], tuple[str, ...]]:
    """Each date as the days before the row's time; without one, as days since 1970-01-01.

    A date after its row's own time was not known then: a suspected leak.
    """
    dates = [name for name, column in features.items() if column.kind is Kind.DATE]
    if not dates:
        return dict(features), ()
    when = order(time) if time is not None and time.kind is Kind.DATE else None
    found, warnings = dict(features), []
    for name in dates:
        days = features[name].numbers
        if when is not None:
            days = when - days
            if (later := float(np.mean(days[~np.isnan(days)] < 0))) > LATER:
                warnings.append(f"Suspected leak: '{name}' lies after the row's own time on {later:.0%} of "
                                f"the rows; it was not known then. Think of --exclude {name}.")  # fmt: skip
        found[name] = replace(features[name], values=days)
        if features[name].form.dated.ambiguous:
            warnings.append(
                f"'{name}' may be day/month or month/day: read as {features[name].form.dated.format}."
            )
    how = "days before the row's own time" if when is not None else (
        "days since 1970-01-01 (a model of calendar days ages; with --time they become ages)")  # fmt: skip
    return found, (f"Dates read as {how}: {listed(dates)}.", *warnings)
