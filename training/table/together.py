"""Rows that belong together: copies of one row, or several rows of one customer. No split parts them."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from training.table.columns import Column
from training.table.identity import LEAST_ROWS, named_like_an_id, why_no_feature
from training.validation import Labels

FINE = 0.05  # a column with so many values for each row makes it unlikely that two rows agree by chance
Groups = npt.NDArray[np.intp]


def together(columns: Mapping[str, Column], y: Labels) -> tuple[Groups, tuple[str, ...]]:
    """A group for each row, and what is worth a warning.

    >>> from training.table.columns import Form, Kind
    >>> column = Column("x", Form(Kind.NUMBER), np.r_[1.0, 1.0, np.arange(2.0, 98.0)], {}, {})
    >>> groups, said = together({"x": column}, np.zeros(98, np.int8))
    >>> int(groups[0]) == int(groups[1]), said[0]
    (True, 'Duplicate rows: 1 are copies of another one (every column alike). Copies stay in one fold.')
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
    """Rows alike in every column: copies where some column is fine, chance where all of them are coarse."""
    n, alone = len(y), np.arange(len(y))
    if not columns or n < LEAST_ROWS:
        return alone, ()
    coded = pd.DataFrame({"": y} | {name: pd.factorize(c.values)[0] for name, c in columns.items()})
    codes, found = pd.factorize(pd.util.hash_pandas_object(coded, index=False).to_numpy())
    if not (alike := n - len(found)):
        return alone, ()
    if coded.nunique().max() < FINE * n:
        said = (
            f"Duplicate rows: {alike:,} are alike in every column. The columns are too coarse to call them "
        )
        return alone, (said + "copies, so they count as different customers, and folds may part them.",)
    return codes.astype(np.intp), (
        f"Duplicate rows: {alike:,} are copies of another one (every column alike). Copies stay in one fold.",
    )
