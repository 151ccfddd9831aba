"""What the customer is told: the person's reasons, how to appeal once, and nothing of who decided."""

import pytest

from crm_rules.cases.case import Case
from crm_rules.cases.opening import CaseKind
from tests.crm_rules.cases.conftest import POLICY, REASONS, Room

NOTICE = POLICY.lending.notice


def told(
    room: Room, outcome: str, reason: str, kind: CaseKind = CaseKind.REFERRAL, sent: str = "", **about: object
) -> Case:
    room.open(kind=kind, amount=10_000.0, **about)
    room.desk("una").claim("d1")
    room.decide("una", outcome, reason=reason)
    return room.desk("una").write_letter("d1", sent, NOTICE)


@pytest.mark.parametrize(
    ("kind", "outcome", "says", "appeals"),
    [
        pytest.param(CaseKind.REFERRAL, "decline", "we cannot grant", True, id="a-referral-declined"),
        pytest.param(CaseKind.REFERRAL, "approve", "We have approved", False, id="a-referral-approved"),
        pytest.param(CaseKind.REVIEW, "upheld", "we cannot grant", True, id="a-decline-upheld"),
        pytest.param(CaseKind.REVIEW, "changed", "We have approved", False, id="a-decline-changed"),
        pytest.param(CaseKind.APPEAL, "upheld", "This ends our own review", False, id="an-appeal-upheld"),
        pytest.param(CaseKind.REFERRAL, "withdrawn", "You withdrew your application", False, id="withdrawn"),
    ],
)
def test_a_letter_says_what_was_decided_and_until_when_to_appeal(
    room: Room, kind: CaseKind, outcome: str, says: str, appeals: bool
) -> None:
    case = told(room, outcome, "CASE-04", kind)
    assert case.letter is not None
    text = str(case.letter.texts["en"]["text"])
    assert says in text
    assert "d1" in text
    assert ("have a person at the bank look at it again" in text) is appeals
    assert (case.letter.appeal_until is not None) is appeals
    assert "una" not in text.split()


def test_a_letter_gives_the_persons_reasons_in_both_languages(room: Room) -> None:
    case = told(room, "decline", "CASE-04")
    assert case.letter is not None
    for language in ("en", "zh"):
        assert getattr(REASONS["CASE-04"], language) in str(case.letter.texts[language]["text"])
    assert "looked at the payslips" not in str(case.letter.texts)


@pytest.mark.parametrize(
    ("asked", "said", "sent"),
    [("", None, NOTICE.language), ("", "zh", "zh"), ("en", "zh", "en")],
    ids=["the-banks", "the-customers", "as-told"],
)
def test_a_letter_is_sent_in_the_language_of_the_customer(
    room: Room, asked: str, said: str | None, sent: str
) -> None:
    case = told(room, "decline", "CASE-04", sent=asked, **({} if said is None else {"language": said}))
    assert case.letter is not None
    assert case.letter.language == sent


def test_every_reason_a_person_may_give_has_both_texts() -> None:
    own = [code for code in REASONS if code.startswith("CASE-")]
    assert len(own) == 12
    assert all(REASONS[code].en and REASONS[code].zh for code in own)
