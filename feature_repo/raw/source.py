"""What is known about a loaded bank as a whole: its time span, currency and coverage."""

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from feature_repo.errors import MissingTable

FILE = "source.json"


@dataclass(frozen=True)
class Source:
    """A loaded bank. Times are ISO 8601 in UTC; `ends` is the first instant after the data.

    `files` holds the SHA-256 of every Parquet file of the bank that is known already, so that what
    is added costs what is added; `digest` is over all of them.

    `bookings_complete_until` is None when the bookings of every account are there. Otherwise
    bookings at or after that time exist for a selected part of the accounts only (`selection`
    says which), so their mere presence tells something: a model whose rows were not selected
    the same way must not use booking features from snapshots after it.
    """

    name: str
    base_currency: str
    starts: str
    ends: str
    digest: str
    rows: dict[str, int]
    totals: dict[str, str] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    bookings_complete_until: str | None = None
    selection: str = ""
    files: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def start(self) -> datetime:
        """The first instant of the data."""
        return datetime.fromisoformat(self.starts)

    @property
    def end(self) -> datetime:
        """The first instant after the data; features for scoring are as of it."""
        return datetime.fromisoformat(self.ends)

    def has(self, table: str) -> bool:
        """Whether that raw table has rows."""
        return self.rows.get(table, 0) > 0

    def write(self, raw: Path) -> None:
        """Write source.json; it is written last, so its presence says the load is whole."""
        draft = raw / (FILE + ".draft")
        draft.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n")
        draft.replace(raw / FILE)

    @staticmethod
    def read(raw: Path) -> "Source":
        """The source loaded into that folder; MissingTable when nothing was loaded."""
        path = raw / FILE
        if not path.exists():
            raise MissingTable("customers", raw)
        return Source(**json.loads(path.read_text()))


def files(raw: Path, table: str) -> list[Path]:
    """The Parquet files of a raw table, in the order they were written.

    A folder of raw tables only ever changes by a swap of the whole (`landing`), so what lies in it is
    what its source.json tells of.
    """
    return sorted((raw / table).glob("*.parquet"))


def delivered(raw: Path, table: str) -> list[Path]:
    """The same; MissingTable when there are none."""
    found = files(raw, table)
    if not found:
        raise MissingTable(table, raw)
    return found
