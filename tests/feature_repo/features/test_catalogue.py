import subprocess
import sys

import pytest

from feature_repo.features import (
    activity,
    columns,
    credit,
    engagement,
    holdings,
    investment,
    life,
    profile,
    spending,
)
from feature_repo.features.catalogue import BY_NAME, FEATURES, VIEWS, CatalogueDisagrees, _bound, left_out
from feature_repo.features.columns import CODES, COLUMNS, CONSENTS, OWNERS, PROTECTED, PROXIES, PURPOSES
from feature_repo.features.feature import Feature
from feature_repo.features.services import PURPOSE_OF, SERVICES, ProtectedColumns, permitted
from feature_repo.raw.contracts import TABLES

GROUPS = {
    "profile": profile.FEATURES,
    "life": life.FEATURES,
    "activity": activity.FEATURES,
    "spending": spending.FEATURES,
    "credit": credit.FEATURES,
    "holdings": holdings.FEATURES,
    "investment": investment.FEATURES,
    "engagement": engagement.FEATURES,
}


def test_names_and_functions_agree_view_by_view() -> None:
    assert tuple(GROUPS) == VIEWS
    for view, features in GROUPS.items():
        assert sorted(feature.name for feature in features) == sorted(columns.VIEWS[view])
    assert tuple(feature.name for feature in FEATURES) == COLUMNS


def test_the_catalogue_holds_at_least_120_features_over_four_windows() -> None:
    assert len(FEATURES) >= 120
    assert {feature.window_days for feature in FEATURES} == {None, 30, 90, 180, 365}
    assert set(OWNERS) == set(VIEWS)


def test_a_name_without_a_function_is_an_error() -> None:
    with pytest.raises(CatalogueDisagrees, match="inflow_90d"):
        _bound(tuple(feature for feature in FEATURES if feature.name != "inflow_90d"))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_says_what_it_means(feature: Feature) -> None:
    assert feature.doc.endswith(".")
    assert "{" not in feature.doc
    assert feature.unit
    assert feature.owner
    assert "service" in feature.purposes
    assert feature.purposes <= set(PURPOSES)
    if feature.window_days:
        assert str(feature.window_days) in feature.doc or "12 last months" in feature.doc


@pytest.mark.parametrize(
    "service", ["segmentation_v1", "propensity_v1", "credit_risk_v1", "recommendation_v1"]
)
def test_no_model_asks_for_a_protected_column_a_consent_or_a_code(service: str) -> None:
    asked = SERVICES[service]
    assert asked
    assert len(set(asked)) == len(asked)
    assert set(asked) <= set(COLUMNS)
    assert not set(asked) & (PROTECTED | CONSENTS | CODES)


@pytest.mark.parametrize("column", sorted(PROTECTED | PROXIES | CONSENTS | CODES))
def test_a_protected_column_its_proxy_a_consent_or_a_code_cannot_enter_credit(column: str) -> None:
    with pytest.raises(ProtectedColumns, match=column):
        permitted("credit_risk_v1", ["inflow_90d", column])
    assert "credit" not in BY_NAME[column].purposes
    assert BY_NAME[column].protected == (column in PROTECTED)
    assert BY_NAME[column].proxy == (column in PROXIES)


def test_a_purpose_is_what_a_service_uses() -> None:
    assert BY_NAME["age_years"].purposes == {"service"}
    assert BY_NAME["inflow_90d"].purposes == {"marketing", "credit", "service"}
    assert BY_NAME["risk_bought_mean"].purposes == {"marketing", "service"}
    assert all(BY_NAME[column].purposes == {"service"} for column in CODES | CONSENTS | PROTECTED)
    assert set(PURPOSE_OF) == set(SERVICES)


@pytest.mark.parametrize(
    ("missing", "some_of_what_is_left_out"),
    [
        ("bureau", {"bureau_score", "bureau_delinquencies", "bureau_inquiries"}),
        ("products", {"has_card", "families_held", "holdings_value", "risk_bought_mean"}),
        ("loans", {"loans_running", "days_past_due", "instalment_to_inflow_90d"}),
        ("fx_rates", set()),
    ],
)
def test_a_table_that_is_not_there_takes_its_features_with_it(
    missing: str, some_of_what_is_left_out: set[str]
) -> None:
    out = left_out(lambda table: table != missing)
    assert set(out) >= some_of_what_is_left_out
    assert all(tables == (missing,) for tables in out.values())
    assert bool(out) == bool(some_of_what_is_left_out)


def test_the_required_tables_alone_give_profile_and_activity_whole() -> None:
    required = {table.name for table in TABLES if table.required}
    out = left_out(lambda table: table in required)
    assert not {name for name in out if BY_NAME[name].view in ("profile", "life", "activity", "spending")}


def test_the_names_come_without_the_libraries_that_compute_them() -> None:
    names = ("feature_repo.features.columns", "feature_repo.features.application", "feature_repo.packed_rows")
    heavy = {"ibis", "duckdb", "pandas", "feast", "pyarrow", "mlflow"}
    code = f"import sys, {', '.join(names)}; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "[]", ran.stderr
