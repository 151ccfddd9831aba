"""Where packed rows lie: what SQLite and Redis each do in their own way."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from feature_repo.errors import BankError
from feature_repo.rows.layout import Catalogue, View
from feature_repo.rows.packing import I64Array, Packed
from feature_repo.rows.reading import Reading


class NoOnlineRows(BankError, FileNotFoundError):
    """There are no packed rows to read."""

    def __init__(self, place: Path | str) -> None:
        self.place = place
        super().__init__(
            f"Online rows were not found at {place}. "
            "Run `bank run`, or `bank features build` on a loaded bank."
        )


class BrokenOnlineRows(BankError, ValueError):
    """What should be packed rows cannot be read as such."""

    def __init__(self, place: Path | str, found: str) -> None:
        self.place = place
        super().__init__(
            f"Online rows {place} cannot be read ({found}). "
            f"Remove them and write them again: `bank features build`."
        )


class NotErased(BankError, OSError):
    """A customer's rows are removed, but their bytes are not overwritten yet."""

    def __init__(self, place: Path | str) -> None:
        self.place = place
        super().__init__(
            f"The rows are removed from {place}, but a reader keeps their bytes in the write-ahead log. "
            f"Delete again when no long read runs."
        )


class Shelf(Protocol):
    """Holds a catalogue, and the packed rows of each view by customer."""

    def close(self) -> None:
        """Give the file or the connections back."""

    def catalogue(self) -> Catalogue:
        """The catalogue as stored at this moment."""

    def fetch(self, reading: Reading, customer_ids: Sequence[str]) -> tuple[int, bytes]:
        """The generation, and the packed rows of these customers of that same moment.

        A blank of the reading stands for a missing row. The bytes mean nothing when the generation
        is another than the reading's.
        """

    def writing(self) -> AbstractContextManager[None]:
        """While it is open no other process writes; left by an exception, nothing changed for readers."""

    def save(self, catalogue: Catalogue) -> None:
        """Make that catalogue the one readers see."""

    def create(self, view: View) -> None:
        """Make the empty place of a view."""

    def drop(self, view: View) -> None:
        """Remove a view's place with its rows."""

    def put(self, view: View, packed: Packed, known: bool) -> None:
        """Lay rows down. With `known` some customers may have one: an older is replaced, a newer stays."""

    def delete(self, customer_id: str) -> int:
        """Erase that customer's rows for good; how many there were."""

    def count(self, view: View) -> int:
        """The customers with a row in that view."""

    def event_us(self, view: View) -> I64Array:
        """The event time of every row of that view, in any order."""

    def customer_ids(self, view: View) -> Iterator[str]:
        """The customers with a row in that view, sorted by code point."""
