import subprocess
import sys

import pytest

from feature_repo.features import activity, columns, credit, engagement, holdings, profile
from feature_repo.features.catalogue import BY_NAME, FEATURES, VIEWS, CatalogueDisagrees, _bound, left_out
from feature_repo.features.columns import COLUMNS, FORBIDDEN, PROTECTED, SERVICES, ProtectedColumns, permitted
from feature_repo.features.feature import Feature
from feature_repo.raw.contracts import TABLES

GROUPS = {
    "profile": profile.FEATURES,
    "activity": activity.FEATURES,
    "credit": credit.FEATURES,
    "holdings": holdings.FEATURES,
    "engagement": engagement.FEATURES,
}


def test_names_and_functions_agree_view_by_view() -> None:
    assert tuple(GROUPS) == VIEWS
    for view, features in GROUPS.items():
        assert sorted(feature.name for feature in features) == sorted(columns.VIEWS[view])
    assert tuple(feature.name for feature in FEATURES) == COLUMNS


def test_a_name_without_a_function_is_an_error() -> None:
    with pytest.raises(CatalogueDisagrees, match="inflow_90d"):
        _bound(tuple(feature for feature in FEATURES if feature.name != "inflow_90d"))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_says_what_it_means(feature: Feature) -> None:
    assert feature.doc.endswith(".")
    assert "{" not in feature.doc
    assert feature.unit
    if feature.window_days:
        assert str(feature.window_days) in feature.doc


@pytest.mark.parametrize(
    "service", ["segmentation_v1", "propensity_v1", "credit_risk_v1", "recommendation_v1"]
)
def test_no_model_asks_for_a_protected_column_or_a_consent(service: str) -> None:
    asked = SERVICES[service]
    assert asked
    assert len(set(asked)) == len(asked)
    assert set(asked) <= set(COLUMNS)
    assert not set(asked) & (PROTECTED | {c for c in COLUMNS if c.startswith("consent_")})


@pytest.mark.parametrize("column", sorted(PROTECTED))
def test_asking_for_a_protected_column_in_credit_is_an_error(column: str) -> None:
    with pytest.raises(ProtectedColumns, match=column):
        permitted("credit_risk_v1", [column])


def test_a_purpose_is_what_a_service_uses() -> None:
    assert BY_NAME["age_years"].purposes == {"fairness"}
    assert BY_NAME["inflow_90d"].purposes == {"segmentation", "propensity", "credit_risk", "recommendation"}
    assert set(FORBIDDEN) == set(SERVICES)


@pytest.mark.parametrize(
    ("missing", "some_of_what_is_left_out"),
    [
        ("bureau", {"bureau_score", "bureau_delinquencies", "bureau_inquiries"}),
        ("products", {"has_card", "families_held", "holdings_value"}),
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
    assert not {name for name in out if BY_NAME[name].view in ("profile", "activity")}


def test_the_names_come_without_the_libraries_that_compute_them() -> None:
    names = ("feature_repo.features.columns", "feature_repo.features.application", "feature_repo.packed_rows")
    heavy = {"ibis", "duckdb", "pandas", "feast", "pyarrow", "mlflow"}
    code = f"import sys, {', '.join(names)}; print(sorted({heavy} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "[]", ran.stderr
