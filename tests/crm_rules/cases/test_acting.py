"""The life of a case: who may do what when, and what each refusal says."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from crm_rules.cases.case import State
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.steps import MOST_EVIDENCE
from crm_rules.errors import CaseRefused, UnknownCase
from tests.crm_rules.cases.conftest import POLICY, Room

NOTICE = POLICY.lending.notice
FILE = {"name": "payslip.pdf", "sha256": "ab" * 32, "bytes": 120_000}
LARGE = 1e6  # above what anybody decides alone


def test_a_referral_goes_from_waiting_to_told(room: Room) -> None:
    room.open()
    assert room.case().state is State.WAITING
    room.desk("una").claim("d1")
    assert room.case().state is State.IN_WORK
    room.desk("una").add_evidence("d1", "three payslips", FILE)
    room.decide("una", "approve")
    assert (room.case().state, room.case().outcome) == (State.DECIDED, "approve")
    room.desk("una").write_letter("d1", "", NOTICE)
    room.desk("una").deliver("d1", "app")
    case = room.case()
    assert (case.state, case.channel, case.closed) == (State.TOLD, "app", True)
    assert case.evidence[0].file == FILE
    assert case.ignored == ()
    assert room.store.verify(room.trust).problems == ()


def test_above_the_limit_a_second_person_confirms_and_only_then_it_is_decided(room: Room) -> None:
    room.open(amount=LARGE)
    assert room.decided("una", "approve").state is State.TO_CONFIRM
    assert room.case().outcome is None
    case = room.desk("rita").confirm("d1")
    assert (case.state, case.outcome, case.confirmed_by) == (State.DECIDED, "approve", "rita")


def test_what_is_sent_back_is_decided_again_by_who_has_it(room: Room) -> None:
    room.open(amount=LARGE)
    room.decided("una", "approve")
    case = room.desk("rita").send_back("d1", "the bonus is no income")
    assert (case.state, case.holder) == (State.IN_WORK, "una")
    assert case.evidence[-1].note == "Sent back: the bonus is no income"
    assert room.decide("una", "decline", reason="CASE-04").state is State.TO_CONFIRM
    assert room.desk("carla").confirm("d1").outcome == "decline"


def test_a_case_given_back_waits_for_anybody(room: Room) -> None:
    room.open()
    room.desk("una").claim("d1")
    assert room.desk("una").release("d1", "on leave").state is State.WAITING
    room.desk("rita").claim("d1")
    assert room.case().holders == ("una", "rita")


def test_a_second_person_takes_a_case_from_somebody_who_cannot(room: Room) -> None:
    room.open()
    room.desk("una").claim("d1")
    assert room.desk("carla").release("d1", "una is ill").holder == ""


def test_a_withdrawn_application_needs_no_second_person_whatever_its_amount(room: Room) -> None:
    room.open(amount=LARGE)
    assert room.decided("una", "withdrawn").outcome == "withdrawn"


def test_a_conduct_case_is_taken_from_nobody_by_another_room(room: Room) -> None:
    room.open("c1", CaseKind.CONDUCT)
    room.desk("carla").claim("c1")
    with pytest.raises(CaseRefused, match="roles risk_approver; it takes compliance"):
        room.desk("rita").release("c1", "let me see")


@pytest.mark.parametrize("outcome", ["dismissed", "confirmed"])
def test_a_conduct_case_is_closed_by_compliance_and_nobody_is_told(room: Room, outcome: str) -> None:
    room.open("c1", CaseKind.CONDUCT, amount=None)
    case = room.decided("carla", outcome, "c1")
    assert (case.outcome, case.closed) == (outcome, True)
    with pytest.raises(CaseRefused, match="not told of a conduct case"):
        room.desk("carla").write_letter("c1", "en", NOTICE)


def _claimed(room: Room) -> None:
    room.desk("una").claim("d1")


def _decided(room: Room) -> None:
    room.decided("una", "decline")


def _to_confirm(room: Room) -> None:
    room.open("d2", amount=LARGE)
    room.decided("una", "approve", "d2")


def _held_by_rita_before(room: Room) -> None:
    room.open("d2", amount=LARGE)
    room.desk("rita").claim("d2")
    room.desk("rita").release("d2", "too much to do")
    room.decided("una", "approve", "d2")


def _written(room: Room) -> None:
    _decided(room)
    room.desk("una").write_letter("d1", "en", NOTICE)


def _told(room: Room) -> None:
    _written(room)
    room.desk("una").deliver("d1", "post")


def _full(room: Room) -> None:
    _claimed(room)
    for number in range(MOST_EVIDENCE):
        room.desk("una").add_evidence("d1", f"note {number}")


def _minor(room: Room) -> None:
    room.open("d2", rules=["LEND-05", "LEND-08"], declined_by=["LEND-05"])
    room.desk("rita").claim("d2")


def _nothing(room: Room) -> None:
    """A case that was opened, and no more."""


Do = Callable[[Room], object]
REFUSED: list[tuple[str, Do, Do, str]] = [
    (
        "marketing claims none",
        _nothing,
        lambda room: room.desk("mia").claim("d1"),
        "'mia' has the roles marketing; it takes",
    ),
    (
        "compliance decides no credit",
        _nothing,
        lambda room: room.desk("carla").claim("d1"),
        "roles compliance; it takes risk_approver or underwriter",
    ),
    (
        "an administrator sees none through",
        _nothing,
        lambda room: room.desk("ada").claim("d1"),
        "administrator; it takes",
    ),
    ("claimed by another", _claimed, lambda room: room.desk("rita").claim("d1"), "it is claimed by 'una'"),
    ("claimed twice", _claimed, lambda room: room.desk("una").claim("d1"), "it is claimed by 'una'"),
    (
        "decided without a claim",
        _nothing,
        lambda room: room.decide("una", "approve"),
        "nobody has claimed it, and 'una' has to claim it first",
    ),
    (
        "decided by another than who has it",
        _claimed,
        lambda room: room.decide("rita", "approve"),
        "claimed by 'una', and 'rita' has to claim",
    ),
    (
        "evidence by another",
        _claimed,
        lambda room: room.desk("rita").add_evidence("d1", "a note"),
        "claimed by 'una', and 'rita'",
    ),
    (
        "decided twice",
        _decided,
        lambda room: room.decide("una", "approve"),
        r"'una' decided it already \(decline\)\.",
    ),
    (
        "decided while it waits for a second",
        _to_confirm,
        lambda room: room.decide("una", "decline", "d2"),
        "waits for a second person",
    ),
    (
        "claimed when decided",
        _decided,
        lambda room: room.desk("rita").claim("d1"),
        "'una' decided it already",
    ),
    (
        "released when decided",
        _decided,
        lambda room: room.desk("una").release("d1", "so"),
        "'una' decided it already",
    ),
    (
        "released unclaimed",
        _nothing,
        lambda room: room.desk("rita").release("d1", "so"),
        "nobody has claimed it",
    ),
    (
        "released by another underwriter's peer",
        _claimed,
        lambda room: room.desk("rolf").release("d1", "so"),
        "roles relationship_manager; it takes",
    ),
    (
        "own confirmation",
        _to_confirm,
        lambda room: room.desk("una").confirm("d2"),
        "roles underwriter; it takes risk_approver or compliance",
    ),
    (
        "confirmed by who held it before",
        _held_by_rita_before,
        lambda room: room.desk("rita").confirm("d2"),
        "'rita' decided or claimed it",
    ),
    (
        "returned by who held it before",
        _held_by_rita_before,
        lambda room: room.desk("rita").send_back("d2", "no"),
        "'rita' decided or claimed it",
    ),
    (
        "confirmed where nothing is decided",
        _claimed,
        lambda room: room.desk("rita").confirm("d1"),
        "nothing is decided in it yet",
    ),
    (
        "confirmed where none is needed",
        _decided,
        lambda room: room.desk("rita").confirm("d1"),
        "it is decided already, so no second",
    ),
    (
        "an outcome of another kind",
        _claimed,
        lambda room: room.decide("una", "upheld"),
        "'upheld' decides no referral; approve or decline or withdrawn does",
    ),
    (
        "a knock-out is overridden by nobody",
        _minor,
        lambda room: room.decide("rita", "approve", "d2"),
        "LEND-05 is overridden by nobody",
    ),
    (
        "a reason nobody wrote",
        _claimed,
        lambda room: room.decide("una", "decline", reason="LEND-99"),
        r"no text is written for \['LEND-99'\]; there are CASE-01",
    ),
    (
        "a way is no reason",
        _claimed,
        lambda room: room.decide("una", "decline", reason="WAY-amount"),
        "no text is written",
    ),
    (
        "evidence without words",
        _claimed,
        lambda room: room.desk("una").add_evidence("d1", " "),
        "its note has to be 1 to 2,000 signs",
    ),
    (
        "evidence of two lines",
        _claimed,
        lambda room: room.desk("una").add_evidence("d1", "a\nb"),
        "its note has to be 1 to 2,000 signs",
    ),
    (
        "evidence too long",
        _claimed,
        lambda room: room.desk("una").add_evidence("d1", "x" * 2_001),
        "its note has to be 1 to 2,000 signs",
    ),
    (
        "evidence with a file's content",
        _claimed,
        lambda room: room.desk("una").add_evidence("d1", "x", {**FILE, "content": "%PDF"}),
        "a file is told by its name",
    ),
    (
        "a hundred and one pieces of evidence",
        _full,
        lambda room: room.desk("una").add_evidence("d1", "one more"),
        "holds 100 pieces",
    ),
    (
        "a letter before the decision",
        _claimed,
        lambda room: room.desk("una").write_letter("d1", "en", NOTICE),
        "it is not decided yet",
    ),
    (
        "a letter in a language nobody wrote",
        _decided,
        lambda room: room.desk("una").write_letter("d1", "fr", NOTICE),
        "no letter is written in 'fr'; en or zh is",
    ),
    (
        "a second letter",
        _written,
        lambda room: room.desk("una").write_letter("d1", "en", NOTICE),
        "its letter was made already",
    ),
    (
        "a letter by marketing",
        _decided,
        lambda room: room.desk("mia").write_letter("d1", "en", NOTICE),
        "roles marketing",
    ),
    (
        "delivered before it is written",
        _decided,
        lambda room: room.desk("una").deliver("d1", "app"),
        "its letter is not made yet",
    ),
    (
        "delivered by pigeon",
        _written,
        lambda room: room.desk("una").deliver("d1", "pigeon"),
        "'pigeon' delivers no letter; app or email or post does",
    ),
    (
        "delivered twice",
        _told,
        lambda room: room.desk("una").deliver("d1", "app"),
        "was delivered already, by post",
    ),
]


@pytest.mark.parametrize(("before", "act", "says"), [pytest.param(*row[1:], id=row[0]) for row in REFUSED])
def test_what_is_refused_says_why_in_one_sentence_and_changes_nothing(
    room: Room, before: Do, act: Do, says: str
) -> None:
    room.open()
    before(room)
    was = room.store.cases(room.trust)
    with pytest.raises(CaseRefused, match=says) as refused:
        act(room)
    assert str(refused.value).endswith("Nothing was changed.")
    assert room.store.cases(room.trust) == was


def test_a_case_nobody_opened_is_told_as_such(room: Room) -> None:
    with pytest.raises(UnknownCase, match="There is no case 'd7'"):
        room.desk("una").claim("d7")


def test_an_act_dated_before_the_last_one_is_refused(room: Room) -> None:
    room.open()
    room.desk("una").claim("d1")
    room.now -= timedelta(hours=1)
    with pytest.raises(CaseRefused, match="before what happened in the case already"):
        room.decide("una", "approve")


def test_a_case_is_overdue_the_moment_after_its_day(room: Room) -> None:
    room.open()
    due = room.case().terms.due_at
    assert [room.case().overdue(due + timedelta(microseconds=n)) for n in (-1, 0, 1)] == [False, False, True]
    room.decided("una", "approve")
    assert not room.case().overdue(due + timedelta(days=1))
