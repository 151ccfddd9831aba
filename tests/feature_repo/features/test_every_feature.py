"""Every feature was worked out by hand once, to a value that is not what it has without rows."""

from math import isnan

from feature_repo.features.catalogue import BY_NAME, FEATURES, VIEWS
from tests.feature_repo.features import (
    test_activity,
    test_credit,
    test_engagement,
    test_holdings,
    test_investment,
    test_life,
    test_profile,
    test_spending,
)

BOOKS = {
    "profile": test_profile.STORIES,
    "life": test_life.STORIES,
    "activity": test_activity.STORIES,
    "spending": test_spending.STORIES,
    "credit": test_credit.STORIES,
    "holdings": test_holdings.STORIES,
    "investment": test_investment.STORIES,
    "engagement": test_engagement.STORIES,
}


def tells_something(name: str, value: float | None) -> bool:
    nothing = BY_NAME[name].nothing
    return value is not None and (isnan(nothing) or value != nothing)


def test_every_feature_is_worked_out_in_a_story_of_its_view() -> None:
    assert tuple(BOOKS) == VIEWS
    worked_out = {
        name
        for view, book in BOOKS.items()
        for told in book.values()
        for name, value in told.expected.items()
        if BY_NAME[name].view == view and tells_something(name, value)
    }
    assert sorted({feature.name for feature in FEATURES} - worked_out) == []
