"""How a bank's own files become the raw tables: sources, and a formula for each column."""

import codecs
import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from feature_repo.errors import BadMapping, BankError, MissingTable
from feature_repo.raw.contracts import BY_NAME, TABLES
from feature_repo.raw.formula import Formula

FILE = "mapping.toml"
KINDS = (".parquet", ".csv", ".csv.gz", ".csv.zst")
EPOCHS = ("s", "ms", "us")


class NoSuchFolder(BankError, NotADirectoryError):
    """Where a bank's files should be is no folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = "is a file" if folder.exists() else "is not there"
        super().__init__(f"Folder {folder} {found}. Name the folder that holds the bank's tables.")


class LeavesTheFolder(BankError, PermissionError):
    """A source's file is a link to somewhere else."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.path = path
        super().__init__(
            f"File {path.name} is a link that leaves {folder}. Put the file itself there and load again."
        )


@dataclass(frozen=True)
class Dated:
    """Where the date of a snapshot stands: the same for all, in a column, or in the file's name."""

    constant: str | None = None
    column: str | None = None
    file: str | None = None
    format: str = "%Y-%m-%d"


@dataclass(frozen=True)
class Origin:
    """One source: files of one shape, read as text. `direct` columns identify a person.

    With `snapshot` every file (or row) tells what held at one date, and a row that has changed since
    is a new version.
    """

    name: str
    files: tuple[str, ...]
    delimiter: str = ","
    encoding: str = "utf-8"
    optional: bool = False
    direct: tuple[str, ...] = ()
    snapshot: Dated | None = None

    def paths(self, folder: Path) -> list[Path]:
        """The files of this source that are in the folder; LeavesTheFolder for a link to elsewhere."""
        found = sorted({path for pattern in self.files for path in folder.glob(pattern) if path.is_file()})
        for path in found:
            if not path.resolve().is_relative_to(folder.resolve()):
                raise LeavesTheFolder(path, folder)
        return found


