"""A mapping proposed from a bank's own files, with the evidence for every guess; a person finishes it."""

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from feature_repo.errors import BankError, MissingTable
from feature_repo.raw import names
from feature_repo.raw.contracts import BY_NAME, TABLES, Column, Kind, Table
from feature_repo.raw.mapping import KINDS, NoSuchFolder
from feature_repo.raw.sniffing import Sheet, Sniffed, sniff

SUFFIXES = (*KINDS, ".txt", ".asc", ".tsv", ".gz", ".zst")
STANDS_IN = {  # a column that must be there may be taken from these, in turn
    "valid_from": ("opened_at", "joined_at", "granted_at"),
    "opened_at": ("valid_from",),
    "joined_at": ("valid_from",),
}
UNSAID = {
    "currency": "{ constant = %s }", "role": '{ constant = "owner" }',
    "booking_id": """{ sql = "_file || '-' || _row" }""",
}  # fmt: skip


class MappingThere(BankError, FileExistsError):
    """A proposal would write over a mapping."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"File {path} is there already. Give another place with --out, or --force.")


@dataclass
class Proposed:
    """A table's formulas as TOML, each with its evidence, and what remains open."""

    table: Table
    sheet: Sheet
    formulas: dict[str, tuple[str, str]] = field(default_factory=dict)
    lacks: list[str] = field(default_factory=list)


def propose(folder: Path) -> str:
    """The text of a mapping.toml for the tables in that folder.

    No value of a column that may identify a person is written: only codes of short lists that the
    contract knows, and counts. Raises NoSuchFolder, MissingTable without files, UnreadableFile.
    """
    if not folder.is_dir():
        raise NoSuchFolder(folder)
    paths = [path for path in sorted(folder.iterdir()) if path.name.endswith(SUFFIXES) and path.is_file()]
    if not paths:
        raise MissingTable("customers", folder)
    sheets = _merged([sniff(path) for path in paths])
    tables = _tables(sheets)
    currency = _currency(sheets)
    lines = [
        f"# Proposed from {len(paths)} files. Every guess names its evidence: check it, finish what is open,",
        "# then `bank data ingest`. Counts are of the first rows; no value that may tell a person is here.",
        "", f"name = {_text(folder.name)}", f"base_currency = {_text(currency)}",
        '# time_zone = "Europe/Berlin"  # of times that tell none; UTC unless said', "",
    ]  # fmt: skip
    for sheet in sheets:
        lines += _source(sheet)
    for proposed in tables:
        lines += _table(proposed, currency)
    missing = [one.name for one in TABLES if one.required and one.name not in {p.table.name for p in tables}]
    lines += [f"# OPEN: no file looks like '{table}', which must be there." for table in missing]
    for sheet in sheets:
        lines += _unmapped(sheet, [one for one in tables if one.sheet is sheet])
    return "\n".join(lines).rstrip() + "\n"


def _tables(sheets: list[Sheet]) -> list[Proposed]:
    """For every raw table the file that fits best, if one does."""
    found = []
    for table in TABLES:
        fits = [(fit, -at, sheet) for at, sheet in enumerate(sheets) if (fit := _fit(table, sheet)) > 0]
        if fits:
            found.append(_proposed(table, max(fits, key=lambda one: one[:2])[2]))
    return found


def _merged(sheets: list[Sheet]) -> list[Sheet]:
    """One sheet for all files of one shape, as the first shows it."""
    found: dict[tuple[object, ...], Sheet] = {}
    for sheet in sheets:
        first = found.get(sheet.shape)
        found[sheet.shape] = sheet if first is None else replace(first, more=(*first.more, sheet.path.name))
    return list(found.values())


def _fit(table: Table, sheet: Sheet) -> float:
    """How well a file fits a table: its name, its columns; 0 when a column that tells it is absent."""
    there = {column.name: _best(column, sheet) for column in table.columns}
    essential = {column for column in table.key if column not in ("valid_from", "booking_id")}
    essential |= {column.name for column in table.columns if column.required and column.kind is Kind.MONEY}
    essential |= {table.event} - {"valid_from"}
    if not all(there[column] for column in essential):
        return 0
    stem = names.plain(sheet.path.name.split(".")[0])
    named = stem == names.plain(table.name) or any(word in stem for word in names.TABLES.get(table.name, ()))
    other = any(word in stem for name, words in names.TABLES.items() if name != table.name for word in words)
    lacking = _lacking(table, sheet, {name for name, column in there.items() if column})
    if table.name in ("customers", "accounts", "account_owners"):
        if lacking or (not named and _fit(BY_NAME["bookings"], sheet) > 0):
            return 0
        return (5 if named else 1) + sum(column is not None for column in there.values()) / len(there)
    if not named and (other or lacking):
        return 0
    return (5 if named else 1) + sum(column is not None for column in there.values()) / len(there)


