"""What a person asks of a single table."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from training.table.errors import UnknownColumn


@dataclass(frozen=True)
class Task:
    """One call of `bank train NAME --table FILE`, as it was asked for.

    `trials` is how many settings each fold tries, None the learner's own number. With a `time` the rows
    are split in time unless `split` says otherwise.
    """

    name: str
    path: Path
    target: str | None = None
    positive: str | None = None
    exclude: str = ""
    time: str | None = None
    protected: str = ""
    split: str | None = None
    separator: str | None = None
    header: bool = True
    seed: int = 7
    trials: int | None = None

    @property
    def parted(self) -> str:
        """The split that is used."""
        return self.split or ("time:0.7" if self.time else "5-fold")

    def key(self, digest: str) -> str:
        """What one search belongs to: this content of the file, asked in this way."""
        asked = (digest, self.name, self.target, self.positive, self.exclude, self.time, self.protected,
                 self.parted, self.separator, self.header, self.seed)  # fmt: skip
        return sha256(repr(asked).encode()).hexdigest()[:16]


def column_named(option: str, asked: str, names: Sequence[str], hint: str = "") -> str:
    """The column somebody means: by its name, its name in other case, or its number in a file without names.

    >>> column_named("--target", "Y", ["x", "y"]), column_named("--target", "2", ["column_1", "column_2"])
    ('y', 'column_2')
    """
    if asked in names:
        return asked
    near = [name for name in names if name.casefold() == asked.strip().casefold()]
    if not near and asked.strip().isdigit():
        near = [name for name in names if name == f"column_{int(asked)}"]
    if len(near) != 1:
        raise UnknownColumn(option, asked, names, hint)
    return near[0]


def columns_named(option: str, asked: str, names: Sequence[str]) -> list[str]:
    """Several columns, parted by commas; a name that holds a comma may stand alone.

    >>> columns_named("--exclude", "b, a", ["a", "b", "c"])
    ['b', 'a']
    """
    if not asked or asked in names:
        return [asked] if asked else []
    return [column_named(option, part.strip(), names) for part in asked.split(",") if part.strip()]
