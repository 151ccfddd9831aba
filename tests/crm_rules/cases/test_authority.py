"""How much whom decides alone: every limit at -1, 0, +1 cent."""

import pytest

from crm_rules.cases.case import State
from crm_rules.cases.opening import CaseKind
from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from tests.crm_rules.cases.conftest import POLICY, Room

UNA, RITA = POLICY.cases.authority["underwriter"], POLICY.cases.authority["risk_approver"]
REFERRAL, REVIEW, APPEAL = CaseKind.REFERRAL, CaseKind.REVIEW, CaseKind.APPEAL
LIMITS = [
    ("una", REFERRAL, "approve", [], UNA.alone), ("una", REFERRAL, "decline", [], UNA.alone),
    ("rita", REFERRAL, "approve", [], RITA.alone), ("rita", REFERRAL, "decline", [], RITA.alone),
    ("una", REFERRAL, "approve", ["LEND-03"], UNA.override),
    ("una", REFERRAL, "decline", ["LEND-03"], UNA.alone),
    ("rita", REFERRAL, "approve", ["LEND-03"], RITA.override),
    ("una", REVIEW, "upheld", ["LEND-03"], UNA.alone), ("una", REVIEW, "changed", ["LEND-03"], UNA.override),
    ("rita", APPEAL, "changed", [], RITA.override), ("rita", APPEAL, "upheld", [], RITA.alone),
]  # fmt: skip


@pytest.mark.parametrize(("cents", "alone"), [(-1, True), (0, True), (1, False)])
@pytest.mark.parametrize(("person", "kind", "outcome", "declined_by", "limit"), LIMITS)
def test_up_to_the_limit_one_decides_alone_a_cent_above_a_second_person_is_needed(
    room: Room, person: str, kind: CaseKind, outcome: str, declined_by: list[str], limit: float, cents: int,
    alone: bool,
) -> None:  # fmt: skip
    room.open(kind=kind, amount=round(limit + cents / 100, 2), declined_by=declined_by, rules=declined_by)
    case = room.decided(person, outcome)
    assert case.state is (State.DECIDED if alone else State.TO_CONFIRM)


@pytest.mark.parametrize("amount", [None, float("nan"), "60000"])
def test_an_amount_that_is_not_known_is_above_every_limit(room: Room, amount: object) -> None:
    room.open(amount=None if amount != amount else amount)  # NaN is no JSON
    assert room.decided("una", "approve").state is State.TO_CONFIRM


@pytest.mark.parametrize(
    ("contested", "outcome", "holds"),
    [("decline", "upheld", "decline"), ("decline", "changed", "approve"),
     ("approve", "upheld", "approve"), ("approve", "changed", "decline")],
)  # fmt: skip
def test_a_contested_decision_stands_or_turns(room: Room, contested: str, outcome: str, holds: str) -> None:
    room.open(kind=REVIEW, amount=10_000.0, outcome=contested)
    assert room.decided("una", outcome).outcome == holds


def test_nobody_looks_again_at_their_own_decision(room: Room) -> None:
    room.open("appeal-d1", APPEAL, decided_by=["una", "rita"])
    for person in ("una", "rita"):
        with pytest.raises(PermissionError, match=f"'{person}' took the decision that is contested"):
            room.desk(person).claim("appeal-d1")


def test_a_case_is_decided_by_the_policy_it_was_opened_under(room: Room) -> None:
    room.open(amount=UNA.alone)
    changed = STANDARD.read_text().replace("alone = 200000.0", "alone = 100000.0")
    room.limits = Policy.parse(changed.replace("override = 50000.0", "override = 0.0").encode()).cases
    room.open("d2", amount=UNA.alone)
    assert room.decided("una", "approve").state is State.DECIDED
    assert room.decided("una", "approve", "d2").state is State.TO_CONFIRM


@pytest.mark.parametrize(
    ("before", "after", "key"),
    [
        pytest.param("referral = 14\n", "", "cases.days", id="a-kind-without-a-deadline"),
        pytest.param("referral = 14", "referral = 0", "cases.days.referral", id="no-day-at-all"),
        pytest.param("referral = 14", "referal = 14", "cases.days.referal", id="unknown-kind"),
        pytest.param(
            "override = 50000.0", "override = 200000.01", "underwriter.override", id="more-than-alone"
        ),
        pytest.param(
            "[cases.authority.underwriter]", "[cases.authority.marketing]", "marketing", id="no-decider"
        ),
        pytest.param(
            'second = ["risk_approver", "compliance"]', "second = []", "cases.second", id="no-second"
        ),
        pytest.param(
            'never_override = ["LEND-05"]', 'never_override = ["LEND-5"]', "never_override", id="no-rule"
        ),
        pytest.param("alone = 200000.0", "alone = true", "underwriter.alone", id="no-number"),
    ],
)
def test_a_policy_about_cases_that_makes_no_sense_names_its_key(before: str, after: str, key: str) -> None:
    text = STANDARD.read_text()
    assert before in text
    with pytest.raises(InvalidPolicy) as refused:
        Policy.parse(text.replace(before, after, 1).encode())
    assert key in refused.value.key
