"""How `feast materialize` fills packed rows: one query a view, Arrow to bytes, no value on its own.

Feast's own engine makes an object of every cell; this one reads the latest row of each customer
from the offline store and hands the table on.
"""

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa
from feast import Entity, FeatureView, FileSource
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.infra.common.materialization_job import MaterializationJobStatus, MaterializationTask
from feast.infra.compute_engines.base import ComputeEngine
from feast.infra.compute_engines.local.job import LocalMaterializationJob
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore
from feast.infra.registry.base_registry import BaseRegistry
from feast.repo_config import FeastConfigBaseModel
from feast.utils import _get_column_names

from feature_repo.engine import quiet
from feature_repo.errors import BankError
from feature_repo.latest import Columns, latest
from feature_repo.online_store import PackedOnlineStore


class NoPackedRows(BankError, TypeError):
    """The engine is configured beside a store it cannot fill."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"Feast's online store is {type(found).__name__}, and this batch engine fills packed rows only. "
            f"Set online_store: type: feature_repo.online_store.PackedOnlineStore in feature_store.yaml."
        )


class PackedRowsEngineConfig(FeastConfigBaseModel):  # type: ignore[misc]  # Feast is not typed
    """How Feast is told of the engine: by its name."""

    type: Literal["feature_repo.batch_engine.PackedRowsEngine"] = "feature_repo.batch_engine.PackedRowsEngine"


class PackedRowsEngine(ComputeEngine):  # type: ignore[misc]  # Feast is not typed
    """Takes the latest row of each customer between two dates, of equal times the one created last."""

    def update(
        self,
        project: str,
        views_to_delete: Sequence[FeatureView],
        views_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
    ) -> None:
        """Nothing to prepare: the online store makes its views itself."""

    def teardown_infra(self, project: str, fvs: Sequence[FeatureView], entities: Sequence[Entity]) -> None:
        """Nothing to take down."""

    def _materialize_one(
        self, registry: BaseRegistry, task: MaterializationTask, **_: Any
    ) -> LocalMaterializationJob:
        if not isinstance(self.online_store, PackedOnlineStore):
            raise NoPackedRows(self.online_store)
        view = task.feature_view
        entities = [registry.get_entity(name, task.project) for name in view.entities]
        [key], features, at, created = _get_column_names(view, entities)
        table = self._latest(task, Columns(key, at, created, features))
        names = ["customer_id", "event_timestamp", *(field.name for field in view.features)]
        self.online_store.write_table(self.repo_config, view, table.rename_columns(names))
        job = f"{view.name}-{task.start_time}-{task.end_time}"
        return LocalMaterializationJob(job_id=job, status=MaterializationJobStatus.SUCCEEDED)

    def _latest(self, task: MaterializationTask, columns: Columns) -> pa.Table:
        """The rows to write; the table may come from any offline store, a Parquet file comes quicker."""
        source = task.feature_view.batch_source
        if isinstance(self.offline_store, DuckDBOfflineStore) and _is_local_parquet(source):
            return latest(source.path, columns, task.start_time, task.end_time)
        with quiet():
            job = self.offline_store.pull_latest_from_table_or_query(
                config=self.repo_config,
                data_source=source,
                join_key_columns=[columns.customer],
                feature_name_columns=list(columns.features),
                timestamp_field=columns.event,
                created_timestamp_column=columns.created,
                start_date=task.start_time,
                end_date=task.end_time,
            )
            return job.to_arrow().select(columns.wanted)


def _is_local_parquet(source: DataSource) -> bool:
    if not isinstance(source, FileSource) or "://" in source.path:
        return False
    return source.path.endswith(".parquet") and isinstance(source.file_format, ParquetFormat | None)
