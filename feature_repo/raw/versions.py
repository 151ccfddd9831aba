"""What of the rows given is news to a bank: new keys, corrections and versions; the rest is told, not kept.

A bank never forgets, so a row that comes again changes nothing. How a changed one is known depends on
what its source tells of time:

- its own recording time: it is compared with what the bank knew at that moment;
- the date of a snapshot: with what held, or was known, at that date, so that an old file that is loaded
  late does not undo newer facts;
- nothing: with everything ever recorded of that key, so that an old file changes nothing. Such a source
  cannot tell a return to an earlier state from an old file; give it a snapshot date to be able to.

Relations: `given` has the contract's columns with `_row` and `_snapshot` (null where there is none);
`there` has the contract's columns and may be empty. The answer is the view `news`: the
contract's columns, `_row`, and `_known`: whether the key was there before.
"""

# ruff: noqa: S608 - queries are built from names of the contract and from times, never from data

from dataclasses import dataclass
from datetime import datetime

import duckdb

from feature_repo.errors import ConflictingRows
from feature_repo.raw.contracts import Table
from feature_repo.raw.formula import name, quoted

VERSIONED = "valid_from"


@dataclass(frozen=True)
class News:
    """Counts of the rows given; the `restored` ones are added beside them (see `_versions`)."""

    kept: int
    repeated: int
    outdated: int
    corrected: int
    restored: int


@dataclass(frozen=True)
class Times:
    """What the source tells of time, when this load happens, and the snapshots loaded before."""

    now: datetime
    recorded: bool
    snapshots: bool = False
    loaded: tuple[str, ...] = ()


def once(connection: duckdb.DuckDBPyConnection, contract: Table, given: str, times: Times) -> None:
    """Make `distinct_given`: each row once; ConflictingRows when one key at one time says two things."""
    columns, key = _list(contract.schema.names), _clashing(contract, times)
    # Numbers are counted, not keys: as many hashes as rows mean that no key is there twice.
    if not _one(connection, f"select count(*) - count(distinct hash({key})) from {given}"):
        connection.execute(f"create or replace temp view distinct_given as from {given}")
        return
    connection.execute(
        f"create or replace temp table given_once as select {columns}, _snapshot, min(_row) as _row "
        f"from {given} group by all order by _row"
    )
    connection.execute("create or replace temp view distinct_given as from given_once")
    clash = f"select {key} from distinct_given group by {key} having count(*) > 1"
    if clashes := _count(connection, f"({clash})"):
        raise ConflictingRows(contract.name, contract.key, clashes)


def news(connection: duckdb.DuckDBPyConnection, contract: Table, there: str, times: Times) -> News:
    """Make `news` of `distinct_given`; ConflictingRows where it contradicts what is there."""
    entity = [column for column in contract.key if column != VERSIONED]
    versioned = times.snapshots and VERSIONED in contract.key
    key = entity if versioned else list(contract.key)
    _suspect(connection, contract, there, key, times)
    if versioned:
        return _versions(connection, contract, key, times)
    if times.snapshots and not times.recorded:
        return _states(connection, contract, key, times)
    return _recorded(connection, contract, key, times)


def _suspect(
    connection: duckdb.DuckDBPyConnection, contract: Table, there: str, key: list[str], times: Times
) -> None:
    """Narrow both sides to the keys that are new or do not say the same everywhere.

    Most rows of a file that comes again say nothing new: their keys and a hash of their content tell, and
    only the others are compared in full. Makes `suspect`, `there_hit`, and `hit`, the keys that are there.
    """
    using = _list(key)
    mark = f"hash({_columns(contract, *key, VERSIONED, 'recorded_at')})"
    earlier = "min(recorded_at) filter (not _there) < min(recorded_at) filter (_there)"
    again = f"or coalesce({earlier}, false)" if times.recorded else ""
    connection.execute(f"""create or replace temp table touched as
        select {using}, bool_or(_there) as _known from (
            select {using}, recorded_at, {mark} as _mark, true as _there
            from {there} semi join distinct_given using ({using})
            union all select {using}, recorded_at, {mark}, false from distinct_given)
        group by {using} having not bool_or(_there) or min(_mark) <> max(_mark) {again}""")
    connection.execute(f"create or replace temp table hit as select {using} from touched where _known")
    connection.execute(
        f"create or replace temp table there_hit as from {there} semi join hit using ({using})"
    )
    connection.execute(
        f"create or replace temp table suspect as from distinct_given semi join touched using ({using})"
    )


