"""Packed rows as Feast sees them: `feast apply`, `materialize`, `get_online_features`, `teardown`.

`feature_store.yaml` names this class; where the rows lie is said by the platform's settings.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from feast import Entity, FeatureView, RepoConfig
from feast.infra.online_stores.online_store import OnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.repo_config import FeastConfigBaseModel
from feast.type_map import NULL_TIMESTAMP_INT_VALUE
from feast.types import Bool, Float32, Float64, Int32, Int64, String, UnixTimestamp
from pydantic import Field

from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.rows.layout import NULL, Cell
from feature_repo.rows.packing import NotPackable
from feature_repo.rows.reading import NO_ROW, Rows
from feature_repo.settings import Settings

Row = tuple[datetime | None, dict[str, Value] | None]
SECOND = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOTHING = Value()
CELLS = {
    Float64: Cell.FLOAT64,
    Float32: Cell.FLOAT32,
    Int64: Cell.INT64,
    Int32: Cell.INT32,
    Bool: Cell.BOOL,
    UnixTimestamp: Cell.TIMESTAMP,
}
ARROW = {
    Cell.FLOAT64: pa.float64(),
    Cell.FLOAT32: pa.float32(),
    Cell.INT64: pa.int64(),
    Cell.INT32: pa.int32(),
    Cell.BOOL: pa.bool_(),
    Cell.TIMESTAMP: pa.timestamp("us", "UTC"),
}
PROTO: dict[Cell, Callable[[Any], Value]] = {
    Cell.FLOAT64: lambda value: Value(double_val=value),
    Cell.FLOAT32: lambda value: Value(float_val=value),
    Cell.INT64: lambda value: Value(int64_val=value),
    Cell.INT32: lambda value: Value(int32_val=value),
    Cell.BOOL: lambda value: Value(bool_val=bool(value)),
    Cell.TIMESTAMP: lambda value: Value(unix_timestamp_val=value // SECOND),
}


class PackedOnlineStoreConfig(FeastConfigBaseModel):  # type: ignore[misc]  # Feast is not typed
    """How Feast is told of the store: by its name; the settings come from the environment unless given."""

    type: Literal["feature_repo.online_store.PackedOnlineStore"] = (
        "feature_repo.online_store.PackedOnlineStore"
    )
    settings: Settings = Field(default_factory=Settings)


class PackedOnlineStore(OnlineStore):  # type: ignore[misc]  # Feast is not typed
    """One packed row a view and customer. An older row never replaces a newer one."""

    def __init__(self) -> None:
        self._reader: PackedRows | None = None
        self._one_at_a_time = Lock()

    # -- what Feast calls ------------------------------------------------------------------------

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Make the views that are kept, with their features; remove the others with their rows."""
        kept = [view for view in tables_to_keep if isinstance(view, FeatureView)]
        columns = {view.name: cells_of(view) for view in kept}
        with self._writer(config) as rows:
            rows.drop([view.name for view in tables_to_delete])
            for view, cells in columns.items():
                rows.define(view, cells)

    def teardown(self, config: RepoConfig, tables: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Remove these views with their rows, and nothing else that lies beside them."""
        self._forget_reader()
        with self._writer(config) as rows:
            rows.drop([view.name for view in tables])

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[Row]:
        """A row for each key: its event time and the features asked for; (None, None) without a row."""
        ids = [key.entity_values[0].string_val for key in entity_keys]
        with self._one_at_a_time:
            if self._reader is None:
                self._reader = open_rows(config.online_store.settings)
            rows = self._reader.read(ids, [table.name])
        names = rows.columns if requested_features is None else requested_features
        cells = cells_of(table)
        columns = {name: _protos(rows, name, cells[name]) for name in names if name in rows.columns}
        return [
            (None, None)
            if at == NO_ROW
            else (
                EPOCH + timedelta(microseconds=at),
                {name: values[row] for name, values in columns.items()},
            )
            for row, at in enumerate(rows.event_us[:, 0].tolist())
        ]

    def online_write_batch(
        self,
        config: RepoConfig,
        table: FeatureView,
        data: list[tuple[EntityKey, dict[str, Value], datetime, datetime | None]],
        progress: Callable[[int], Any] | None,
    ) -> None:
        """Write rows that come as Feast's values (`feast push`); of a repeated customer the latest."""
        latest: dict[str, tuple[datetime, dict[str, Value]]] = {}
        for key, values, time, _ in data:
            customer = key.entity_values[0].string_val
            at = time if time.tzinfo else time.replace(tzinfo=UTC)
            if customer not in latest or at >= latest[customer][0]:
                latest[customer] = (at, values)
        times = pa.array([at for at, _ in latest.values()], ARROW[Cell.TIMESTAMP])
        columns = {
            name: pa.array([_python(values.get(name), cell) for _, values in latest.values()], ARROW[cell])
            for name, cell in cells_of(table).items()
        }
        self.write_table(
            config, table, pa.table({"customer_id": list(latest), "event_timestamp": times, **columns})
        )
        if progress:
            progress(len(data))

    # -- what only our engine calls --------------------------------------------------------------

    def write_table(self, config: RepoConfig, view: FeatureView, table: pa.Table) -> None:
        """Write Arrow rows: customer_id, event_timestamp, and the view's features by their names."""
        columns = {name: _as_declared(table[name], cell) for name, cell in cells_of(view).items()}
        keys = {name: table[name] for name in ("customer_id", "event_timestamp")}
        with self._writer(config) as rows:
            rows.write_table(view.name, pa.table({**keys, **columns}))

    def _writer(self, config: RepoConfig) -> PackedRows:
        return open_rows(config.online_store.settings, read_only=False)

    def _forget_reader(self) -> None:
        with self._one_at_a_time:
            if self._reader is not None:
                self._reader.close()
            self._reader = None


def cells_of(view: FeatureView) -> dict[str, Cell]:
    """What the view's features are packed as; NotPackable for what a packed row cannot hold."""
    keys = [(field.name, field.dtype) for field in view.entity_columns]
    if [dtype for _, dtype in keys] != [String]:
        found = ", ".join(f"{name}: {dtype}" for name, dtype in keys) or "nothing"
        raise NotPackable(
            view.name, f"its rows are found by {found}", "Give it one entity with a string key."
        )
    unfit = {field.name: field.dtype for field in view.features if field.dtype not in CELLS}
    if unfit:
        name, dtype = next(iter(unfit.items()))
        held = ", ".join(str(known) for known in CELLS)
        raise NotPackable(
            view.name, f"'{name}' is {dtype}, and a packed row holds {held}", "Encode it as a number."
        )
    return {field.name: CELLS[field.dtype] for field in view.features}


def _protos(rows: Rows, name: str, cell: Cell) -> list[Value]:
    """One column as Feast's values; the same empty one for all that is unknown."""
    at, make = rows.columns.index(name), PROTO[cell]
    whole = rows.whole.get(at)
    values: npt.NDArray[Any] = rows.values[:, at] if whole is None else whole
    unknown = np.isnan(values) if whole is None else values == NULL
    return [
        NOTHING if missing else make(value)
        for value, missing in zip(values.tolist(), unknown.tolist(), strict=True)
    ]


def _python(value: Value | None, cell: Cell) -> Any:
    kind = None if value is None else value.WhichOneof("val")
    if value is None or kind is None:
        return None
    found = getattr(value, kind)
    if cell is not Cell.TIMESTAMP:
        return found
    return None if found == NULL_TIMESTAMP_INT_VALUE else found * SECOND


def _as_declared(column: pa.ChunkedArray, cell: Cell) -> pa.ChunkedArray:
    """The column as Feast's schema says it is; a NaN among whole numbers is a null."""
    if cell.whole and pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    if cell is Cell.TIMESTAMP:
        return column.cast(ARROW[cell], safe=False)  # finer than a microsecond is cut off
    return column.cast(ARROW[cell])
