from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from crm_rules.errors import DraftRefused, NotHeld, RuleBroken, UnknownPerson
from crm_rules.governance import drafts, proposals
from crm_rules.governance.changes import (
    Change,
    ChangeRoles,
    ChangeSubject,
    Join,
    Leave,
    NewKey,
    RevokeKey,
)
from crm_rules.governance.people import Role, write_trust
from crm_rules.governance.proposals import Desk
from tests.crm_rules.governance.lists import DAY, FIRST, SECRET, START, first, person, public

ADMINISTRATORS = (*FIRST, person("nora", Role.ADMINISTRATOR))
NOW = START + DAY
ROLES = (Role.OPERATOR, Role.AUDITOR)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Three administrators and a validator."""
    write_trust(tmp_path / "trust.json", [first(people=ADMINISTRATORS)])
    return Desk(tmp_path / "trust.json", tmp_path / "trust.draft.json", "bank")


def snapshot(desk: Desk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in desk.trust_file.parent.glob("*.json")}


def proposed(desk: Desk, change: Change, by: str, at: datetime = NOW) -> None:
    proposals.propose(desk, change, by, SECRET[by], at)


def signed(desk: Desk, by: str, at: datetime = NOW) -> None:
    proposals.countersign(desk, proposals.waiting(desk), by, SECRET[by], at)


JOIN = Join("eve", "Eve", (Role.OPERATOR,), public("eve"))
# (change, the same change about ada herself or None, whether ada may make that about herself)
CHANGES: dict[str, tuple[Change, Change, bool]] = {
    "join": (JOIN, Join("ada", "Ada again", (Role.OPERATOR,), public("eve")), False),
    "roles-added": (ChangeRoles("victor", ROLES), ChangeRoles("ada", (Role.ADMINISTRATOR, *ROLES)), False),
    "roles-dropped": (ChangeRoles("victor", ()), ChangeRoles("ada", ()), True),
    "leave": (Leave("victor"), Leave("ada"), True),
    "new-key": (NewKey("victor", public("eve")), NewKey("ada", public("eve")), True),
    "revoke-key": (RevokeKey("victor", public("victor")), RevokeKey("ada", public("ada")), True),
    "subject": (ChangeSubject("victor", "sub-1"), ChangeSubject("ada", "sub-1"), True),
}
TABLE = [pytest.param(*row, id=name) for name, row in CHANGES.items()]


@pytest.mark.parametrize(("change", "own", "may"), TABLE)
class TestEveryChange:
    def test_takes_two_different_administrators(
        self, desk: Desk, change: Change, own: Change, may: bool
    ) -> None:
        before = desk.trust()
        proposed(desk, change, "ada")
        assert desk.trust() == before
        signed(desk, "amir")
        trust = desk.trust()
        assert trust is not None
        assert trust.number == 2
        assert trust.person(change.person) == trust.versions[-1].changes[0]
        assert list(snapshot(desk)) == ["trust.json"]

    def test_is_not_for_others(self, desk: Desk, change: Change, own: Change, may: bool) -> None:
        before = snapshot(desk)
        with pytest.raises(RuleBroken, match=r"0 valid|gives themself"):
            proposed(desk, change, "victor")
        assert snapshot(desk) == before
        proposed(desk, change, "ada")
        before = snapshot(desk)
        with pytest.raises(RuleBroken, match=r"1 valid|gives themself"):
            signed(desk, "victor")
        assert snapshot(desk) == before

    def test_is_not_for_one_administrator_twice(
        self, desk: Desk, change: Change, own: Change, may: bool
    ) -> None:
        proposed(desk, change, "ada")
        before = snapshot(desk)
        with pytest.raises(RuleBroken, match="'ada' already"):
            signed(desk, "ada")
        with pytest.raises(RuleBroken, match="1 valid"):
            proposals.countersign(desk, proposals.waiting(desk), "amir", SECRET["ada"], NOW)
        assert snapshot(desk) == before

    def test_about_oneself_gives_no_role(self, desk: Desk, change: Change, own: Change, may: bool) -> None:
        if may:
            proposed(desk, own, "ada")
            signed(desk, "amir")
            return
        before = snapshot(desk)
        with pytest.raises(RuleBroken, match=r"nobody gives themself|second time"):
            proposed(desk, own, "ada")
        assert snapshot(desk) == before
        if not isinstance(own, Join):
            proposed(desk, own, "amir")
            with pytest.raises(RuleBroken, match="nobody gives themself"):
                signed(desk, "ada")
            signed(desk, "nora")


REFUSED: list[tuple[str, Change, str]] = [
    ("id-used", Join("victor", "V", (), public("eve")), "second time"),
    ("id-unsafe", Join("../eve", "Eve", (), public("eve")), "an id that is not"),
    ("key-of-another", Join("eve", "Eve", (), public("victor")), "one person as two"),
    ("key-garbage", Join("eve", "Eve", (), "AAAA"), "not base64 of 32"),
    ("name-empty", Join("eve", "", (), public("eve")), "printable"),
    ("name-two-lines", Join("eve", "Eve\nAda", (), public("eve")), "printable"),
    ("nothing-new", ChangeRoles("victor", (Role.VALIDATOR,)), "changes nothing"),
    ("key-used-before", NewKey("victor", public("victor")), "one key of 'victor' twice"),
    ("no-such-key", RevokeKey("victor", public("ada")), "does not have"),
]


@pytest.mark.parametrize(("change", "found"), [pytest.param(c, f, id=i) for i, c, f in REFUSED])
def test_a_change_that_cannot_be_is_refused_and_nothing_waits(desk: Desk, change: Change, found: str) -> None:
    with pytest.raises(RuleBroken, match=found):
        proposed(desk, change, "ada")
    assert not desk.draft.exists()


def test_a_change_of_nobody_names_who_there_is(desk: Desk) -> None:
    with pytest.raises(UnknownPerson, match="'mallory'"):
        proposed(desk, Leave("mallory"), "ada")


def test_the_last_two_administrators_stay(desk: Desk) -> None:
    proposed(desk, Leave("nora"), "ada")
    signed(desk, "amir")
    with pytest.raises(RuleBroken, match="fewer than two administrators"):
        proposed(desk, Leave("amir"), "ada", NOW + DAY)
    assert not desk.draft.exists()


def test_one_change_waits_at_a_time_and_may_be_withdrawn(desk: Desk) -> None:
    proposed(desk, Leave("victor"), "ada")
    with pytest.raises(DraftRefused, match="waits already"):
        proposed(desk, JOIN, "amir")
    with pytest.raises(NotHeld, match="administrator"):
        proposals.withdraw(desk, "victor", SECRET["victor"], NOW)
    with pytest.raises(RuleBroken, match="not one of 'amir'"):
        proposals.withdraw(desk, "amir", SECRET["victor"], NOW)
    proposals.withdraw(desk, "amir", SECRET["amir"], NOW)
    with pytest.raises(DraftRefused, match="is not there"):
        signed(desk, "amir")
    with pytest.raises(DraftRefused, match="nothing to withdraw"):
        proposals.withdraw(desk, "amir", SECRET["amir"], NOW)
    proposed(desk, JOIN, "amir")


def test_a_draft_made_on_an_older_version_is_refused(desk: Desk) -> None:
    proposed(desk, Leave("victor"), "ada")
    old = desk.draft.read_bytes()
    proposals.withdraw(desk, "ada", SECRET["ada"], NOW)
    proposed(desk, JOIN, "ada")
    signed(desk, "amir")
    desk.draft.write_bytes(old)
    before = snapshot(desk)
    with pytest.raises(DraftRefused, match="does not follow"):
        signed(desk, "amir")
    assert snapshot(desk) == before
    proposed(desk, Leave("eve"), "ada", NOW + DAY)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        pytest.param(lambda data: data[:-30], "not well formed", id="truncated"),
        pytest.param(lambda data: b"[]", "not well formed", id="a-list"),
        pytest.param(lambda data: data.replace(b'"Eve"', b'"Eva"'), "0 valid", id="altered"),
        pytest.param(lambda data: data.replace(b'"by":"ada"', b'"by":"amir"'), "0 valid", id="renamed"),
        pytest.param(lambda data: data.replace(b'"demo"', b'"demo":true,"demo"'), "twice", id="repeated"),
    ],
)
def test_a_broken_draft_is_refused(desk: Desk, change: Callable[[bytes], bytes], found: str) -> None:
    proposed(desk, JOIN, "ada")
    desk.draft.write_bytes(change(desk.draft.read_bytes()))
    before = snapshot(desk)
    with pytest.raises(DraftRefused, match=found):
        signed(desk, "amir")
    assert snapshot(desk) == before


@pytest.mark.parametrize(
    "late", [pytest.param(-timedelta(seconds=1), id="clock-set-back"), pytest.param(8 * DAY, id="late")]
)
def test_a_draft_is_signed_within_seven_days_after_it(desk: Desk, late: timedelta) -> None:
    proposed(desk, JOIN, "ada")
    before = snapshot(desk)
    with pytest.raises(DraftRefused, match="not within 7 days"):
        signed(desk, "amir", NOW + late)
    assert snapshot(desk) == before


def test_a_clock_set_back_proposes_nothing(desk: Desk) -> None:
    with pytest.raises(RuleBroken, match="dated before"):
        proposed(desk, Leave("victor"), "ada", START - DAY)


def test_a_read_only_disk_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    proposed(desk, JOIN, "ada")
    before = snapshot(desk)

    def refuse(path: Path, data: bytes, mode: int = 0) -> None:
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(drafts, "replace", refuse)
    with pytest.raises(OSError, match="Read-only"):
        signed(desk, "amir")
    assert snapshot(desk) == before
    monkeypatch.undo()
    signed(desk, "amir")


def test_a_stop_after_the_switch_leaves_a_draft_that_is_over(desk: Desk) -> None:
    proposed(desk, JOIN, "ada")
    left = desk.draft.read_bytes()
    signed(desk, "amir")
    desk.draft.write_bytes(left)
    proposed(desk, Leave("eve"), "amir", NOW + DAY)
    signed(desk, "ada", NOW + DAY)


def test_what_was_shown_is_signed_and_not_what_lies_there_meanwhile(desk: Desk) -> None:
    proposed(desk, JOIN, "ada")
    shown = proposals.waiting(desk)
    proposals.withdraw(desk, "nora", SECRET["nora"], NOW)
    proposed(desk, ChangeRoles("nora", (Role.ADMINISTRATOR, Role.OPERATOR)), "ada")
    trust = proposals.countersign(desk, shown, "amir", SECRET["amir"], NOW)
    assert [record.id for record in trust.versions[-1].changes] == ["eve"]


def test_a_draft_is_signed_once(desk: Desk) -> None:
    proposed(desk, JOIN, "ada")
    shown = proposals.waiting(desk)
    signed(desk, "amir")
    with pytest.raises(RuleBroken, match="does not follow"):
        proposals.countersign(desk, shown, "nora", SECRET["nora"], NOW)


FOUNDERS = {"ada": public("ada"), "amir": public("amir")}


def test_two_administrators_found_a_banks_list(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "trust.json", tmp_path / "trust.draft.json", "bank")
    draft = proposals.found(desk, FOUNDERS, "ada", SECRET["ada"], START)
    assert not desk.trust_file.exists()
    with pytest.raises(RuleBroken, match="already"):
        signed(desk, "ada")
    signed(desk, "amir")
    pinned = Desk(desk.trust_file, desk.draft, "bank", draft.digest).trust()
    assert pinned is not None
    assert [p.id for p in pinned.with_role(Role.ADMINISTRATOR, START)] == ["ada", "amir"]
    with pytest.raises(RuleBroken, match="is one already"):
        proposals.found(desk, FOUNDERS, "ada", SECRET["ada"], START)


@pytest.mark.parametrize(
    ("founders", "by", "found"),
    [
        pytest.param({"ada": public("ada")}, "ada", "fewer than two", id="one"),
        pytest.param({**FOUNDERS, "amir": public("ada")}, "ada", "as two", id="one-key"),
        pytest.param(FOUNDERS, "eve", "0 valid", id="by-another"),
        pytest.param({**FOUNDERS, "Amir": public("eve")}, "ada", "an id that is not", id="unsafe"),
    ],
)
def test_a_founding_that_cannot_be_is_refused(
    founders: dict[str, str], by: str, found: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path / "trust.json", tmp_path / "trust.draft.json", "bank")
    with pytest.raises(RuleBroken, match=found):
        proposals.found(desk, founders, by, SECRET[by], START)
    assert snapshot(desk) == {}


def test_nothing_is_proposed_before_there_is_a_list(tmp_path: Path) -> None:
    with pytest.raises(RuleBroken, match="found one first"):
        proposed(Desk(tmp_path / "trust.json", tmp_path / "d.json", "bank"), JOIN, "ada")


def test_a_draft_says_in_plain_words_what_it_changes(desk: Desk) -> None:
    proposed(desk, ChangeRoles("victor", (Role.VALIDATOR, Role.AUDITOR)), "ada")
    [words] = proposals.explain(desk, proposals.waiting(desk))
    assert words == "victor (Victor) is validator, auditor from now on; it was validator."