def _lacking(table: Table, sheet: Sheet, there: set[str]) -> set[str]:
    """Columns that must be there and that nothing stands in for."""
    needed = {column.name for column in table.columns if column.required} - there - {"recorded_at", *UNSAID}
    return {
        name for name in needed
        if not any(_best(Column(other, Kind.TIME), sheet) for other in STANDS_IN.get(name, ()))
    }  # fmt: skip


def _best(column: Column, sheet: Sheet) -> Sniffed | None:
    """The file's column that fits best by name and by kind."""
    fitting = [
        (names.column_of(found.name, column.name), -at, found)
        for at, found in enumerate(sheet.columns) if _can(column, found)
    ]  # fmt: skip
    score, _, best = max(fitting, key=lambda one: one[:2], default=(0, 0, None))
    return best if score else None


def _can(column: Column, found: Sniffed) -> bool:
    if not found.filled:
        return True
    if column.kind is Kind.TIME:
        return found.shape in ("time", "epoch")
    if column.kind in (Kind.MONEY, Kind.NUMBER, Kind.INTEGER):
        return found.shape in ("number", "epoch") or (found.shape == "time" and bool(found.format))
    return True


def _proposed(table: Table, sheet: Sheet) -> Proposed:
    proposed = Proposed(table, sheet)
    taken = {}
    for column in table.columns:
        if (best := _best(column, sheet)) is not None and not names.is_direct(best.name):
            taken[column.name] = best
            proposed.formulas[column.name] = (_formula(column, best), _evidence(column, best, sheet))
    for column in table.columns:
        if column.required and column.name not in proposed.formulas and column.name != "recorded_at":
            _stand_in(proposed, column, taken)
    if "birth_year" in table.schema.names and "birth_year" not in proposed.formulas:
        _birth(proposed)
    return proposed


def _stand_in(proposed: Proposed, column: Column, taken: dict[str, Sniffed]) -> None:
    sheet, others = proposed.sheet, STANDS_IN.get(column.name, ())
    for other in others:
        wanted = Column(other, Kind.TIME)
        if found := taken.get(other) or _best(wanted, sheet):
            proposed.formulas[column.name] = (
                _formula(wanted, found),
                f"a guess: stands in, no {column.name} there",
            )
            return
    if column.name in UNSAID:
        proposed.formulas[column.name] = (UNSAID[column.name], "a guess: the file does not say")
    else:
        proposed.lacks.append(column.name)


def _birth(proposed: Proposed) -> None:
    for found in proposed.sheet.columns:
        if names.plain(found.name) in names.BIRTH and found.shape == "time":
            quoted = '"' + found.name.replace('"', '""') + '"'
            read = (
                f"try_strptime({quoted}, '{found.format}')" if found.format else f"try_cast({quoted} as date)"
            )
            proposed.formulas["birth_year"] = (
                f"{{ sql = {_text(f'year({read})')} }}", "only the year of the date of birth is taken"
            )  # fmt: skip


def _formula(column: Column, found: Sniffed) -> str:
    said = [f"column = {_text(found.name)}"]
    if column.kind is Kind.TIME and found.shape == "epoch":
        said.append(f"epoch = {_text(found.format)}")
    elif column.kind is Kind.TIME and found.format:
        said.append(f"format = {_text(found.format)}")
    if column.kind in (Kind.MONEY, Kind.NUMBER) and found.decimal != ".":
        said.append(f"decimal = {_text(found.decimal)}")
    if column.kind in (Kind.MONEY, Kind.NUMBER) and found.thousands:
        said.append(f"thousands = {_text(found.thousands)}")
    if codes := _codes(column, found):
        listed = ", ".join(f"{_text(old)} = {_text(new)}" for old, new in codes.items())
        said.append(f"codes = {{ {listed} }}")
    return _text(found.name) if len(said) == 1 else "{ " + ", ".join(said) + " }"


