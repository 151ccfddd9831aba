import runpy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast.repo_config import load_repo_config
from feast.repo_operations import get_repo_files

from feature_repo import build, store
from feature_repo.errors import MissingColumns
from feature_repo.features.catalogue import view_columns
from feature_repo.features.columns import VIEWS
from feature_repo.features.services import SERVICES
from feature_repo.settings import Machine, Settings

Bank = Callable[..., Path]
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # Feast leaves its metrics files open
]
DATE = datetime(2025, 7, 1, tzinfo=UTC)
BEFORE = DATE - timedelta(days=91)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PEOPLE = [
    {
        "customer_id": who,
        "valid_from": LONG_AGO,
        "joined_at": LONG_AGO,
        "income_monthly": income,
        "birth_year": 1990,
    }
    for who, income in (("ann", "1234.56"), ("ben", None))
]
BOOKINGS = [
    {"booking_id": f"b{at}", "account_id": "a1", "currency": "CNY", "booked_at": DATE - timedelta(days=at),
     "amount": at / 7, "balance_after": 100 / at}
    for at in range(1, 200)
]  # fmt: skip


@pytest.fixture
def settings(bank: Bank, tmp_path: Path) -> Settings:
    """Ann and Ben at two dates, built and applied."""
    made = Settings(home=tmp_path)
    dates = pa.array([BEFORE, BEFORE, DATE, DATE], pa.timestamp("us", "UTC"))
    spine = pa.table({"customer_id": ["ann", "ben"] * 2, "as_of": dates})
    build.build(bank(customers=PEOPLE, bookings=BOOKINGS), spine, made.features, Machine(1))
    store.apply(made)
    return made


def built(settings: Settings, service: str) -> pd.DataFrame:
    """The rows of the built tables, side by side."""
    tables = [pq.read_table(settings.features / view / "part.parquet") for view in VIEWS]
    keys = tables[0].select(["customer_id", "event_timestamp"]).to_pandas()
    features = {
        name: t[name].to_numpy() for view, t in zip(VIEWS, tables, strict=True) for name in view_columns(view)
    }
    return pd.concat([keys, pd.DataFrame(features)], axis=1)[
        ["customer_id", "event_timestamp", *SERVICES[service]]
    ]


def test_feast_gives_what_was_built_to_the_bit(settings: Settings) -> None:
    for service in SERVICES:
        wanted = built(settings, service)
        given = store.historical(settings, wanted[["customer_id", "event_timestamp"]], service)
        assert list(given.columns) == list(wanted.columns)
        for name in SERVICES[service]:
            assert given[name].dtype == np.float64
            assert given[name].to_numpy().tobytes() == wanted[name].to_numpy().tobytes(), name


def test_order_index_repeats_and_other_columns_stay(settings: Settings) -> None:
    entities = pd.DataFrame(
        {
            "label": [1, 0, 1, 0],
            "customer_id": ["ben", "ann", "nobody", "ben"],
            "event_timestamp": pd.to_datetime([DATE, BEFORE, DATE, DATE]),
        },
        index=[9, 5, 7, 1],
    )
    given = store.historical(settings, entities, "fairness_v1")
    assert given.index.tolist() == [9, 5, 7, 1]
    assert given["label"].tolist() == [1, 0, 1, 0]
    np.testing.assert_array_equal(given["age_years"], [35, 35, np.nan, 35])


def test_between_two_dates_the_earlier_row_is_known(settings: Settings) -> None:
    when = [BEFORE - timedelta(microseconds=1), BEFORE, DATE - timedelta(microseconds=1), DATE]
    entities = pd.DataFrame({"customer_id": "ann", "event_timestamp": pd.to_datetime(when)})
    given = store.historical(settings, entities, "propensity_v1")["history_days"]
    np.testing.assert_array_equal(given, [np.nan, 108, 108, 199])


def test_a_service_that_is_not_there_is_named(settings: Settings) -> None:
    entities = pd.DataFrame({"customer_id": ["ann"], "event_timestamp": pd.to_datetime([DATE])})
    with pytest.raises(store.NotApplied, match=r"'churn_v9'.*credit_risk_v1"):
        store.historical(settings, entities, "churn_v9")
    with pytest.raises(MissingColumns, match="event_timestamp"):
        store.historical(settings, entities[["customer_id"]], "credit_risk_v1")


def test_the_catalogue_of_a_service_is_a_table() -> None:
    table = store.describe("credit_risk_v1").set_index("column")
    assert list(table.index) == list(SERVICES["credit_risk_v1"])
    assert str(table.loc["inflow_90d", "meaning"]).endswith("in the last 90 days.")


def test_the_command_feast_finds_the_same_definitions(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Path(store.__file__).parent
    assert get_repo_files(room) == [room / "definitions.py"]
    monkeypatch.setenv("BANK_HOME", str(settings.home))
    found = runpy.run_path(str(room / "definitions.py"))
    wanted = {defined.name: defined for defined in store.definitions(settings.features)}
    assert {name: found[name] for name in wanted} == wanted
    read = load_repo_config(room, room / "feature_store.yaml")
    ours = store.opened(settings).config
    assert read.registry.path == ours.registry.path
    assert (read.project, read.offline_store, read.entity_key_serialization_version) == (
        ours.project, ours.offline_store, ours.entity_key_serialization_version,
    )  # fmt: skip
    assert (read.online_store, read.batch_engine_config["type"]) == (
        ours.online_store, ours.batch_engine_config,
    )  # fmt: skip