@dataclass(frozen=True)
class Part:
    """A query that gives rows of one table: `from`, `where`, a formula for each column."""

    table: str
    origin: str
    columns: dict[str, Formula]
    where: str = "true"
    row: str = "_row"
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mapping:
    """Everything the loader must know about a bank's files."""

    path: Path | str
    name: str
    base_currency: str
    origins: tuple[Origin, ...]
    parts: tuple[Part, ...]
    starts: datetime | None = None
    ends: datetime | None = None
    coverage: dict[str, str] = field(default_factory=dict)
    control: dict[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"
    digest: str = ""

    def present(self, folder: Path, partial: bool = False) -> dict[str, list[Path]]:
        """The files of every source; MissingTable when a source that must be there is not.

        With `partial` any source may be absent, if one is there: the bank has the others already.
        """
        found = {origin.name: origin.paths(folder) for origin in self.origins}
        for origin in self.origins:
            if not found[origin.name] and not (origin.optional or (partial and any(found.values()))):
                raise MissingTable(origin.name, folder)
        return {origin: paths for origin, paths in found.items() if paths}

    def parts_of(self, table: str, present: dict[str, list[Path]]) -> list[Part]:
        """The parts of a table that apply, given the sources that are there."""
        return [
            part
            for part in self.parts
            if part.table == table
            and all(source in present for source in part.when)
            and not any(source in present for source in part.unless)
            and all(origin.name in present for origin in self.origins_of(part))
        ]

    def origins_of(self, part: Part) -> list[Origin]:
        """The sources that a part's query names."""
        words = set(re.findall(r"\w+", re.sub(r"'[^']*'", "", part.origin)))
        return [origin for origin in self.origins if origin.name in words]

    def main_origin(self, part: Part) -> Origin | None:
        """The source whose rows a part's rows are; None when its query does not tell."""
        named = self.origins_of(part)
        alias = part.row.removesuffix("_row").removesuffix(".")
        if not alias or len(named) == 1:
            return named[0] if len(named) == 1 else None
        for origin in named:
            if origin.name == alias or re.search(rf"\b{origin.name}\s+(as\s+)?{alias}\b", part.origin):
                return origin
        return None


def read(path: Path) -> Mapping:
    """Parse a mapping; BadMapping names what it cannot mean."""
    try:
        return _mapping(path, tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadMapping(path, f"it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise BadMapping(path, "it is not UTF-8 text") from error
    except KeyError as error:
        raise BadMapping(path, f"it lacks {error}") from error
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise BadMapping(path, str(error)) from error


def find(folder: Path, given: Path | None = None, held: str | None = None) -> Mapping:
    """The mapping given, else the folder's own, else a shipped one that fits, else none needed.

    `held` names the bank that is loaded already, which plain files of that name may add to.
    NoSuchFolder or MissingTable when there is nothing to map.
    """
    if not folder.is_dir():
        raise NoSuchFolder(folder)
    if given is not None:
        return read(given)
    if (folder / FILE).exists():
        return read(folder / FILE)
    for path in shipped():
        mapping = read(path)
        if all(origin.optional or origin.paths(folder) for origin in mapping.origins):
            return mapping
    return plain(folder, partial=held == folder.name)


def shipped() -> list[Path]:
    """The mappings that come with this package."""
    return sorted(Path(str(files("feature_repo.raw"))).joinpath("mappings").glob("*.toml"))


def plain(folder: Path, partial: bool = False) -> Mapping:
    """The mapping of files that already are raw tables: `customers.csv`, `bookings/*.parquet` and so on."""
    patterns = {
        table.name: (*(f"{table.name}{kind}" for kind in KINDS), f"{table.name}/*.parquet")
        for table in TABLES
    }
    there = {
        table: globs for table, globs in patterns.items() if any(list(folder.glob(one)) for one in globs)
    }
    for table in TABLES:
        if table.required and table.name not in there and not (partial and there):
            raise MissingTable(table.name, folder)
    origins = tuple(Origin(table, globs) for table, globs in there.items())
    parts = tuple(
        Part(table, table, {column.name: Formula(column=column.name) for column in BY_NAME[table].columns})
        for table in there
    )
    return Mapping("(none: the files are raw tables)", folder.name, "CNY", origins, parts)


def _mapping(path: Path, said: dict[str, Any]) -> Mapping:
    origins = tuple(_origin(path, origin, _frozen(given)) for origin, given in said["sources"].items())
    parts = [
        _part(path, table, _frozen(given), said.get("shared", {}))
        for table, several in said["tables"].items()
        for given in (several if isinstance(several, list) else [several])
    ]
    coverage = {key: str(value) for key, value in said.get("coverage", {}).items()}
    control = {key: str(value) for key, value in said.get("control", {}).items()}
    starts, ends = _instant(path, said, "starts"), _instant(path, said, "ends")
    return Mapping(
        path, said["name"], said["base_currency"], origins, tuple(parts), starts, ends, coverage, control,
        _zone(path, said.get("time_zone", "UTC")), sha256(path.read_bytes()).hexdigest(),
    )  # fmt: skip


def _origin(path: Path, name: str, given: dict[str, Any]) -> Origin:
    dated = given.pop("snapshot", None)
    if isinstance(dated, str | date):
        dated = {"constant": str(dated)}
    if "encoding" in given:  # Python knows latin-1 with a hyphen, the others without
        given["encoding"] = re.sub(r"(?i)^latin-(\d+)$", r"latin\1", given["encoding"])
    origin = Origin(name, **given, snapshot=None if dated is None else Dated(**dated))
    try:
        codecs.lookup(origin.encoding)
    except LookupError as error:
        raise BadMapping(path, f"source '{name}': there is no encoding '{origin.encoding}'") from error
    return origin


def _zone(path: Path, zone: str) -> str:
    try:
        return ZoneInfo(zone).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadMapping(path, f"there is no time zone '{zone}'") from error


def _part(path: Path, table: str, given: dict[str, Any], shared: dict[str, Any]) -> Part:
    if table not in BY_NAME:
        raise BadMapping(path, f"there is no raw table '{table}'; known are {', '.join(BY_NAME)}")
    columns, query = given.pop("columns"), given.pop("from")
    if isinstance(columns, str):
        columns = shared[columns]
    known = {column.name for column in BY_NAME[table].columns}
    if unknown := sorted(columns.keys() - known):
        raise BadMapping(path, f"table '{table}' has no column {unknown}")
    formulas = {
        column: Formula(column=said) if isinstance(said, str) else Formula(**_frozen(said))
        for column, said in columns.items()
    }
    for column, formula in formulas.items():
        if formula.epoch not in (None, *EPOCHS):
            raise BadMapping(path, f"'{table}.{column}': epoch is one of {', '.join(EPOCHS)}")
    return Part(table, query, formulas, **given)


def _frozen(given: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}


def _instant(path: Path, said: dict[str, Any], key: str) -> datetime | None:
    day = said.get(key)
    if day is not None and not isinstance(day, date):
        raise BadMapping(path, f"{key} is {day!r}, no date such as 2025-01-31")
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)