def _codes(column: Column, found: Sniffed) -> dict[str, str]:
    known = names.CODES.get(column.name, {})
    if not column.allowed:
        return {}
    pairs = ((code, known.get(names.plain(code), code.casefold())) for code, _ in found.codes)
    return {old: new for old, new in pairs if new in column.allowed and old != new}


def _evidence(column: Column, found: Sniffed, sheet: Sheet) -> str:
    same = names.column_of(found.name, column.name) == 3
    told = ["the same name" if same else "by its name", f"{found.filled:,} of {sheet.rows:,} filled"]
    if found.distinct == found.filled == sheet.rows and sheet.rows:
        told.append("all different: a key")
    if column.kind is Kind.TIME and found.ambiguous:
        told.append("CHECK: day or month first?")
    if column.allowed:
        open_ = sum(
            n for code, n in found.codes if code not in column.allowed and code not in _codes(column, found)
        )
        told.append(
            f"{found.distinct} codes" + (f", OPEN: {open_:,} rows with codes unknown here" if open_ else "")
        )
    return "; ".join(told)


def _source(sheet: Sheet) -> list[str]:
    files = ", ".join(_text(name) for name in (sheet.path.name, *sheet.more))
    lines = [f"[sources.{_text(_key(sheet))}]", f"files = [{files}]"]
    if sheet.more and re.search(r"\d{8}", sheet.path.name):
        dated = "{ file = '(\\d{8})', format = '%Y%m%d' }"
        lines.append(f"# snapshot = {dated}  # if each file tells what held at its date")
    if sheet.path.suffix != ".parquet":
        if sheet.delimiter != ",":
            lines.append(f"delimiter = {_text(sheet.delimiter)}")
        if sheet.encoding != "utf-8":
            lines.append(f"encoding = {_text(sheet.encoding)}  # its bytes are no UTF-8")
    if direct := [column.name for column in sheet.columns if names.is_direct(column.name)]:
        lines.append(
            f"direct = [{', '.join(_text(one) for one in direct)}]  # identify a person: counted, not loaded"
        )
    return [*lines, ""]


def _table(proposed: Proposed, currency: str) -> list[str]:
    lines = [f"[tables.{proposed.table.name}]", f"from = {_text(_key(proposed.sheet))}"]
    lines.append(f"[tables.{proposed.table.name}.columns]")
    for column, (formula, evidence) in proposed.formulas.items():
        said = formula.replace("%s", _text(currency))
        lines.append(f"{column} = {said}  # {evidence}")
    for column in proposed.lacks:
        lines.append(f'# OPEN: {column} = ""  # must be there; no column looks like it')
    free = [
        one.name for one in proposed.table.columns if one.name not in proposed.formulas and not one.required
    ]
    if free:
        lines.append(f"# not found, may stay away: {', '.join(free)}")
    return [*lines, ""]


def _unmapped(sheet: Sheet, tables: list[Proposed]) -> list[str]:
    used = " ".join(formula for one in tables for formula, _ in one.formulas.values())
    left = [
        f"#   {column.name}: {column.shape}, {column.filled:,} of {sheet.rows:,} filled, "
        f"{column.distinct:,} different"
        for column in sheet.columns
        if _text(column.name) not in used and not names.is_direct(column.name)
    ]
    return [f"# Not mapped, of {sheet.path.name}:", *left, ""] if left else []


def _currency(sheets: list[Sheet]) -> str:
    """The commonest currency code of all files, else CNY."""
    counts: dict[str, int] = {}
    for sheet in sheets:
        for column in sheet.columns:
            if names.column_of(column.name, "currency"):
                for code, count in column.codes:
                    counts[code] = counts.get(code, 0) + count
    known = {code: count for code, count in counts.items() if len(code) == 3 and code.isalpha()}
    return max(known, key=lambda code: known[code], default="CNY").upper()


def _key(sheet: Sheet) -> str:
    """The source's name: the file's, as a query can say it."""
    return "f_" + names.plain(sheet.path.name.split(".")[0])


def _text(value: str) -> str:
    """A TOML string."""
    return json.dumps(value, ensure_ascii=False)
