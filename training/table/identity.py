"""Columns that name a row or a customer: no features, and rows of one customer belong together."""

import re

import numpy as np
import pandas as pd

from training.table.columns import Column, Kind
from training.validation import F64

LAST = frozenset({"id", "ids", "uuid", "guid", "key", "nr", "idx", "pk"})
WHOLE = frozenset({"rownames", "rowname", "row", "rownum", "index", "no", "编号", "客户号", "客户编号"})
OWNERS = frozenset({
    "customer", "client", "account", "acct", "loan", "application", "applicant", "member", "person", "user",
    "case", "contract", "card", "borrower", "row",
})  # fmt: skip
NUMBERS = frozenset({"no", "num", "number"})
LEAST_ROWS, LEAST_RUN = 20, 50
NEARLY_ALL, MANY = 0.9, 0.5
TELLING = 0.05  # an id has at least so many different values for each row; one of a customer may repeat more
FEW = 20
WORDS = 4.0


def _words(name: str) -> list[str]:
    return [word.lower() for word in re.split(r"[\W_]+|(?<=[a-z])(?=[A-Z])", name) if word]


def _owned(name: str) -> bool:
    """Whether it names whom a row is about."""
    return any(word in OWNERS or (word.endswith("id") and word[:-2] in OWNERS) for word in _words(name))


def named_like_an_id(name: str) -> bool:
    """Whether the name alone says that it names a row, or whom the row is about.

    >>> [name for name in ("customer_id", "ID", "clientId", "rownames", "Unnamed: 0", "account no") if
    ...  not named_like_an_id(name)]
    []
    >>> [name for name in ("paid", "income", "no_of_children", "number", "bid") if named_like_an_id(name)]
    []
    """
    words = _words(name)
    if not words or words[0] == "unnamed" or "".join(words) in WHOLE:
        return True
    joined = words[-1].endswith("id") and words[-1][:-2] in OWNERS
    return words[-1] in LAST or joined or (words[-1] in NUMBERS and bool(OWNERS & set(words)))


def why_no_feature(column: Column) -> str:
    """Why a column only names its rows; empty when it says something of them."""
    known = pd.Series(column.values).dropna()
    rows, distinct = len(known), known.nunique()
    if rows < LEAST_ROWS:
        return ""
    by_name = named_like_an_id(column.name) and distinct > (FEW if _owned(column.name) else TELLING * rows)
    if column.kind is Kind.CATEGORY:
        return _why_not_these_words(known, distinct, rows, by_name)
    if column.kind is not Kind.NUMBER or not _whole(known.to_numpy(np.float64)):
        return ""
    if distinct == rows and rows >= LEAST_RUN and _runs_on(known.to_numpy(np.float64)):
        return "a running number: an id"
    return f"an id by its name, {distinct:,} different on {rows:,} rows" if by_name else ""


def _why_not_these_words(known: "pd.Series[str]", distinct: int, rows: int, by_name: bool) -> str:
    if distinct > NEARLY_ALL * rows:
        words = known.iloc[:1000].str.split().str.len().mean()
        return "free text" if words >= WORDS else "nearly every row has its own value: an id"
    if by_name:
        return f"an id by its name, {distinct:,} different on {rows:,} rows"
    return f"{distinct:,} categories on {rows:,} rows are too many" if distinct > MANY * rows else ""


def _whole(values: F64) -> bool:
    return bool((values == np.floor(values)).all())


def _runs_on(values: F64) -> bool:
    """Whether the numbers are 1, 2, 3, ... in some order, with few gaps."""
    return float(values.max() - values.min() + 1) <= 1.05 * len(values)
