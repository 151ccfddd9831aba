"""What Ann and the bank said to each other, and what she allows."""

import pytest

from tests.feature_repo.conftest import DATE, Row
from tests.feature_repo.features.stories import MICROSECOND, Values, ago, of_ann, story, tell


def said(days: float, channel: str = "app", **more: object) -> Row:
    return of_ann(interaction_id=f"i{days}", at=ago(days), channel=channel)(**more)


def offered(days: float, outcome: str | None = None, **more: object) -> Row:
    return of_ann(offer_id=f"o{days}", product_id="f", at=ago(days), outcome=outcome, arm="treated")(**more)


def consent(days: float, state: str, purpose: str = "marketing", channel: str = "email") -> Row:
    return of_ann(at=ago(days), state=state)(purpose=purpose, channel=channel)


STORIES = {
    "a year of talk": story(
        {"interactions_30d": 1, "interactions_90d": 5, "interactions_365d": 7, "complaints_90d": 1,
         "complaints_365d": 2, "app_interactions_90d": 1, "phone_interactions_90d": 2,
         "branch_interactions_90d": 1, "asked_about_loan_90d": 1, "asked_about_mortgage_90d": 1,
         "asked_about_investment_90d": 1, "inbound_share_365d": 3 / 4, "unresolved_90d": 2,
         "rating_mean_365d": 3, "rating_min_365d": 1, "ratings_365d": 3, "days_since_last_complaint": 40,
         "days_since_last_contact": 20},
        interactions=[
            said(20, "app", topic="loan", direction="inbound", rating=5, outcome="open"),
            said(40, "phone", topic="complaint", direction="inbound", rating=1, outcome="open"),
            said(50, "phone", topic="mortgage", direction="outbound", outcome="settled"),
            said(60, "branch", topic="investment"),
            said(70, "email"),
            said(300, "phone", topic="complaint", direction="inbound", outcome="open"),
            said(365, "chat", rating=3),
            said(365.00001, "app", topic="complaint", rating=1, direction="outbound"),
        ],
    ),
    "a year of offers": story(
        {"offers_30d": 2, "offers_180d": 3, "offers_accepted_365d": 2, "offers_ignored_365d": 1,
         "offer_acceptance_365d": 2 / 5, "days_since_last_offer": 20},
        offers=[
            offered(20, "accepted", outcome_at=DATE - MICROSECOND),
            offered(30, "accepted", outcome_at=DATE),  # not yet answered
            offered(40, arm="control"),  # held back
            offered(50, "ignored", arm=None),
            offered(300, "accepted", outcome_at=ago(200)),
            offered(310, "declined"),
            offered(365.00001, "accepted"),
        ],
    ),
    "nothing": story(
        {"interactions_90d": 0, "complaints_365d": 0, "inbound_share_365d": None, "rating_mean_365d": None,
         "rating_min_365d": None, "ratings_365d": 0, "days_since_last_contact": None, "offers_30d": 0,
         "offer_acceptance_365d": None, "days_since_last_offer": None, "consent_profiling": None},
    ),
    "talk without a word on it": story(
        {"interactions_30d": 1, "complaints_90d": 0, "unresolved_90d": 0, "inbound_share_365d": None,
         "rating_min_365d": None, "days_since_last_complaint": None},
        interactions=[said(5, "social")],
    ),
    "a complaint that was none, and moved": story(
        {"complaints_365d": 0, "days_since_last_contact": 35, "interactions_30d": 0, "interactions_90d": 1},
        interactions=[
            said(5, interaction_id="i", topic="complaint"),
            said(35, interaction_id="i", topic="card", recorded_at=ago(2)),
            said(1, interaction_id="i", topic="complaint", recorded_at=DATE),
        ],
    ),
    "an offer held back, says a correction": story(
        {"offers_30d": 0, "days_since_last_offer": None},
        offers=[offered(9, offer_id="o"), offered(9, offer_id="o", arm="control", recorded_at=ago(5))],
    ),
    "everything allowed": story(
        {"consent_marketing_email": 1, "consent_marketing_phone": 1, "consent_marketing_app": 1,
         "consent_profiling": 1},
        consents=[consent(9, "given", "profiling"),
                  *(consent(9, "given", channel=channel) for channel in ("email", "phone", "app"))],
    ),
    "withdrawn": story({"consent_marketing_email": 0}, consents=[consent(9, "withdrawn")]),
    "withdrawn after": story(
        {"consent_marketing_email": 0}, consents=[consent(9, "given"), consent(8, "withdrawn")]
    ),
    "given again": story(
        {"consent_marketing_email": 1}, consents=[consent(9, "withdrawn"), consent(8, "given")]
    ),
    "withdrawn at the date": story(
        {"consent_marketing_email": 1}, consents=[consent(9, "given"), consent(0, "withdrawn")]
    ),
    "another channel": story(
        {"consent_marketing_email": None, "consent_marketing_app": 1},
        consents=[consent(9, "given", channel="app")],
    ),
    "another purpose": story(
        {"consent_marketing_email": None}, consents=[consent(9, "given", purpose="profiling")]
    ),
    "given and withdrawn at the same moment": story(
        {"consent_profiling": 0},
        consents=[consent(9, "given", "profiling", "app"), consent(9, "withdrawn", "profiling", "phone")],
    ),
    "a consent that was never given, says a correction": story(
        {"consent_marketing_email": 0},
        consents=[consent(9, "given"), {**consent(9, "withdrawn"), "recorded_at": ago(2)}],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Values]:
    return tell(tmp_path_factory.mktemp("engagement"), STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_what_was_said_comes_to(name: str, told: dict[str, Values]) -> None:
    assert told[name] == pytest.approx(STORIES[name].expected)
