"""What a single table can be refused for. Each error names the thing, what was found, and the way out."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from feature_repo.errors import BankError


class TableError(BankError, ValueError):
    """A table, or what was asked of it, cannot be used."""


class UnreadableTable(TableError):
    """A file is no table that can be read."""

    def __init__(self, path: Path, found: str, way_out: str) -> None:
        self.path, self.found = path, found
        super().__init__(f"{path} cannot be read: {found}. {way_out}")


class UnknownColumn(TableError):
    """A column is named that the table does not have."""

    def __init__(self, option: str, asked: str, columns: Sequence[str], hint: str = "") -> None:
        self.option, self.asked, self.columns = option, asked, tuple(columns)
        near = get_close_matches(asked, columns, 1, 0.6)
        guess = f"Did you mean '{near[0]}'? " if near else ""
        super().__init__(f"{option} names '{asked}', which is no column. {guess}{hint}"
                         f"There are {listed(columns)}.")  # fmt: skip


class UnusableTarget(TableError):
    """The target cannot be learned as it is."""

    def __init__(self, column: str, found: str, way_out: str) -> None:
        self.column, self.found = column, found
        super().__init__(f"Target '{column}' {found}. {way_out}")


class TooFewRows(TableError):
    """There is too little to learn from, or too little to measure on."""

    def __init__(self, found: str, needed: str) -> None:
        self.found, self.needed = found, needed
        super().__init__(f"Too little to learn from: {found}; {needed}. Bring more rows.")


class BadSplit(TableError):
    """The rows cannot be parted as asked."""

    def __init__(self, asked: str, found: str) -> None:
        self.asked = asked
        super().__init__(f"--split {asked}: {found}. Use 5-fold, time:0.7, time:2024-01-31 or rows:0.7.")


class NothingToLearnFrom(TableError):
    """No column is left as a feature."""

    def __init__(self, dropped: Iterable[str]) -> None:
        self.dropped = tuple(dropped)
        super().__init__(f"No column is left to learn from. {' '.join(self.dropped)}")


class UnlikeTraining(TableError):
    """A file to score lacks columns the model was fitted on."""

    def __init__(self, path: Path, missing: Sequence[str]) -> None:
        self.path, self.missing = path, tuple(missing)
        super().__init__(f"{path} cannot be scored: it lacks {listed(missing)}, on which the model was "
                         f"fitted. Add them, or fit without them by --exclude.")  # fmt: skip


class NotOnATable(TableError):
    """A model cannot be trained on a single table with what was given."""

    def __init__(self, name: str, needed: str) -> None:
        self.name = name
        super().__init__(f"'{name}' on a single table {needed}.")


def listed(names: Iterable[object], most: int = 12) -> str:
    """Names in quotes, no more than `most` of them.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    every = [f"'{name}'" for name in names]
    more = f" and {len(every) - most} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
