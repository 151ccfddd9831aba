"""What changed in Ann's record and ways."""

import pytest

from tests.feature_repo.features.stories import MICROSECOND, Values, ago, booking, story, tell, version

YEAR_AGO = ago(365)
STORIES = {
    "moved, then another job": story(
        {"record_changes_365d": 2, "moves_365d": 1, "occupation_changes_365d": 1, "income_change_365d": 2,
         "risk_level_changes_365d": 1, "days_since_last_move": 300},
        customers=[
            version(800, region="N", occupation="x", income_monthly=1000, risk_level="C2"),
            version(300, region="S", occupation="x", income_monthly=2000, risk_level="C4"),
            version(100, region="S", occupation="y", income_monthly=3000, risk_level="C3"),
        ],
    ),
    "one record for ever": story(
        {"record_changes_365d": 0, "moves_365d": 0, "occupation_changes_365d": 0, "income_change_365d": 0,
         "risk_level_changes_365d": 0, "days_since_last_move": None, "salary_stopped": 0},
        customers=[version(800, region="N", income_monthly=1000, risk_level="C2")],
    ),
    "new this year": story(
        {"record_changes_365d": 0, "moves_365d": 0, "income_change_365d": None},
        customers=[version(100, region="N", income_monthly=1000)],
    ),
    "a change in what is not filled in": story(
        {"record_changes_365d": 1, "moves_365d": 0, "occupation_changes_365d": 0, "income_change_365d": None},
        customers=[version(800), version(100)],
    ),
    "moved to where is not said": story(
        {"record_changes_365d": 1, "moves_365d": 0, "days_since_last_move": None},
        customers=[version(800, region="N"), version(100)],
    ),
    "moved a year ago to the microsecond": story(
        {"record_changes_365d": 1, "moves_365d": 1, "days_since_last_move": 365},
        customers=[version(800, region="N"), version(YEAR_AGO, region="S")],
    ),
    "moved a microsecond before that": story(
        {"record_changes_365d": 0, "moves_365d": 0},
        customers=[version(800, region="N"), version(YEAR_AGO - MICROSECOND, region="S")],
    ),
    "a move that was taken back": story(
        {"record_changes_365d": 1, "moves_365d": 0, "days_since_last_move": None},
        customers=[version(800, region="N"), version(300, region="S"),
                   version(300, region="N", recorded_at=ago(10))],
    ),
    "a move recorded at the date": story(
        {"record_changes_365d": 0, "moves_365d": 0},
        customers=[version(800, region="N"), version(300, region="S", recorded_at=ago(0))],
    ),
    "income twentyfold": story(
        {"income_change_365d": 10},
        customers=[version(800, income_monthly=100), version(100, income_monthly=2000)],
    ),
    "income from nothing": story(
        {"income_change_365d": None},
        customers=[version(800, income_monthly=0), version(100, income_monthly=2000)],
    ),
    "income no longer on file": story(
        {"income_change_365d": None},
        customers=[version(800, income_monthly=100), version(100)],
    ),
    "fell to a lower risk level": story(
        {"risk_level_changes_365d": -3},
        customers=[version(800, risk_level="C4"), version(100, risk_level="C1")],
    ),
    "three salaries, then none": story(
        {"salary_stopped": 1},
        bookings=[booking(days, 1000, category="salary") for days in (170, 140, 110)],
    ),
    "the last salary 60 days ago": story(
        {"salary_stopped": 0},
        bookings=[booking(days, 1000, category="salary") for days in (120, 90, 60)],
    ),
    "two salaries, then none": story(
        {"salary_stopped": 0},
        bookings=[booking(days, 1000, category="salary") for days in (170, 140)],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    return tell(tmp_path_factory.mktemp("life"), STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_what_changed_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)
