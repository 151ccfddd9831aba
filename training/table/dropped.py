"""Columns that are no features: empty, constant, ids, and those that are the target itself."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.table.columns import Column, Kind
from training.table.errors import listed
from training.table.identity import why_no_feature
from training.table.leaks import SUSPECT, Alone, alone
from training.validation import Labels

LARGEST = 1e37  # models compute in single precision


@dataclass(frozen=True)
class Dropped:
    """Why each dropped column is no feature, how well each other one does alone, and what to say of it."""

    reasons: Mapping[str, str]
    alone: tuple[Alone, ...]
    warnings: tuple[str, ...]


def dropped(target: str, columns: Mapping[str, Column], y: Labels) -> Dropped:
    """Look at every column by itself.

    A column that leaves nothing open of the target is dropped: a score from it would be no prediction.
    One that is merely too good stays, under suspicion, for only a person can know when it was known.
    """
    reasons = reasons_against(columns)
    single = [alone(column, y) for name, column in columns.items() if name not in reasons]
    equal = [each.column for each in single if each.decides]
    warnings: list[str] = []
    if equal:
        warnings.append(f"Left out, since it equals the target '{target}' or decides it alone: "
                        f"{listed(equal)}. Was it known when the model is to be used?")  # fmt: skip
    suspects = [each for each in single if each.suspect and not each.decides]
    warnings += [
        f"Suspected leak: '{each.column}' alone has AUC {each.auc:.3f} (over {SUSPECT}) and is still "
        f"a feature. If it is known only after the outcome, run again with --exclude {each.column}."
        for each in suspects
    ]
    warnings += told(reasons)
    return Dropped(reasons | dict.fromkeys(equal, "equals the target"), tuple(single), tuple(warnings))


def reasons_against(columns: Mapping[str, Column]) -> dict[str, str]:
    """Why some columns are no features, whatever is to be learned."""
    return {name: why for name, column in columns.items() if (why := _why_not(column))}


def _why_not(column: Column) -> str:
    if not column.known.any():
        return "all missing"
    if column.distinct == 1 and column.known.all():
        return "constant"
    if column.kind is Kind.NUMBER and np.nanmax(np.abs(column.numbers)) > LARGEST:
        return f"its numbers are beyond {LARGEST:.0e}"
    return why_no_feature(column)


def told(reasons: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each reason, its columns together."""
    return tuple(
        f"Left out, since {why}: {listed(name for name, reason in reasons.items() if reason == why)}."
        for why in dict.fromkeys(reasons.values())
    )