def _recorded(connection: duckdb.DuckDBPyConnection, contract: Table, key: list[str], times: Times) -> News:
    """Events: those with a recording time against what was known then, the others against all."""
    using, content = _list(key), _content(contract, key)
    new = f"select {_list(contract.schema.names)}, _row, false as _known from suspect"
    if times.snapshots:
        connection.execute(
            f"insert into hit select distinct {using} from suspect anti join hit using ({using})"
        )
    if times.recorded or times.snapshots:
        connection.execute(f"""create or replace temp table told as
            select *, lag({content}) over w as _before, lag(recorded_at) over w as _then,
                   count(*) filter (where not _given) over (partition by {using}) > 0 as _known
            from (select *, 0 as _row, false as _given from there_hit
                  union all by name
                  select * exclude (_snapshot), true as _given
                  from suspect semi join hit using ({using}))
            window w as (partition by {using} order by recorded_at, _given, _row)""")
        changed = f"_given and (_then is null or {content} is distinct from _before)"
        _no_clash(connection, contract, f"told where {changed} and _then = recorded_at")
        again = f"select {_list(contract.schema.names)}, _row, _known from told where {changed}"
    else:
        matches = " and ".join(f"t.{name(column)} = g.{name(column)}" for column in key)
        again = f"""select * replace ({_literal(times.now)} + to_microseconds(
                row_number() over (partition by {using} order by recorded_at, _row) - 1) as recorded_at),
            true as _known from (select {_list(contract.schema.names)}, _row
            from suspect g semi join hit using ({using}) where not exists (select 1 from there_hit t
            where {matches} and {_content(contract, key, of="t")}
                is not distinct from {_content(contract, key, of="g")}))"""
    connection.execute(
        f"create or replace temp table fresh as {new} anti join hit using ({using}) union all by name {again}"
    )
    return _counted(connection)


def _states(connection: duckdb.DuckDBPyConnection, contract: Table, key: list[str], times: Times) -> News:
    """Events as a series of snapshots tells them: what changed is recorded at the load.

    Of a key that is new the first row is recorded at its own time and later ones at their snapshot's.
    A row of a snapshot before the last one loaded that says something unheard is `outdated`.
    """
    using, content = _list(key), _content(contract, key)
    last = _literal(max(times.loaded)) if times.loaded else "null::timestamptz"
    connection.execute(f"""create or replace temp table told as
        select *, lag({content}) over w as _before, row_number() over w as _place,
               bool_or(not _given) over (partition by {using}) as _known,
               first_value(recorded_at) over w as _first
        from (select *, 0 as _row, null::timestamptz as _snapshot, false as _given from there_hit
              union all by name select *, true as _given from suspect)
        window w as (partition by {using} order by _given, _snapshot, recorded_at, _row)""")
    connection.execute(f"""create or replace temp table told as select *,
        _given and (_place = 1 or {content} is distinct from _before) as _changed,
        _given and _known and coalesce(_snapshot < {last}, false) as _old from told""")
    matches = " and ".join(f"t.{name(column)} = told.{name(column)}" for column in key)
    unheard = f"""select count(*) from told where _old and not exists (
        select 1 from there_hit t where {matches}
        and {_content(contract, key, of="t")} is not distinct from
            {_content(contract, key, of="told")})"""
    outdated = _one(connection, unheard)
    connection.execute(f"""create or replace temp table fresh as
        select {_list(contract.schema.names)}, _row, _known from (
            select * replace (case when _known then {_literal(times.now)} + to_microseconds(_place)
              when _place = 1 then recorded_at
              else greatest(_snapshot, _first + to_microseconds(_place)) end as recorded_at)
              from told where _changed and not _old)""")
    return _counted(connection, outdated)


