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


class UnreadableFile(BankError, ValueError):
    """A source file cannot be read as what its mapping says it is."""

    def __init__(self, source: str, found: str) -> None:
        self.source, self.found = source, found
        super().__init__(
            f"Source '{source}' cannot be read: {found}. "
            f"Check its separator, encoding and quoting in mapping.toml, or export it again."
        )


class BadMapping(BankError, ValueError):
    """A mapping says something that cannot be applied."""

    def __init__(self, mapping: Path | str, found: str) -> None:
        self.mapping, self.found = mapping, found
        super().__init__(f"Mapping {mapping} cannot be applied: {found}. Correct it and load again.")


class ConflictingRows(BankError, ValueError):
    """The same key at the same recording time says two different things."""

    def __init__(self, table: str, key: Iterable[str], count: int) -> None:
        self.table, self.key, self.count = table, tuple(key), count
        super().__init__(
            f"Table '{table}' holds {count} keys ({', '.join(self.key)}) that are recorded twice at the same "
            f"time with different content. Keep one row of each, or give the later one its own recorded_at."
        )


class TooManyBadRows(BankError, ValueError):
    """More rows broke their contract than the limit allows."""

    def __init__(self, table: str, bad: int, rows: int, limit: float, worst: str) -> None:
        self.table, self.bad, self.rows, self.limit, self.worst = table, bad, rows, limit, worst
        super().__init__(
            f"Table '{table}': {bad} of {rows} rows break their contract, above the limit of {limit:.1%}; "
            f"most often {worst}. Correct the export or its mapping, or raise BANK_QUARANTINE_LIMIT."
        )


class NotReconciled(BankError, ValueError):
    """A control total of the load differs from the source's own."""

    def __init__(self, total: str, wanted: str, found: str) -> None:
        self.total, self.wanted, self.found = total, wanted, found
        super().__init__(
            f"Control total '{total}' should be {wanted}, but is {found}. "
            f"Ask the source for a complete export and load it again."
        )
