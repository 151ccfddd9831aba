"""Who Ann is."""

import pytest

from feature_repo.zones import CODE
from tests.feature_repo.conftest import ANNS, DATE, OWNS
from tests.feature_repo.features.stories import SECOND, Values, account, ago, right, story, tell, version

STORIES = {
    "ann at forty": story(
        {"age_years": 40, "is_female": 1, "is_company": 0, "tenure_months": 120, "income_monthly": 200,
         "risk_level": 4, "risk_assessment_age_days": 90, "prefers_digital": 1,
         "has_relationship_manager": 1, "preferred_channel": 3, "time_zone": CODE["Asia/Shanghai"]},
        customers=[version(90, joined_at=ago(3652.5), birth_year=1985, gender="female", party_type="person",
                           income_monthly=200, risk_level="C4", assessed_at=ago(90), preferred_channel="app",
                           time_zone="Asia/Shanghai", relationship_manager="rm")],
    ),
    "a company that says little": story(
        {"age_years": None, "is_female": None, "is_company": 1, "income_monthly": None, "risk_level": None,
         "risk_assessment_age_days": None, "prefers_digital": None, "has_relationship_manager": 0,
         "preferred_channel": None, "time_zone": None},
        customers=[version(90, party_type="company")],
    ),
    "a version recorded at the date, and a correction after it": story(
        {"income_monthly": 200, "is_female": 0, "prefers_digital": 0},
        customers=[
            version(900, income_monthly=100),
            version(90, income_monthly=200, gender="male", preferred_channel="branch"),
            version(80, income_monthly=300, recorded_at=DATE),
            version(90, income_monthly=400, recorded_at=ago(-1)),
        ],
    ),
    "a zone by the name it had, and the channel that is counted first": story(
        {"time_zone": CODE["Asia/Kolkata"], "preferred_channel": 0, "prefers_digital": 0},
        customers=[version(90, time_zone="Asia/Calcutta", preferred_channel="phone")],
    ),
    "the zone that is counted first": story(
        {"time_zone": 0}, customers=[version(90, time_zone="UTC")]
    ),
    "a zone that is none": story({"time_zone": None}, customers=[version(90, time_zone="Mars/North")]),
    "a zone in small letters": story({"time_zone": None}, customers=[version(90, time_zone="asia/shanghai")]),
    "an assessment said to be still to come": story(
        {"risk_level": 2, "risk_assessment_age_days": None},
        customers=[version(90, risk_level="C2", assessed_at=ago(-3))],
    ),
    "accounts of every kind": story(
        {"accounts_open": 4, "accounts_authorised": 1, "accounts_opened_365d": 1, "accounts_closed_365d": 1,
         "account_age_days": 1000, "account_types": 3},
        accounts=[
            account("current", opened_at=ago(1000)),
            account("savings", opened_at=ago(365), type="savings"),
            account("savings of before", opened_at=ago(365) - SECOND, type="savings"),
            account("loan", opened_at=ago(700), type="loan", closed_at=DATE),  # open as of the date
            account("card", opened_at=ago(800), type="card", closed_at=ago(365)),
            account("card of before", opened_at=ago(800), type="card", closed_at=ago(365) - SECOND),
            account("mother's", opened_at=ago(10), type="other"),
            account("mother's closed", opened_at=ago(10), closed_at=ago(5), type="other"),
        ],
        account_owners=[
            *(right(name) for name in
              ("current", "savings", "savings of before", "loan", "card", "card of before")),
            right("mother's", "authorised"), right("mother's closed", "authorised"),
        ],
    ),
    "no accounts": story(
        {"accounts_open": 0, "accounts_authorised": 0, "accounts_opened_365d": 0, "accounts_closed_365d": 0,
         "account_age_days": None, "account_types": 0},
        accounts=[], account_owners=[],
    ),
    "an account to be opened": story(
        {"accounts_opened_365d": 0}, accounts=[account("a1", opened_at=ago(-3))]
    ),
    "a closing corrected": story(
        {"accounts_open": 1, "accounts_closed_365d": 0},
        accounts=[{**ANNS, "closed_at": ago(20)}, {**ANNS, "recorded_at": ago(3)}],
    ),
    "no longer the owner": story(
        {"accounts_open": 0, "accounts_authorised": 1},
        account_owners=[OWNS, {**OWNS, "valid_from": ago(5), "role": "authorised"}],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    return tell(tmp_path_factory.mktemp("profile"), STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_who_she_is_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)