def _versions(connection: duckdb.DuckDBPyConnection, contract: Table, key: list[str], times: Times) -> News:
    """Versions: a row that differs from what held at its snapshot's date holds from that date on.

    Of an entity that is new the first row holds from its own time. Where a snapshot is loaded after a
    later one, what that later one confirmed is restored from its date on: the late one does not reach
    beyond it.
    """
    using, columns = _list(key), contract.schema.names
    body = [column for column in columns if column not in {*key, VERSIONED, "recorded_at"}]
    content = f"struct_pack({', '.join(f'{name(column)} := {name(column)}' for column in body)})"
    later = "recorded_at" if times.recorded else _literal(times.now)
    own = str(times.recorded).lower()
    loaded = ", ".join(_literal(date) for date in times.loaded) or "null::timestamptz"
    connection.execute(f"""create or replace temp table told as
        select *, lag({content}) over w as _before, lead(valid_from) over w as _next,
               row_number() over w as _place,
               list_min([date for date in [{loaded}] if date > valid_from]) as _confirmed
        from (select *, 0 as _row, false as _given, true as _known from there_hit
              qualify row_number() over (partition by {using}, valid_from order by recorded_at desc) = 1
              union all by name
              select * exclude (_snapshot, _first, valid_from, recorded_at), true as _given,
                     case when _first and not _known then valid_from else _snapshot end as valid_from,
                     case when _known then {later} when {own} or _first then recorded_at
                          else _snapshot end as recorded_at
              from (select g.*, hit.{name(key[0])} is not null as _known,
                           row_number() over (partition by {using} order by _snapshot, _row) = 1 as _first
                    from suspect g left join hit using ({using})))
        window w as (partition by {using} order by valid_from, _given, _row)""")
    changed = f"_given and (_place = 1 or {content} is distinct from _before)"
    restored = ", ".join(f"_before.{name(column)} as {name(column)}" for column in body)
    connection.execute(f"""create or replace temp table fresh as
        select {_list(columns)}, _row, _known from told where {changed} union all by name
        select {using}, _confirmed as valid_from, {later} as recorded_at, {restored},
               null as _row, true as _known
        from told where {changed} and _known and _place > 1 and _confirmed is not null
            and (_next is null or _next > _confirmed)""")
    return _counted(connection)


def _counted(connection: duckdb.DuckDBPyConnection, outdated: int = 0) -> News:
    connection.execute("create or replace temp view news as from fresh")
    given = _count(connection, "distinct_given")
    kept, corrected, restored = connection.execute(
        "select count(_row), count(_row) filter (where _known), count(*) - count(_row) from news"
    ).fetchall()[0]
    return News(kept, given - kept - outdated, outdated, corrected, restored)


def _no_clash(connection: duckdb.DuckDBPyConnection, contract: Table, relation: str) -> None:
    if clashes := _one(connection, f"select count(*) from {relation}"):
        raise ConflictingRows(contract.name, contract.key, clashes)


def _clashing(contract: Table, times: Times) -> str:
    """The columns that must not be the same twice."""
    if times.snapshots:
        return _list(
            [*(column for column in contract.key if column != VERSIONED), "_snapshot", "recorded_at"]
        )
    return _list(list(dict.fromkeys((*contract.key, "recorded_at"))))


def _content(contract: Table, key: list[str], of: str = "") -> str:
    """What a row says of its key, as one value."""
    return f"row({_columns(contract, *key, 'recorded_at', of=of)})"


def _columns(contract: Table, *but: str, of: str = "") -> str:
    prefix = f"{of}." if of else ""
    return ", ".join(prefix + name(column) for column in contract.schema.names if column not in but)


def _list(columns: list[str]) -> str:
    return ", ".join(name(column) for column in columns)


def _literal(time: datetime | str) -> str:
    return f"timestamptz {quoted(time if isinstance(time, str) else time.isoformat())}"


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    return _one(connection, f"select count(*) from {relation}")


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(connection.execute(query).fetchall()[0][0])
