"""Errors of the data room. Each names the thing, what was found, and the way out."""

from collections.abc import Iterable
from pathlib import Path


class BankError(Exception):
    """The base of every error this platform raises on purpose; its text is one clear sentence."""


class MissingTable(BankError, LookupError):
    """A table that a step needs is not there."""

    def __init__(self, table: str, where: Path | str) -> None:
        self.table, self.where = table, where
        super().__init__(
            f"Table '{table}' was not found in {where}. "
            f"Add its file, or name it in mapping.toml; `bank data make` makes a whole bank."
        )


class MissingColumns(BankError, ValueError):
    """A table lacks columns its reader needs."""

    def __init__(self, table: str, missing: Iterable[str], found: Iterable[str]) -> None:
        self.table, self.missing = table, sorted(missing)
        super().__init__(
            f"Table '{table}' lacks {self.missing}; found {sorted(found)}. "
            f"Re-export it, or map the columns in mapping.toml."
        )


class WrongType(BankError, TypeError):
    """A column holds another type than its contract says."""

    def __init__(self, table: str, column: str, wanted: str, found: str) -> None:
        self.table, self.column, self.wanted, self.found = table, column, wanted, found
        super().__init__(
            f"Column '{column}' of table '{table}' should be {wanted}, but is {found}. "
            f"Re-export it, or convert it in mapping.toml."
        )


class EmptyTable(BankError, ValueError):
    """A required table has no rows."""

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(f"Table '{table}' has no rows. Check the export and load it again.")


class NoSpace(BankError, OSError):
    """The disk is full; what was being written has been removed."""

    def __init__(self, where: Path) -> None:
        self.where = where
        super().__init__(
            f"No space left while writing {where}; the unfinished part was removed. "
            f"Free some space, or set BANK_HOME to another disk, and run again."
        )
