"""What a decision made again says, as simulation counts it: the one place that knows the shape of answers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from monitoring.simulate import NOTHING, UNKNOWN, Ruling
from serving.deciding.asking import CreditRequest
from serving.deciding.loaded import Loaded
from serving.deciding.online import F64Array, Snapshot
from serving.deciding.records import Case, Decision, Request
from serving.deciding.segments import place

AGES = (25, 35, 45, 55, 65)
GENDER = {1.0: "female", 0.0: "not female"}


def ruling(made: Decision, request: Request) -> Ruling:
    """The outcome of a decision, what it shows, the rules that fired, the credit it gives."""
    if isinstance(request, CreditRequest):
        outcome = str(made.kept["outcome"])
        rules = made.kept["rules"]
        amount = request.amount if outcome == "approve" else 0.0
        return Ruling(outcome, (), frozenset(map(str, _list(rules))), amount)
    shown = tuple(map(str, _list(made.kept["outcome"])))
    return Ruling(shown[0] if shown else NOTHING, shown, _removing(orjson.loads(made.body)))


def _removing(answer: Mapping[str, Any]) -> frozenset[str]:
    """Every rule that removed an offer."""
    return frozenset(code for each in answer["ruled_out"] for code in each["rules"])


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def groups_of(cases: Sequence[Case], loaded: Loaded) -> list[dict[str, str]]:
    """The groups each case of one snapshot belongs to, by attribute."""
    snapshot = cases[0].snapshot
    placed = place(loaded, snapshot, snapshot.matrix(loaded.runtime.columns, {}))
    female, age = _column(snapshot, "is_female"), _column(snapshot, "age_years")
    found = snapshot.found
    return [
        {
            "segment": str(scores["segment"] or UNKNOWN),
            "value tier": str(scores["value_tier"] or UNKNOWN),
            "gender": GENDER.get(float(female[case.row]), UNKNOWN),
            "age": _band(float(age[case.row])),
            "newcomer": "no" if found[case.row] else "yes",
        }
        for case in cases
        for scores in [placed.scores(case.row)]
    ]


def _column(snapshot: Snapshot, name: str) -> F64Array:
    """A column, all unknown where the release does not read it."""
    if name not in snapshot.origin.position:
        return np.full(len(snapshot), np.nan)
    return snapshot.column(name)


def _band(age: float) -> str:
    """The age band.

    >>> _band(24.0), _band(25.0), _band(64.0), _band(65.0), _band(float("nan"))
    ('under 25', '25 to 34', '55 to 64', '65 and over', 'unknown')
    """
    if np.isnan(age):
        return UNKNOWN
    bounds = (*AGES, None)
    for low, high in zip((None, *AGES), bounds, strict=True):
        if high is None:
            return f"{low} and over"
        if age < high:
            return f"under {high}" if low is None else f"{low} to {high - 1}"
    return UNKNOWN
