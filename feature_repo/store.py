"""Feast over the feature tables: definitions derived from the catalogue, and rows as of a date.

Features are computed by `build`; Feast finds for every (customer, date) the last row at or before
the date, in all views at once. Nothing here depends on the working folder or the environment.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd
from feast import Entity, FeatureService, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.infra.offline_stores.duckdb import DuckDBOfflineStoreConfig
from feast.repo_config import RegistryConfig
from feast.types import Float64

from feature_repo.batch_engine import PackedRowsEngineConfig
from feature_repo.build import PART
from feature_repo.engine import quiet
from feature_repo.errors import BankError, MissingColumns
from feature_repo.features.catalogue import BY_NAME, SERVICES, VIEWS, view_columns
from feature_repo.online_store import PackedOnlineStoreConfig
from feature_repo.settings import Settings

PROJECT = "bank"
ENTITY = "customer"
KEYS = ["customer_id", "event_timestamp"]
MICROSECONDS: Final = "datetime64[us, UTC]"


class NotApplied(BankError, LookupError):
    """Feast does not know a service or a view."""

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(sorted(known))
        super().__init__(
            f"{kind} '{name}' is not in Feast's registry; it holds {list(self.known)}. "
            f"Run `bank features build`, then `bank features apply`."
        )


def definitions(features: Path) -> list[Entity | FeatureView | FeatureService]:
    """What Feast knows: the customer, a view for each group, a service for each use.

    `features` is the folder of feature tables; their paths are written into the registry.
    """
    customer = Entity(
        name=ENTITY,
        join_keys=["customer_id"],
        value_type=ValueType.STRING,
        description="A customer, by a pseudonymous id",
    )
    views = {view: _view(view, customer, features.absolute()) for view in VIEWS}
    services = [
        FeatureService(
            name=service,
            features=[
                views[view][wanted]
                for view in VIEWS
                if (wanted := [c for c in columns if BY_NAME[c].view == view])
            ],
        )
        for service, columns in SERVICES.items()
    ]
    return [customer, *views.values(), *services]


def apply(settings: Settings) -> list[str]:
    """Write the definitions into Feast's registry; the names of the services."""
    settings.feast.mkdir(parents=True, exist_ok=True)
    opened(settings).apply(definitions(settings.features))
    return list(SERVICES)


def historical(settings: Settings, entities: pd.DataFrame, service: str) -> pd.DataFrame:
    """The features of a service as of each row's date, beside the row.

    `entities` holds customer_id and event_timestamp; its other columns, its order and its index
    stay. A row's features are those of the last date at or before its own; NaN where there are none.
    """
    missing = set(KEYS) - set(entities.columns)
    if missing:
        raise MissingColumns("entities", missing, entities.columns)
    store = opened(settings)
    known = [found.name for found in store.list_feature_services()]
    if service not in known:
        raise NotApplied("Feature service", service, known)
    # Feast's DuckDB store takes microseconds only.
    rows = entities.assign(event_timestamp=entities["event_timestamp"].astype(MICROSECONDS))
    asked = rows[KEYS].drop_duplicates()
    with quiet():
        found = store.get_historical_features(asked, store.get_feature_service(service)).to_df()
    found["event_timestamp"] = found["event_timestamp"].astype(MICROSECONDS)
    joined = rows.merge(found, on=KEYS, how="left", validate="many_to_one")
    return joined[[*entities.columns, *SERVICES[service]]].set_index(entities.index)


def describe(service: str) -> pd.DataFrame:
    """The catalogue of a service: a row for each column with view, unit, window and meaning."""
    features = [BY_NAME[column] for column in SERVICES[service]]
    return pd.DataFrame(
        {
            "column": [feature.name for feature in features],
            "view": [feature.view for feature in features],
            "unit": [feature.unit for feature in features],
            "window_days": pd.array([feature.window_days for feature in features], "Int64"),
            "meaning": [feature.doc for feature in features],
        }
    )


def opened(settings: Settings) -> FeatureStore:
    """Feast's store for these settings; the same as feature_store.yaml says for the command `feast`."""
    home = settings.home.absolute()
    config = RepoConfig(
        project=PROJECT,
        provider="local",
        registry=RegistryConfig(
            path=str(settings.feast.absolute() / "registry.db"),
            registry_store_type="feature_repo.registry_store.InertRegistryStore",
        ),
        offline_store=DuckDBOfflineStoreConfig(),
        online_store=PackedOnlineStoreConfig(settings=settings),
        batch_engine=PackedRowsEngineConfig().type,
        entity_key_serialization_version=3,
        repo_path=home,
    )
    return FeatureStore(config=config)


def _view(view: str, customer: Entity, features: Path) -> FeatureView:
    source = FileSource(
        name=f"{view}_rows",
        path=str(features / view / PART),
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
    )
    return FeatureView(
        name=view,
        entities=[customer],
        schema=[
            Field(name=name, dtype=Float64, description=BY_NAME[name].doc, tags=_tags(name))
            for name in view_columns(view)
        ],
        source=source,
        online=True,
    )


def _tags(column: str) -> dict[str, str]:
    feature = BY_NAME[column]
    return {
        "unit": feature.unit,
        "purposes": " ".join(sorted(feature.purposes)),
        "owner": feature.owner,
        "protected": str(feature.protected).lower(),
        "proxy": str(feature.proxy).lower(),
    }
