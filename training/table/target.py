"""The target: two values, one of which is the event."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from training.table.columns import MISSING
from training.table.errors import UnusableTarget, listed
from training.validation import Labels

EVENTS = {
    "1": ("0", "-1"), "yes": ("no",), "true": ("false",), "y": ("n",), "t": ("f",), "bad": ("good",),
    "positive": ("negative",), "default": ("no default", "paid"), "是": ("否",), "违约": ("正常",),
}  # fmt: skip
MOST_SHOWN = 6


def canonical(given: pa.ChunkedArray) -> "pd.Series[str]":
    """The values as text, 1.0 and 1 alike; what is missing is empty.

    >>> canonical(pa.chunked_array([["1.0", " no", "NA"]])).tolist()
    ['1', 'no', '']
    """
    words = pd.Series(given.cast(pa.string()).to_pandas(), dtype=object).fillna("").str.strip()
    words = words.str.replace(r"^([+-]?\d+)\.0*$", r"\1", regex=True)
    return words.where(~words.str.lower().isin(MISSING), "")


def binary(column: str, given: pa.ChunkedArray, positive: str | None) -> tuple[Labels, str, tuple[str, ...]]:
    """Labels (1 the event, 0 not, -1 unknown), the event's name, and what is worth a warning.

    UnusableTarget when there are not two values and nobody said which one counts.
    """
    words = canonical(given)
    counts = words[words != ""].value_counts()
    if len(counts) < 2:
        found = f"has only one value, {_shown(counts)}" if len(counts) else "has no value at all"
        raise UnusableTarget(column, found, "A model needs rows of both outcomes; name another by --target.")
    events, notes = _events(column, counts, positive)
    y = np.where(words == "", -1, words.isin(events)).astype(np.int8)
    if (unknown := int((y < 0).sum())) > 0:
        notes += (f"{unknown:,} rows have no target ('{column}' is missing) and are left out.",)
    if not 0 < (y == 1).sum() < (y >= 0).sum():
        raise UnusableTarget(column, f"is on every row one of {listed(events)}", "Name fewer by --positive.")
    return y, " or ".join(events), notes


def _events(column: str, counts: "pd.Series[int]", positive: str | None) -> tuple[list[str], tuple[str, ...]]:
    found = [str(value) for value in counts.index]
    if positive is not None:
        return _asked(column, counts, positive), ()
    if len(found) > 2:
        way_out = f"Say which one is the event, e.g. --positive {sorted(found)[-1]} (several: A,B)."
        raise UnusableTarget(column, f"has {len(found)} values, {_shown(counts)}; two are needed", way_out)
    for event, other in (found, found[::-1]):
        if other.lower() in EVENTS.get(event.lower(), ()):
            return [event], ()
    try:
        chosen = max(found, key=float)
        why = "the larger"
    except ValueError:
        chosen, why = found[-1], "the rarer"
    other = next(value for value in found if value != chosen)
    return [chosen], (f"The event is '{chosen}', {why} value of '{column}'; --positive '{other}' turns it.",)


def _asked(column: str, counts: "pd.Series[int]", positive: str) -> list[str]:
    given = canonical(pa.chunked_array([[positive]])).iloc[0] or positive
    events = [given] if given in counts.index else [part.strip() for part in positive.split(",")]
    if strange := [event for event in events if event not in counts.index]:
        found = f"has no value {listed(strange)}; it has {_shown(counts)}"
        raise UnusableTarget(column, found, "Correct --positive.")
    return events


def _shown(counts: "pd.Series[int]") -> str:
    told = [
        f"'{value}' ({rows:,} row{'s' * (rows > 1)})" for value, rows in list(counts.items())[:MOST_SHOWN]
    ]
    more = f" and {len(counts) - MOST_SHOWN:,} more" if len(counts) > MOST_SHOWN else ""
    return ", ".join(told) + more


def same_as(words: npt.ArrayLike, y: Labels) -> bool:
    """Whether each value of a column goes with one outcome only: it is the target under another name.

    >>> y = np.array([1, 0, 1, 0], np.int8)
    >>> same_as(["bad", "good", "bad", "good"], y), same_as(["a", "a", "b", "b"], y)
    (True, False)
    """
    codes, levels = pd.factorize(np.asarray(words, object), use_na_sentinel=False)
    if not 2 <= len(levels) <= max(2, len(y) // 10):
        return False
    rate = np.bincount(codes, weights=y) / np.bincount(codes)
    return bool(((rate == 0) | (rate == 1)).all())
