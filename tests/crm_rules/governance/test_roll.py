from collections.abc import Sequence
from dataclasses import replace

import pytest

from crm_rules.errors import RuleBroken
from crm_rules.governance.person import Key, Person, Role
from crm_rules.governance.roll import Roll, Version
from tests.crm_rules.governance.lists import BOTH, DAY, FIRST, START, after, first, person, public

ADA, AMIR, VICTOR = FIRST
NORA = person("nora", Role.ADMINISTRATOR, since=START + DAY)
EVE = person("eve", Role.OPERATOR, since=START + DAY)


def broken(*versions: Version) -> str:
    """Which rule the last one breaks; everything before it is taken."""
    roll = Roll()
    for version in versions[:-1]:
        roll.add(version)
    with pytest.raises(RuleBroken) as caught:
        roll.add(versions[-1])
    return caught.value.problem


@pytest.mark.parametrize(
    "by",
    [
        pytest.param([], id="nobody"),
        pytest.param([("ada", "ada")], id="one"),
        pytest.param([("ada", "ada"), ("ada", "ada")], id="one-twice"),
        pytest.param([("ada", "ada"), ("victor", "victor")], id="a-validator"),
        pytest.param([("ada", "ada"), ("amir", "ada")], id="in-anothers-name"),
        pytest.param([("ada", "ada"), ("mallory", "eve")], id="a-stranger"),
    ],
)
def test_a_version_needs_two_different_administrators(by: Sequence[tuple[str, str]]) -> None:
    assert "two different are needed" in broken(first(by))
    assert "of the version before" in broken(first(), after(first(), EVE, by=by))


def test_who_becomes_administrator_in_a_version_does_not_sign_it() -> None:
    one = first()
    assert "1 valid" in broken(one, after(one, NORA, by=[("nora", "nora"), ("ada", "ada")]))
    two = after(one, NORA)
    Roll.of([one, two]).add(after(two, EVE, by=[("nora", "nora"), ("ada", "ada")]))


def test_who_is_given_a_role_does_not_sign_that() -> None:
    one = first()
    mighty = replace(ADA, roles=(Role.ADMINISTRATOR, Role.VALIDATOR))
    assert "1 valid" in broken(one, after(one, mighty))


def test_who_left_or_lost_the_key_signs_nothing_more() -> None:
    one = first()
    two = after(one, NORA)
    at = START + 2 * DAY
    for gone in (
        replace(AMIR, left_at=at),
        replace(AMIR, roles=()),
        replace(AMIR, keys=(replace(AMIR.keys[0], until=at),)),
    ):
        three = after(two, gone)
        assert "1 valid" in broken(one, two, three, after(three, EVE))


AT = START + DAY
ENDED = replace(VICTOR, keys=(replace(VICTOR.keys[0], until=AT),))
CHANGES: list[tuple[str, tuple[Person, ...], str]] = [
    ("nobody", (), "changes nobody"),
    ("twice", (EVE, EVE), "one id twice"),
    ("key-of-another", (replace(EVE, keys=VICTOR.keys),), "one person as two"),
    ("key-in-one-go", (EVE, replace(NORA, keys=EVE.keys)), "one person as two"),
    ("key-of-ones-own-again", (replace(VICTOR, keys=VICTOR.keys * 2),), "lists one key"),
    ("demo-in-a-bank", (replace(EVE, demo=True),), "as demo in a bank"),
    ("key-dropped", (replace(VICTOR, keys=()),), "drops or renews"),
    ("key-renamed", (replace(VICTOR, keys=EVE.keys),), "drops or renews"),
    ("key-earlier", (replace(VICTOR, keys=(Key(public("victor"), START - DAY),)),), "drops or renews"),
    ("end-in-the-future", (replace(ENDED, keys=(replace(VICTOR.keys[0], until=AT + DAY),)),), "future"),
    ("new-key-ended", (replace(VICTOR, keys=(*VICTOR.keys, Key(public("eve"), START, AT))),), "drops or"),
    ("left-before-joining", (replace(EVE, left_at=AT),), "left before joining"),
    ("left-earlier", (replace(VICTOR, left_at=START),), "another time than its own"),
    ("last-administrators", (replace(AMIR, left_at=AT),), "fewer than two administrators"),
    ("last-administrators-role", (replace(AMIR, roles=()),), "fewer than two"),
    ("last-administrators-key", (replace(AMIR, keys=(replace(AMIR.keys[0], until=AT),)),), "fewer than two"),
]


@pytest.mark.parametrize(("changes", "found"), [pytest.param(c, f, id=i) for i, c, f in CHANGES])
def test_a_change_that_breaks_a_rule_is_refused(changes: tuple[Person, ...], found: str) -> None:
    one = first()
    assert found in broken(one, after(one, *changes))


def test_what_ended_is_never_taken_back() -> None:
    one = first()
    two = after(one, ENDED)
    assert "drops or renews" in broken(one, two, after(two, VICTOR))
    gone = after(one, replace(VICTOR, left_at=AT))
    assert "left for good" in broken(one, gone, after(gone, VICTOR))


def test_a_subject_of_the_identity_provider_is_one_persons() -> None:
    one = first(people=(*FIRST[:2], replace(VICTOR, oidc_subject="sub-1")))
    assert "subject" in broken(one, after(one, replace(EVE, oidc_subject="sub-1")))
    Roll.of([one]).add(after(one, replace(EVE, oidc_subject="sub-2")))


def test_a_list_founded_with_one_administrator_or_as_half_a_demo_is_refused() -> None:
    assert "two different" in broken(first((("ada", "ada"),), (ADA, VICTOR)))
    assert "as demo" in broken(first(people=(ADA, replace(AMIR, demo=True))))
    turned = replace(after(first(), EVE), demo=True)
    assert "turns" in broken(first(), turned)


def test_a_refused_version_leaves_the_list_as_it_was() -> None:
    one, roll = first(), Roll()
    roll.add(one)
    with pytest.raises(RuleBroken):
        roll.add(after(one, EVE, by=BOTH[:1]))
    roll.add(after(one, EVE))
