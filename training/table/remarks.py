"""What is worth knowing of the values: words and codes for missing, texts among numbers, absurd outliers."""

from collections.abc import Iterable, Mapping

import numpy as np

from training.table.codes import outliers
from training.table.columns import UNSAID, Column, Kind
from training.table.errors import listed

MANY_MISSING = 0.2
MOST = 8


def on_values(features: Mapping[str, Column], specials: Mapping[str, tuple[float, ...]]) -> tuple[str, ...]:
    """Sentences for the report."""
    every = (_words, _unread, _missing, _outliers)
    found = [sentence for look in every for sentence in look(features)]
    return (*_codes(features, specials), *found)


def _codes(features: Mapping[str, Column], specials: Mapping[str, tuple[float, ...]]) -> Iterable[str]:
    told = []
    for name, codes in specials.items():
        values = features[name].numbers
        told.append(f"{name} " + ", ".join(f"{code:g} ({int((values == code).sum()):,})" for code in codes))
    if told:
        yield (f"Codes among numbers, such as for missing (rows): {_some(told)}. The scorecard gives each "
               f"a bin of its own, the boosting a flag; the baselines take them as numbers.")  # fmt: skip


def _words(features: Mapping[str, Column]) -> Iterable[str]:
    told = []
    for name, column in features.items():
        words = {repr(word): n for word, n in column.missing.items() if word}
        if column.kind is Kind.CATEGORY:
            lowered = np.char.lower(np.asarray(column.values[column.known], str))
            words |= {repr(word): int((lowered == word).sum()) for word in UNSAID if (lowered == word).any()}
        if words:
            told.append(f"{name} " + ", ".join(f"{word} ({n:,})" for word, n in words.items()))
    if told:
        yield (f"Words for missing (rows): {_some(told)}. 'unknown' stays a category of its own, "
               f"the others are missing.")  # fmt: skip


def _unread(features: Mapping[str, Column]) -> Iterable[str]:
    for name, column in features.items():
        if column.unread:
            kind = "dates" if column.kind is Kind.DATE else f"{column.kind}s"
            rows = sum(column.unread.values())
            yield f"'{name}' holds {kind}, but on {rows:,} rows {listed(column.unread, 3)}: read as missing."


def _missing(features: Mapping[str, Column]) -> Iterable[str]:
    shares = {name: 1 - float(column.known.mean()) for name, column in features.items()}
    told = [f"{name} {share:.0%}" for name, share in shares.items() if share >= MANY_MISSING]
    if told:
        yield f"Much is missing: {_some(told)}."


def _outliers(features: Mapping[str, Column]) -> Iterable[str]:
    told = []
    for name, column in features.items():
        if column.kind is Kind.NUMBER and (far := outliers(column.numbers)):
            told.append(f"{name} {far[1]:,.6g} ({far[0]:,} rows)")
    if told:
        yield f"Far outliers: {_some(told)}. Bins and trees stand them; a straight line may not."


def _some(told: list[str]) -> str:
    return "; ".join(told[:MOST]) + (f" and {len(told) - MOST} more" if len(told) > MOST else "")
