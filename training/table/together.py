"""Rows that belong together: copies of one row, or several rows of one customer. No split parts them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.table.columns import Column
from training.table.identity import LEAST_ROWS, named_like_an_id, why_no_feature
from training.validation import Labels

COINCIDENCE = 0.5  # where more rows than that repeat others, they do so by chance
Groups = npt.NDArray[np.intp]


def together(columns: Mapping[str, Column], y: Labels) -> tuple[Groups, tuple[str, ...]]:
    """A group for each row, and what is worth a warning.

    >>> from training.table.columns import Form, Kind
    >>> column = Column("x", Form(Kind.NUMBER), np.r_[1.0, 1.0, np.arange(2.0, 98.0)], {}, {})
    >>> groups, said = together({"x": column}, np.zeros(98, np.int8))
    >>> int(groups[0]) == int(groups[1]), said[0]
    (True, '1 row is a copy of another (every column alike); copies stay in one fold.')
    """
    n = len(y)
    ids = [name for name, column in columns.items() if why_no_feature(column) and column.known.all()]
    named = [name for name in ids if named_like_an_id(name) and columns[name].distinct < n]
    if named:
        codes = pd.factorize(columns[named[0]].values)[0]
        many = columns[named[0]].distinct
        said = f"Rows share '{named[0]}' ({many:,} different): those of one stay in one fold."
        return codes.astype(np.intp), (said,)
    return _copies({name: column for name, column in columns.items() if name not in ids}, y)


def _copies(columns: Mapping[str, Column], y: Labels) -> tuple[Groups, tuple[str, ...]]:
    n = len(y)
    if not columns or n < LEAST_ROWS:
        return np.arange(n), ()
    coded = pd.DataFrame({"": y} | {name: pd.factorize(c.values)[0] for name, c in columns.items()})
    hashed = pd.util.hash_pandas_object(coded, index=False).to_numpy()
    codes, found = pd.factorize(hashed)
    copies = n - len(found)
    if not copies:
        return np.arange(n), ()
    if copies > COINCIDENCE * n:
        said = f"{copies:,} of {n:,} rows repeat another one: too many to be copies, so folds part them."
        return np.arange(n), (said,)
    what = "1 row is a copy" if copies == 1 else f"{copies:,} rows are copies"
    return codes.astype(np.intp), (f"{what} of another (every column alike); copies stay in one fold.",)
