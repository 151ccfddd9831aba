"""Feature tables: every view for every (customer, date) of a spine, and rows for scoring.

Values depend on the raw rows a spine row may see and on nothing else: not on its neighbours, on
the order of the rows, nor on the number of threads.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from feature_repo.engine import Engine, engine
from feature_repo.errors import MissingTable
from feature_repo.features.catalogue import FEATURES, left_out
from feature_repo.history import History, Span
from feature_repo.raw.contracts import TABLES
from feature_repo.raw.source import Source
from feature_repo.settings import Machine
from feature_repo.snapshot import TIME, spine_table
from feature_repo.sources import Snapshot
from feature_repo.wide import online, online_views, views, wide

PART = "part.parquet"
CHUNK = 200_000  # spine rows
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def build(raw: Path, spine: pa.Table, out: Path, machine: Machine) -> dict[str, int]:
    """Write `out/<view>/part.parquet` for every view and give the rows of each.

    `spine` holds customer_id and as_of. A row's event_timestamp is its as_of, and so is its
    created_timestamp: computed again it is the same row. Customers unknown as of a date have no
    row, unknown values are null. All views appear together or none does.
    """
    tables = feature_tables(raw, spine, machine)
    drafts = {}
    for view, table in tables.items():
        (out / view).mkdir(parents=True, exist_ok=True)
        drafts[view] = out / view / f"{PART}.draft"
        pq.write_table(table, drafts[view])
    for draft in drafts.values():
        draft.replace(draft.with_suffix(""))
    return {view: table.num_rows for view, table in tables.items()}


def feature_tables(raw: Path, spine: pa.Table, machine: Machine) -> dict[str, pa.Table]:
    """The views of a spine as Arrow: customer_id, event_timestamp, created_timestamp, features."""
    with engine(raw, machine) as opened:
        return _together(
            [views(opened.arrow(wide(seen, FEATURES))) for seen in snapshots(opened, raw, spine)]
        )


def online_rows(raw: Path, as_of: datetime, machine: Machine) -> dict[str, pa.Table]:
    """The views of every customer known as of that date, and `owned`: what scoring reads.

    `owned` has a column for each product known as of the date, sorted: 1.0 held, 0.0 not.
    """
    with engine(raw, machine) as opened:
        return _together([
            online_views([opened.arrow(asked) for asked in online(seen)])
            for seen in snapshots(opened, raw, everybody(opened, as_of))
        ])  # fmt: skip


def held_products(raw: Path, spine: pa.Table, machine: Machine) -> pa.Table:
    """Products held as of each spine row: customer_id, as_of, product_id, family; sorted."""
    with engine(raw, machine) as opened:
        return pa.concat_tables(_held(snapshot) for snapshot in snapshots(opened, raw, spine))


def missing_inputs(raw: Path) -> dict[str, tuple[str, ...]]:
    """The features that will be null throughout, each with the raw tables it misses."""
    return left_out(lambda table: any((raw / table).glob("*.parquet")))


def snapshots(opened: Engine, raw: Path, spine: pa.Table) -> Iterator[Snapshot]:
    """The raw tables as the spine sees them, CHUNK spine rows at a time, so that memory is bounded.

    What a snapshot keeps is let go when the next is asked for. MissingTable when a required table is
    not there.
    """
    for table in TABLES:
        if table.required and not opened.has(table.name):
            raise MissingTable(table.name, raw)
    history, base = History(opened), Source.read(raw).base_currency
    rows = spine_table(spine)
    for start in range(0, max(rows.num_rows, 1), CHUNK):
        chunk = rows.slice(start, CHUNK)
        dates = pc.min_max(chunk["as_of"])
        first, last = (dates[end].as_py() or EPOCH for end in ("min", "max"))
        given = opened.keep(opened.given(chunk, "spine"))
        yield Snapshot(history, given, Span(first, last), base)
        opened.forget()


def _together(parts: Sequence[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    return {view: pa.concat_tables(part[view] for part in parts) for view in parts[0]}


def everybody(opened: Engine, as_of: datetime) -> pa.Table:
    """The spine of every customer in the raw tables at one date."""
    at = pa.scalar(as_of, TIME)
    ids = opened.arrow(opened.read("customers").select("customer_id").distinct())["customer_id"]
    return pa.table({"customer_id": ids, "as_of": pa.repeat(at, len(ids))})


def _held(snapshot: Snapshot) -> pa.Table:
    held = snapshot.see("held_products").table
    held = held.select("customer_id", "as_of", "product_id", "family").distinct()
    return snapshot.engine.arrow(held.order_by("customer_id", "as_of", "product_id"))
