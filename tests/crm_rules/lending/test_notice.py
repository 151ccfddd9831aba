"""What a notice says, to whom, by when, in which language."""

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from crm_rules.errors import InvalidNotice
from crm_rules.lending.notice import MOST_REASONS, Asked, Notice, notice
from crm_rules.policy import Policy

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TOO_MUCH = {"code": "LEND-03", "en": "The instalment is too high", "zh": "每月还款额过高"}
SCORE = {"code": "LEND-01", "en": "The score is low", "zh": "评分较低"}
REPORT = {"code": "bureau_score", "en": "The score of the bureau", "zh": "征信评分"}


def told(policy: Policy, outcome: str = "decline", *reasons: dict[str, str], **more: Any) -> Notice:
    language = more.pop("language", "en")
    return notice(outcome, reasons or (TOO_MUCH,), language, AT, policy.lending.notice, **more)


@pytest.mark.parametrize(
    ("language", "outcome", "sentence"),
    [
        pytest.param("en", "decline", "we cannot grant the credit", id="declined-in-english"),
        pytest.param("zh", "decline", "无法批准", id="declined-in-chinese"),
        pytest.param("en", "refer", "A person at the bank will decide", id="referred-in-english"),
        pytest.param("zh", "refer", "将由本行工作人员审核决定", id="referred-in-chinese"),
        pytest.param("en", "approve", "We have approved", id="approved-in-english"),
        pytest.param("zh", "approve", "已获批准", id="approved-in-chinese"),
    ],
)
def test_a_notice_says_what_was_decided_in_its_language(
    policy: Policy, language: str, outcome: str, sentence: str
) -> None:
    found = told(policy, outcome, language=language)
    assert sentence in found.text
    assert (TOO_MUCH[language] in found.text) == (outcome != "approve")
    assert (found.outcome, found.language) == (outcome, language)


def test_no_chinese_stands_in_an_english_notice(policy: Policy) -> None:
    assert told(policy, bureau_used=True, asked=Asked(1.0, 2, "d")).text.isascii()


def test_a_decline_says_how_and_until_when_to_appeal(policy: Policy) -> None:
    found = told(policy, asked=Asked(6_000.0, 24, "d-7"))
    assert found.due_at == AT + timedelta(days=30)
    assert found.appeal_until == AT + timedelta(days=60)
    for part in ("until 2026-05-01 09:30 UTC", "a person at the bank", "d-7", "6,000.00 over 24 months"):
        assert part in found.text


def test_who_is_referred_hears_by_when_and_is_refused_nothing(policy: Policy) -> None:
    found = told(policy, "refer")
    assert "by 2026-04-01 09:30 UTC" in found.text
    assert "nothing was refused automatically" in found.text


def test_at_most_four_reasons_are_told_and_a_score_is_none(policy: Policy) -> None:
    many = [TOO_MUCH | {"code": f"R{number}", "en": f"Reason {number}"} for number in range(6)]
    found = told(policy, "decline", SCORE, *many)
    assert found.reasons == ("R0", "R1", "R2", "R3")
    assert found.text.count("- Reason") == MOST_REASONS
    assert SCORE["en"] not in found.text


def test_without_a_reason_that_may_be_told_one_may_be_asked_for(policy: Policy) -> None:
    found = told(policy, "decline", SCORE)
    assert found.reasons == ()
    assert "You may ask us within 60 days for the specific reasons" in found.text


@pytest.mark.parametrize(
    ("reason", "known", "outcome", "named"),
    [
        pytest.param(TOO_MUCH, False, "decline", False, id="no-report"),
        pytest.param(REPORT, False, "decline", True, id="a-reason-speaks-of-it"),
        pytest.param(TOO_MUCH, True, "decline", True, id="a-report-was-known"),
        pytest.param(TOO_MUCH, True, "refer", True, id="a-report-was-known-to-the-person"),
        pytest.param(TOO_MUCH, True, "approve", False, id="approved"),
    ],
)
def test_a_bureau_is_named_where_it_was_used(
    policy: Policy, reason: dict[str, str], known: bool, outcome: str, named: bool
) -> None:
    assert ("We used a report of" in told(policy, outcome, reason, bureau_used=known).text) == named


@pytest.mark.parametrize(
    ("by_person", "sentence"),
    [
        pytest.param(False, "made automatically", id="automated"),
        pytest.param(True, "A person at the bank made", id="by-a-person"),
    ],
)
def test_a_decision_says_who_made_it(policy: Policy, by_person: bool, sentence: str) -> None:
    assert sentence in told(policy, by_person=by_person).text


def test_the_digest_is_of_the_text_and_the_record_keeps_it(policy: Policy) -> None:
    found = told(policy)
    assert found.digest == hashlib.sha256(found.text.encode()).hexdigest()
    assert found.as_record() | {"text": found.text} == {
        "outcome": "decline", "language": "en", "reasons": ["LEND-03"], "delivery": "app",
        "due_at": "2026-04-01T09:30:00+00:00", "appeal_until": "2026-05-01T09:30:00+00:00",
        "digest": found.digest, "text": found.text,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "language", "at", "field"),
    [
        pytest.param("maybe", "en", AT, "outcome", id="no-outcome"),
        pytest.param("decline", "fr", AT, "language", id="no-language-of-ours"),
        pytest.param("decline", "en", AT.replace(tzinfo=None), "decided_at", id="no-zone"),
    ],
)
def test_what_cannot_be_told_is_named(
    policy: Policy, outcome: str, language: str, at: datetime, field: str
) -> None:
    with pytest.raises(InvalidNotice, match=field):
        notice(outcome, [TOO_MUCH], language, at, policy.lending.notice)


def test_a_deadline_keeps_the_zone_of_the_decision(policy: Policy) -> None:
    beijing = timezone(timedelta(hours=8), "CST")
    found = notice("decline", [TOO_MUCH], "en", AT.astimezone(beijing), policy.lending.notice)
    assert "until 2026-05-01 17:30 CST" in found.text
    assert found.appeal_until == AT + timedelta(days=60)
