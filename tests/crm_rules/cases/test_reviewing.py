"""Asking for a person: which case it opens, once, in time, and never for the same eyes."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from crm_rules.cases.opening import CaseKind
from crm_rules.cases.reviewing import contest
from crm_rules.errors import NotReviewable, TooLate
from tests.crm_rules.cases.conftest import AT, POLICY, Room

DAYS = POLICY.lending.notice.appeal_days
TICK = timedelta(microseconds=1)
LIMIT = AT + timedelta(days=DAYS)


def record(outcome: str = "decline", **changed: Any) -> dict[str, Any]:
    """A credit decision as the log keeps it, as far as cases read it."""
    return {
        "decision_id": "d1", "use_case": "credit", "customer_id": "ann", "at": AT.isoformat(),
        "outcome": outcome, "rules": ["LEND-03", "LEND-02"], "scores": {"grade": "C"},
        "request": {"amount": 10_000.0, "term_months": 24},
        "reasons": [["income_monthly", 0.3]], "release": "ab", "policy": "2026.1",
        "case": {"id": "d1", "due_at": LIMIT.isoformat()} if outcome == "refer" else None,
    } | changed  # fmt: skip


def ask(room: Room, outcome: str = "decline", at: datetime = AT, **wish: str) -> str | None:
    """The id of the case that was opened; None when nothing was."""
    last = None
    for name in ("appeal-d1", "review-d1", "d1"):
        if last is None and room.store.has(name):
            last = room.case(name)
    opening = contest(record(outcome), last, wish, at, DAYS)
    if opening is None:
        return None
    room.store.open_many([opening], room.limits)
    return opening.case_id


def test_an_automated_decision_is_reviewed_once(room: Room) -> None:
    assert ask(room, wish="the salary is wrong", language="zh") == "review-d1"
    case = room.case("review-d1")
    assert (case.kind, case.amount, case.rules("declined_by")) == (CaseKind.REVIEW, 10_000.0, ("LEND-03",))
    assert (case.opening.about["wish"], case.opening.about["language"]) == ("the salary is wrong", "zh")
    assert ask(room) is None


def test_a_referral_that_nobody_opened_yet_is_opened_by_who_asks(room: Room) -> None:
    assert ask(room, "refer") == "d1"
    case = room.case("d1")
    assert (case.kind, case.terms.due_at) == (CaseKind.REFERRAL, LIMIT)
    assert ask(room, "refer") is None


def test_what_a_person_decided_is_appealed_once_and_by_other_eyes(room: Room) -> None:
    room.open(amount=1e6)
    room.decided("una", "decline")
    room.desk("rita").confirm("d1")
    assert ask(room, "refer", room.now) == "appeal-d1"
    about = room.case("appeal-d1").opening.about
    assert (about["decided_by"], about["contests"], about["outcome"]) == (["una", "rita"], "d1", "decline")
    assert ask(room, "refer", room.now) is None
    room.open("appeal-d2", CaseKind.APPEAL, decided_by=["rita"])
    room.decided("una", "upheld", "appeal-d2")
    assert contest(record(), room.case("appeal-d2"), {}, room.now, DAYS) is None


def test_a_review_that_was_decided_is_appealed(room: Room) -> None:
    ask(room)
    room.decided("una", "upheld", "review-d1")
    assert ask(room, at=room.now) == "appeal-d1"
    assert room.case("appeal-d1").opening.about["outcome"] == "decline"


@pytest.mark.parametrize(("late", "in_time"), [(-TICK, True), (0 * TICK, True), (TICK, False)])
def test_a_decision_is_contested_until_the_last_moment(room: Room, late: timedelta, in_time: bool) -> None:
    if in_time:
        assert ask(room, at=LIMIT + late) == "review-d1"
        return
    with pytest.raises(TooLate, match=LIMIT.isoformat()[:16]):
        ask(room, at=LIMIT + late)


@pytest.mark.parametrize("letter", [True, False], ids=["by-the-letter", "by-the-decision"])
def test_an_appeal_is_taken_until_the_day_the_letter_names(room: Room, letter: bool) -> None:
    room.open(amount=10_000.0)
    case = room.decided("una", "decline")
    if letter:
        room.desk("una").write_letter("d1", "en", POLICY.lending.notice)
    until = case.decided() + timedelta(days=DAYS)
    with pytest.raises(TooLate):
        ask(room, "refer", until + TICK)
    assert ask(room, "refer", until) == "appeal-d1"


def test_what_is_no_credit_decision_or_was_withdrawn_cannot_be_contested(room: Room) -> None:
    with pytest.raises(NotReviewable, match="decided about no credit"):
        contest(record(use_case="next_best_action"), None, {}, AT, DAYS)
    room.open()
    room.decided("una", "withdrawn")
    with pytest.raises(NotReviewable, match="was withdrawn"):
        ask(room, "refer", room.now)
