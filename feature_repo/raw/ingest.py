"""Any bank's files become raw tables: mapped, checked, counted, swapped in whole."""

# ruff: noqa: S608 - queries are built from names of the contract, never from data

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from feature_repo.errors import MissingTable
from feature_repo.raw import history, quarantine, reconcile
from feature_repo.raw.append import added, next_file, there
from feature_repo.raw.checks import Checked
from feature_repo.raw.contracts import BOOKINGS, BY_NAME, TABLES, Table
from feature_repo.raw.formula import name
from feature_repo.raw.history import Fate, Load
from feature_repo.raw.identities import Keyed
from feature_repo.raw.landing import carry, digest_of, digests, landing
from feature_repo.raw.mapping import Mapping, Origin, find
from feature_repo.raw.reading import Look, look
from feature_repo.raw.source import FILE, Source
from feature_repo.raw.staging import Staging
from feature_repo.raw.versions import News, Times, news, once

BATCH = 200_000
TICK = timedelta(microseconds=1)
NOTHING = Source("", "", "", "", "", {})
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = "part-0.parquet"
Looks = dict[str, dict[Path, Look]]


@dataclass
class Counts:
    """What happened to the rows of a load."""

    tables: dict[str, Fate] = field(default_factory=dict)
    totals: dict[str, str] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)
    """Control totals of everything accepted, also of what the bank knew."""
    reasons: dict[str, int] = field(default_factory=dict)
    snapshots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    formulas: dict[str, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None


def ingest(
    folder: Path, raw: Path, mapping: Path | None, limit: float, now: datetime, key: Path, threads: int = 2,
    fresh: bool = False,
) -> Source:  # fmt: skip
    """Load the bank in `folder` into `raw`; nothing is changed there unless all of it loads.

    A bank of the same mapping that is there already is added to: what it knows is dropped and counted, a
    changed row is a correction or a new version (see `versions`). With `fresh`, and for a bank of another
    mapping, what was there is replaced. `limit` is the share of a table's rows that may go to
    quarantine, `key` the file of the secret behind customers' pseudonyms (made when absent). Times must
    lie before the mapping's `ends`, or `now` when it says none. What became of every row is the last
    line of the bank's history. Raises the errors of `feature_repo.errors`.
    """
    began, folder, raw = perf_counter(), folder.absolute(), raw.absolute()
    held = Source.read(raw) if (raw / FILE).exists() and not fresh else NOTHING
    said = find(folder, mapping, held.name)
    adds = held.name == said.name
    present = said.present(folder, partial=adds)
    with landing(raw) as draft:
        kind = _begin(raw, draft, adds)
        looks = {origin: {path: look(path) for path in paths} for origin, paths in present.items()}
        loading = Loading(said, folder, draft, held if adds else NOTHING, limit, now, threads)
        new = loading.unknown(looks)
        source = loading.run(new, Keyed.load(key)) if new else held
        seconds = round(perf_counter() - began, 3)
        history.write(draft, loading.told(kind, looks, seconds))
        source.write(draft)
    return source


def _begin(raw: Path, draft: Path, adds: bool) -> str:
    """Carry over what the load builds on: the bank, or only the history of loads; the kind of load."""
    if not (raw / FILE).exists():
        return "first"
    if adds:
        carry(raw, draft)
        return "added"
    if (raw / history.FILE).exists():
        shutil.copy2(raw / history.FILE, draft / history.FILE)
    return "replaced"


class Loading:
    """One load into a draft, table after table, and what became of every row."""

    def __init__(
        self, said: Mapping, folder: Path, draft: Path, held: Source, limit: float, now: datetime,
        threads: int,
    ) -> None:  # fmt: skip
        self._said, self._folder, self._draft, self._held = said, folder, draft, held
        self._limit, self._now, self._threads = limit, now, threads
        self._ends = said.ends or now
        self._loads = history.current(history.read(draft)) if held.rows else []
        self._counts, self._skipped = Counts(), set[str]()

    def unknown(self, looks: Looks) -> Looks:
        """Without the files that were loaded before under this mapping, unless a query joins them."""
        joined = {
            origin.name for part in self._said.parts if part.origin not in looks
            for origin in self._said.origins_of(part)
        }  # fmt: skip
        old = {
            path for origin in self._said.origins for path, one in looks.get(origin.name, {}).items()
            if self._known(origin, path, one)
        }  # fmt: skip
        self._skipped = {self._name(path) for path in old}
        if old == {path for seen in looks.values() for path in seen}:
            return {}
        kept = {
            origin: seen if origin in joined else {path: one for path, one in seen.items() if path not in old}
            for origin, seen in looks.items()
        }
        return {origin: seen for origin, seen in kept.items() if seen}

    def _known(self, origin: Origin, path: Path, seen: Look) -> bool:
        """Whether that content was loaded before; where the file's name tells a date, under that name."""
        named = origin.snapshot is not None and origin.snapshot.file is not None
        before = [
            name
            for load in self._loads if load.mapping == self._said.digest
            for name, sha in load.files.items() if sha == seen.digest
        ]  # fmt: skip
        return self._name(path) in before if named else bool(before)

    def run(self, looks: Looks, identities: Keyed) -> Source:
        """Load every table; the bank as it is then."""
        spill = self._draft / ".spill"
        spill.mkdir()
        staging = Staging(
            self._said, looks, self._folder, self._draft, spill, identities, self._threads
        )  # fmt: skip
        try:
            self._tables(staging)
            staging.origins.unchanged()
        finally:
            staging.close()
        shutil.rmtree(spill)
        return self._source(staging)

    def told(self, kind: str, looks: Looks, seconds: float) -> Load:
        """The line of history."""
        files = {self._name(path): one.digest for seen in looks.values() for path, one in seen.items()}
        found = self._counts
        return Load(
            self._now.astimezone(UTC).isoformat(), kind, found.tables, self._said.digest, files,
            tuple(sorted(self._skipped)), found.reasons, found.snapshots, found.formulas, seconds,
            found.totals,
        )  # fmt: skip

    def _tables(self, staging: Staging) -> None:
        known = {table for _, table in _references() if self._held.has(table)}
        for table in sorted(known):
            view = there(staging.connection, self._draft, BY_NAME[table])
            _accept(staging.connection, BY_NAME[table], [view])
        for contract in TABLES:
            if staging.parts_of(contract.name):
                self._table(staging, contract, known | self._counts.tables.keys())
            elif contract.required and not self._held.has(contract.name):
                raise MissingTable(contract.name, str(self._said.path))
        reconcile.agree(self._said.control, self._counts.read)

    def _table(self, staging: Staging, contract: Table, loaded: set[str]) -> None:
        """Stage, set aside, drop what is known, write, and account for every row."""
        connection, table = staging.connection, contract.name
        read = staging.stage(table, self._ends, loaded)
        faults = staging.faults(table)
        aside = quarantine.keep(faults, contract, read, self._limit, self._draft / quarantine.FOLDER)
        columns = ", ".join(name(column.name) for column in contract.columns)
        connection.execute(
            "create or replace temp view given as "
            f"select {columns}, _row, _snapshot from staged where _fault is null"
        )
        before = tuple(date for load in self._loads for date in load.snapshots.get(table, ()))
        times = Times(self._now, staging.timed(table), staging.dated(table), before)
        once(connection, contract, "given", times)
        accepted = connection.sql("select count(*) from distinct_given").fetchall()[0][0]
        if self._held.has(table) or times.snapshots:
            fate = news(connection, contract, there(connection, self._draft, contract), times)
            written = "select {} from news order by _row nulls last, {}".format(
                columns, ", ".join(name(column) for column in contract.key)
            )
        else:
            connection.execute("create or replace temp view news as from distinct_given")
            fate, written = News(accepted, 0, 0, 0, 0), f"select {columns} from news"
        repeated = read - aside - fate.kept - fate.outdated
        reconcile.balanced(table, accepted, fate.kept, fate.repeated, fate.outdated)
        if fate.kept or not self._held.has(table):
            _write(connection, contract, written, self._draft / table)
        if table in {referred for _, referred in _references()}:
            held = [f"there_{table}"] if self._held.has(table) else []
            _accept(connection, contract, ["distinct_given", *held])
        self._count(staging, contract, Fate(
            read, fate.kept, repeated, aside, fate.outdated, fate.corrected, fate.restored
        ), faults)  # fmt: skip

    def _count(self, staging: Staging, contract: Table, fate: Fate, faults: pa.Table) -> None:
        connection, counts, table = staging.connection, self._counts, contract.name
        counts.tables[table] = fate
        counts.totals |= reconcile.totals(connection, contract, "news")
        if self._said.control:
            counts.read |= reconcile.totals(connection, contract, "distinct_given")
        if fate.repeated:
            counts.totals[f"{table}.repeated"] = str(fate.repeated)
        counts.reasons |= quarantine.reasons(faults, table)
        counts.formulas |= staging.formulas
        dates = connection.execute(
            "select distinct _snapshot from distinct_given where _snapshot is not null order by 1"
        )
        if found := tuple(date.isoformat() for (date,) in dates.fetchall()):
            counts.snapshots[table] = found
        first, last = connection.execute(
            f"select epoch_us(min({name(contract.event)})), epoch_us(max(recorded_at)) from news"
        ).fetchall()[0]
        if last is not None:
            counts.last = max(counts.last or EPOCH, EPOCH + timedelta(microseconds=last))
        if contract is BOOKINGS and first is not None:
            counts.first = EPOCH + timedelta(microseconds=first)

    def _source(self, staging: Staging) -> Source:
        """The bank of before with what this load adds to it."""
        held, counts, said = self._held, self._counts, self._said
        totals = counts.totals | {
            f"identifiers_dropped.{column}": str(count) for column, count in staging.origins.dropped.items()
        }
        rows = {table: fate.kept + fate.restored for table, fate in counts.tables.items()}
        aside = {table: fate.quarantined for table, fate in counts.tables.items() if fate.quarantined}
        ends = max(self._ends, counts.last + TICK if counts.last else self._ends)
        starts = said.starts or counts.first or ends
        if held.rows:
            ends, starts = max(ends, held.end), min(starts, held.start)
        complete = said.coverage.get("unless")
        partial = {} if complete in staging.origins.files else said.coverage
        files = digests(self._draft, held.files)
        return Source(
            said.name, said.base_currency, starts.isoformat(), ends.isoformat(), digest_of(files),
            _sum(held.rows, rows), added(held.totals, totals), _sum(held.quarantined, aside),
            partial.get("bookings_complete_until"), partial.get("selection", ""), files,
        )  # fmt: skip

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


def _references() -> set[tuple[str, str]]:
    return {one for contract in TABLES for one in contract.references}


def _accept(connection: duckdb.DuckDBPyConnection, contract: Table, relations: list[str]) -> None:
    """Fill `accepted_<table>`: the ids that other tables may refer to."""
    identifier = name(contract.key[0])
    ids = " union ".join(f"select {identifier} as id from {relation}" for relation in relations)
    table = name("accepted_" + contract.name)
    connection.execute(f"create or replace temp table {table} as {ids}")


def _sum(held: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    return dict(held) | {table: held.get(table, 0) + count for table, count in more.items()}


def _write(connection: duckdb.DuckDBPyConnection, contract: Table, query: str, folder: Path) -> None:
    """Write the rows a batch at a time; each batch is held against the contract once more."""
    folder.mkdir(exist_ok=True)
    path = next_file(folder) if any(folder.iterdir()) else folder / FIRST
    rows, checked = connection.sql(query).to_arrow_reader(BATCH), Checked(contract)
    with pq.ParquetWriter(path, contract.schema, compression="zstd") as writer:
        for batch in rows:
            table = pa.Table.from_batches([batch]).cast(contract.schema)
            checked(table)
            writer.write_table(table)
