"""The rules of conduct at their edges: what holds, what does not, and where there is no verdict."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from crm_rules.compliance.conduct import CHECKS, CONDUCT_RULES, holding_became_too_risky
from crm_rules.compliance.contacts import UNKNOWN, Contacts, Rerated
from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from crm_rules.rules import judge
from crm_rules.vocabulary import CHANNELS, MARKETING_CHANNELS
from feature_repo.zones import CODE

NAN = np.nan
PHONE, EMAIL, APP, SOCIAL, BRANCH = (
    CHANNELS.index(name) for name in ("phone", "email", "app", "social", "branch")
)
POLICY = Policy.load(STANDARD)
BY_CODE = {check.rule.code: check for check in CHECKS}


def contact(**changed: Any) -> Contacts:
    """One call that was as it may be: at ten, agreed to, about a product of R1; or several, by columns."""
    usual = {
        "offers": True, "about_product": True, "channel": float(PHONE), "minute": 600, "zone_known": True,
        "consent_here": 1.0, "consent_anywhere": 1.0, "product_risk": 1.0, "risk_level": 3.0,
        "since_assessment": 10.0, "since_refusal": NAN,
    }  # fmt: skip
    n = max((len(value) for value in changed.values() if isinstance(value, list)), default=1)
    columns = {name: changed.get(name, value) for name, value in usual.items()}
    return Contacts(**{k: np.array(v if isinstance(v, list) else [v] * n) for k, v in columns.items()})


def held(code: str, contacts: Contacts, policy: Policy = POLICY) -> list[bool | None]:
    """By contact: an alert or none; None where the rule has no verdict."""
    [verdict] = judge([BY_CODE[code].rule], contacts, policy)
    unjudged = np.zeros(len(contacts), np.bool_) if verdict.unjudged is None else verdict.unjudged
    return [None if unknown else bool(holds) for holds, unknown in zip(verdict.holds, unjudged, strict=True)]


def test_a_contact_as_it_may_be_raises_no_alert() -> None:
    assert [held(check.rule.code, contact()) for check in CHECKS] == [[False]] * 4


CONSENTS = [
    ("agreed-here", PHONE, 1.0, 1.0, False),
    ("withdrawn-here", PHONE, 0.0, 1.0, True),
    ("never-asked-here", PHONE, NAN, 1.0, True),
    ("never-asked-anywhere", PHONE, NAN, 0.0, True),
    ("a-channel-without-consents-and-agreed-elsewhere", BRANCH, NAN, 1.0, False),
    ("a-channel-without-consents-and-agreed-nowhere", BRANCH, NAN, 0.0, True),
    ("withdrawn-on-a-channel-without-consents", SOCIAL, 0.0, 1.0, True),
    ("agreed-on-a-channel-without-consents", SOCIAL, 1.0, 0.0, False),
    ("no-channel-written-down", NAN, 1.0, 1.0, None),
]


@pytest.mark.parametrize(
    ("channel", "here", "anywhere", "alert"), [pytest.param(*case[1:], id=case[0]) for case in CONSENTS]
)
def test_who_is_offered_something_has_agreed(
    channel: float, here: float, anywhere: float, alert: bool | None
) -> None:
    told = contact(channel=float(channel), consent_here=here, consent_anywhere=anywhere)
    assert held("CDT-01", told) == [alert]


HOURS = [
    ("the last minute before", PHONE, 9 * 60 - 1, True, True),
    ("the first minute", PHONE, 9 * 60, True, False),
    ("the last minute", PHONE, 20 * 60 - 1, True, False),
    ("the first minute after", PHONE, 20 * 60, True, True),
    ("an e-mail late in the evening", EMAIL, 22 * 60 - 1, True, False),
    ("an e-mail at night", EMAIL, 22 * 60, True, True),
    ("nobody knows where the customer is", PHONE, 12 * 60, False, True),
    ("the app has no hours", APP, 0, True, False),
    ("no channel written down", NAN, 12 * 60, True, None),
]


@pytest.mark.parametrize(
    ("channel", "minute", "known", "alert"), [pytest.param(*case[1:], id=case[0]) for case in HOURS]
)
def test_who_is_offered_something_is_awake(
    channel: float, minute: int, known: bool, alert: bool | None
) -> None:
    assert held("CDT-02", contact(channel=float(channel), minute=minute, zone_known=known)) == [alert]


@pytest.mark.parametrize("level", [NAN, 1.0, 2.0, 3.0, 4.0, 5.0], ids=str)
def test_a_customer_may_hold_their_level_and_no_more(level: float) -> None:
    risks = [1.0, 2.0, 3.0, 4.0, 5.0]
    may_hold = 1.0 if np.isnan(level) else level
    assert held("CDT-03", contact(product_risk=risks, risk_level=level)) == [
        risk > may_hold for risk in risks
    ]


ASSESSED = [
    ("assessed today", 0.0, 2.0, False),
    ("on its last day", 365.0, 2.0, False),
    ("a day after", 366.0, 2.0, True),
    ("said to be still to come", -1.0, 2.0, True),
    ("never", NAN, 2.0, True),
    ("never, and none is needed", NAN, 1.0, False),
    ("no rating known", 10.0, NAN, None),
]


@pytest.mark.parametrize(
    ("days", "risk", "alert"), [pytest.param(*case[1:], id=case[0]) for case in ASSESSED]
)
def test_a_product_with_risk_needs_an_assessment_in_force(
    days: float, risk: float, alert: bool | None
) -> None:
    assert held("CDT-03", contact(since_assessment=days, product_risk=risk)) == [alert]


@pytest.mark.parametrize(
    ("days", "alert"), [(0.0, True), (89.0, True), (90.0, True), (91.0, False), (NAN, False)], ids=str
)
def test_who_refused_is_left_alone_for_the_days_of_the_policy(days: float, alert: bool) -> None:
    assert held("CDT-04", contact(since_refusal=days)) == [alert]


RERATED = [
    ("above the level now", 3.0, 4.0, 3.0, True),
    ("still at the level", 2.0, 3.0, 3.0, False),
    ("too risky before already", 4.0, 5.0, 3.0, False),
    ("never assessed", 1.0, 2.0, NAN, True),
    ("never rated before", NAN, 4.0, 3.0, False),
    ("rated down", 4.0, 3.0, 3.0, False),
    ("its rating taken away", 3.0, NAN, 3.0, None),
]


@pytest.mark.parametrize(
    ("before", "now", "level", "alert"), [pytest.param(*case[1:], id=case[0]) for case in RERATED]
)
def test_a_holding_that_became_too_risky_is_told(
    before: float, now: float, level: float, alert: bool | None
) -> None:
    [verdict] = judge(
        [holding_became_too_risky], Rerated(*(np.array([x]) for x in (before, now, level))), POLICY
    )
    unjudged = verdict.unjudged is not None and bool(verdict.unjudged[0])
    assert (None if unjudged else bool(verdict.holds[0])) == alert


def test_a_rule_is_asked_about_what_it_is_about_only() -> None:
    sale = {"offers": [False], "channel": [NAN]}
    asked = {code: bool(check.about(contact(**sale), POLICY)[0]) for code, check in BY_CODE.items()}
    assert asked == {"CDT-01": False, "CDT-02": False, "CDT-03": True, "CDT-04": False}
    talk = contact(about_product=[False], channel=[float(APP)])
    asked = {code: bool(check.about(talk, POLICY)[0]) for code, check in BY_CODE.items()}
    assert asked == {"CDT-01": True, "CDT-02": False, "CDT-03": False, "CDT-04": True}


def test_one_contact_has_the_verdict_it_has_among_many() -> None:
    rng = np.random.default_rng(4)
    n = 500
    many = contact(
        channel=rng.choice([*range(len(CHANNELS)), NAN], n).tolist(),
        minute=rng.integers(0, 1440, n).tolist(),
        consent_here=rng.choice([0.0, 1.0, NAN], n).tolist(),
        product_risk=rng.choice([1.0, 3.0, 5.0, NAN], n).tolist(),
        since_assessment=rng.choice([0.0, 365.0, 366.0, NAN], n).tolist(),
        since_refusal=rng.choice([0.0, 90.0, 91.0, NAN], n).tolist(),
    )
    for code in BY_CODE:
        assert held(code, many) == [held(code, many.one(row))[0] for row in range(n)]
        assert len(set(held(code, many))) > 1


def test_days_are_those_of_the_customers_calendar() -> None:
    """Refused at 23:30 in Berlin and called at 00:30: a day later there, the same day in UTC."""
    hour = 3_600_000_000
    midnight = int(datetime(2026, 1, 14, 23, tzinfo=UTC).timestamp()) * 1_000_000  # in Berlin
    plain = ("offers", "about_product", "channel", "consent_here", "consent_anywhere")
    numbers = {name: np.array([1.0]) for name in (*plain, "product_risk", "risk_level")}
    moments = {"at": midnight + hour // 2, "refused_at": midnight - hour // 2, "assessed_at": UNKNOWN}
    for zone, days in (("Europe/Berlin", 1.0), ("UTC", 0.0)):
        told = Contacts.of(
            numbers | {"zone": np.array([float(CODE[zone])])},
            {name: np.array([moment], np.int64) for name, moment in moments.items()},
            "UTC",
        )
        assert (told.since_refusal[0], np.isnan(told.since_assessment[0])) == (days, True)


def test_every_rule_of_conduct_has_a_law_and_both_texts() -> None:
    assert len({rule.code for rule in CONDUCT_RULES}) == len(CONDUCT_RULES) == 5
    assert all(rule.law and rule.zh and rule.doc for rule in CONDUCT_RULES)


def test_the_days_of_quiet_are_the_policys() -> None:
    shorter = replace(POLICY, conduct=replace(POLICY.conduct, quiet_after_refusal_days=7))
    assert held("CDT-04", contact(since_refusal=[7.0, 8.0]), shorter) == [True, False]


WRONG = [
    ("capital letters", '"declined", "refused"', '"Declined"', "conduct.refused_outcomes"),
    ("a topic with a space", "offer = []", '"offer " = []', "conduct.marketing_topics"),
    ("no family", '["deposit", "fund", "pension"]', '["shares"]', "conduct.marketing_topics.investment"),
    ("fewer than no days", "refusal_days = 90", "refusal_days = -1", "conduct.quiet_after_refusal_days"),
]


@pytest.mark.parametrize(("old", "new", "key"), [pytest.param(*case[1:], id=case[0]) for case in WRONG])
def test_a_policy_of_wrong_conduct_is_refused_and_the_key_named(old: str, new: str, key: str) -> None:
    text = STANDARD.read_text()
    assert old in text
    with pytest.raises(InvalidPolicy) as raised:
        Policy.parse(text.replace(old, new, 1).encode())
    assert raised.value.key == key


def test_the_channels_of_marketing_are_channels() -> None:
    assert set(MARKETING_CHANNELS) <= set(CHANNELS)
