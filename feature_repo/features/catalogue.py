"""All features: each name of `columns` bound to the function that computes it."""

from collections.abc import Callable

from feature_repo.errors import BankError
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
from feature_repo.features.feature import Feature
from feature_repo.features.services import SERVICES
from feature_repo.sources import SOURCES

__all__ = ["BY_NAME", "FEATURES", "SERVICES", "VIEWS", "CatalogueDisagrees", "Feature", "view_columns"]

VIEWS: tuple[str, ...] = tuple(columns.VIEWS)


class CatalogueDisagrees(BankError, ValueError):
    """The names in `columns` and the functions of the groups are not the same."""

    def __init__(self, without_function: set[str], without_name: set[str]) -> None:
        super().__init__(
            f"Names without a function: {sorted(without_function)}; functions without a name: "
            f"{sorted(without_name)}. Make feature_repo/features/columns.py and the groups agree."
        )


def _bound(features: tuple[Feature, ...]) -> tuple[Feature, ...]:
    """The features in the order of `columns`."""
    by_name = {feature.name: feature for feature in features}
    if set(by_name) != set(columns.COLUMNS) or len(by_name) != len(features):
        raise CatalogueDisagrees(set(columns.COLUMNS) - set(by_name), set(by_name) - set(columns.COLUMNS))
    return tuple(by_name[name] for name in columns.COLUMNS)


FEATURES: tuple[Feature, ...] = _bound(
    tuple(
        feature
        for group in (profile, life, activity, spending, credit, holdings, investment, engagement)
        for feature in group.FEATURES
    )
)
BY_NAME: dict[str, Feature] = {feature.name: feature for feature in FEATURES}


def view_columns(view: str) -> tuple[str, ...]:
    """The columns of a view, in order; KeyError when there is no such view."""
    return columns.VIEWS[view]


def tables_needed(feature: Feature) -> frozenset[str]:
    """The raw tables a feature cannot do without.

    >>> sorted(tables_needed(BY_NAME["has_fund"]))
    ['holdings', 'products']
    """
    return frozenset().union(
        *(SOURCES[name].needs if name in SOURCES else tables_needed(BY_NAME[name]) for name in feature.reads)
    )


def left_out(has: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    """The features that cannot be computed, each with the raw tables it misses."""
    missing = {f.name: tuple(sorted(t for t in tables_needed(f) if not has(t))) for f in FEATURES}
    return {name: tables for name, tables in missing.items() if tables}
