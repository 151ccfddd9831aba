"""A release tried beside the current one: who may begin, change and end it, and what a crash leaves."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_rules.errors import NotAllowed
from crm_rules.governance.approvals import sign_record
from crm_rules.governance.candidates import CANDIDATE, Mode, Tryout
from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import signed
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import Status
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit
from monitoring.promotion_audit import EVERY
from tests.conftest import AT, Tiny
from tests.promoted import candidate, changed_policy, opened, promoted_tiny, sign
from training import trying
from training.promotion import Office
from training.release.candidate_record import (
    candidate_record,
    candidate_record_of,
    last_candidate_seen,
    set_candidate,
)
from training.release.current import current, last_seen
from training.release.errors import ForgedRecord, StaleNumber
from training.release.verify import verify

CANARY, SHADOW = Tryout(Mode.CANARY, 10), Tryout(Mode.SHADOW, 100)


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A bank where everything was promoted at AT."""
    return promoted_tiny(tmp_path_factory.mktemp("promoted") / "home")


@pytest.fixture(scope="module")
def trying_one(promoted: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The same bank while R2, a policy with another cut-off, is tried on ten percent of its customers."""
    tiny = copied(promoted, tmp_path_factory.mktemp("tried") / "home")
    with opened(tiny) as desk:
        asked = desk.ask([changed_policy(tiny)], tiny.origin, tiny.signer("dana"), AT, "", CANARY)
        assert sign(desk, tiny, asked, AT) is None
    return tiny


def copied(tiny: Tiny, home: Path) -> Tiny:
    shutil.copytree(tiny.home, home)
    parts = {name: home / folder.relative_to(tiny.home) for name, folder in tiny.parts.items()}
    return replace(tiny, home=home, parts=parts)


@pytest.fixture
def tiny(trying_one: Tiny, tmp_path: Path) -> Tiny:
    """A copy of it, to be changed."""
    return copied(trying_one, tmp_path / "home")


@pytest.fixture
def desk(tiny: Tiny) -> Iterator[Office]:
    with opened(tiny) as made:
        yield made


def problems(tiny: Tiny) -> list[str]:
    checks = audit(Evidence(Settings(home=tiny.home, profile="demo")), EVERY)
    return [problem for check in checks for problem in check.problems]


def test_the_last_signature_names_a_candidate_and_what_is_current_goes_on(desk: Office, tiny: Tiny) -> None:
    before, request = desk.state().switches[-1], desk.state().request("R2")
    record = candidate_record(tiny.releases, tiny.trust, last_candidate_seen(desk.heads))
    assert record is not None
    assert (record.tryout, record.number, record.by) == (CANARY, 1, "carla")
    assert record.release != before.release
    assert verify(tiny.releases, record.release, tiny.trust)
    assert current(tiny.releases, tiny.trust).release == before.release
    assert request.status is Status.APPROVED
    assert desk.state().live["policy"] != request.parts["policy"]
    assert problems(tiny) == []


def test_without_any_candidate_there_is_no_record(promoted: Tiny) -> None:
    seen = last_candidate_seen(Heads(promoted.home / "heads"))
    assert candidate_record(promoted.releases, promoted.trust, seen) is None


def test_a_candidate_that_is_finished_becomes_current_and_ends(desk: Office, tiny: Tiny) -> None:
    record = candidate_record(tiny.releases, tiny.trust)
    switch = trying.make_current(desk, tiny.signer("otto"), AT)
    ended = candidate_record(tiny.releases, tiny.trust, 2)
    assert record is not None
    assert ended is not None
    assert (switch.release, switch.number, ended.release) == (record.release, 2, "")
    assert current(tiny.releases, tiny.trust, last_seen(desk.heads)).release == switch.release
    assert desk.state().request("R2").status is Status.LIVE
    assert (desk.state().candidate, desk.state().ignored, problems(tiny)) == (None, (), [])


def test_a_candidate_that_is_ended_leaves_what_is_current_and_cannot_come_back(
    desk: Office, tiny: Tiny
) -> None:
    before = current(tiny.releases, tiny.trust)
    trying.end(desk, tiny.signer("otto"), AT, "more complaints")
    found = desk.state().request("R2")
    assert (found.status, found.why) == (Status.ENDED, "otto: more complaints")
    assert current(tiny.releases, tiny.trust) == before
    with pytest.raises(NotAllowed, match="it does not wait any more: ended"):
        desk.approve("R2", tiny.signer("victor"), AT)
    with pytest.raises(NotAllowed, match="no release is tried"):
        trying.make_current(desk, tiny.signer("otto"), AT)
    again = desk.ask([changed_policy(tiny)], tiny.origin, tiny.signer("dana"), AT, "", SHADOW)
    assert again.status is Status.WAITS  # another may come now
    assert problems(tiny) == []


def test_the_share_changes_under_a_rising_number(desk: Office, tiny: Tiny) -> None:
    made = trying.change_share(desk, 50, tiny.signer("otto"), AT)
    record = candidate_record(tiny.releases, tiny.trust, 2)
    assert record is not None
    assert (made.tryout.percent, record.tryout, record.number) == (50, Tryout(Mode.CANARY, 50), 2)
    assert problems(tiny) == []


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_share_is_one_to_a_hundred(desk: Office, tiny: Tiny, percent: int) -> None:
    with pytest.raises(ValueError, match="1 to 100 percent"):
        trying.change_share(desk, percent, tiny.signer("otto"), AT)


def test_one_is_tried_at_a_time(desk: Office, tiny: Tiny) -> None:
    with pytest.raises(NotAllowed, match="is tried already"):
        desk.ask([candidate(tiny, "propensity")], tiny.origin, tiny.signer("dana"), AT, "", CANARY)


def test_of_two_that_were_asked_for_together_the_second_waits_for_the_first(
    promoted: Tiny, tmp_path: Path
) -> None:
    tiny = copied(promoted, tmp_path / "home")
    with opened(tiny) as desk:
        one_after_the_other(desk, tiny)


def one_after_the_other(desk: Office, tiny: Tiny) -> None:
    first = desk.ask([changed_policy(tiny)], tiny.origin, tiny.signer("dana"), AT, "", CANARY)
    second = desk.ask([candidate(tiny, "propensity")], tiny.origin, tiny.signer("dana"), AT, "", SHADOW)
    sign(desk, tiny, first, AT)
    with pytest.raises(NotAllowed, match="is tried already"):
        sign(desk, tiny, second, AT)
    trying.end(desk, tiny.signer("otto"), AT, "enough")
    assert desk.approve(second.id, tiny.signer("otto"), AT)[1] is None
    assert desk.state().candidate is not None


def test_before_the_first_release_nothing_is_tried(tmp_path: Path) -> None:
    tiny = promoted_tiny(tmp_path / "home")
    shutil.rmtree(tiny.home / "heads")
    (tiny.home / "governance.db").unlink()
    with opened(tiny) as desk, pytest.raises(NotAllowed, match="no release is current yet"):
        desk.ask([candidate(tiny, "policy")], tiny.origin, tiny.signer("dana"), AT, "", CANARY)


def test_a_candidate_goes_on_while_another_part_is_switched_and_brings_only_its_own(
    desk: Office, tiny: Tiny
) -> None:
    record = candidate_record(tiny.releases, tiny.trust)
    path = tiny.parts["reasons"] / "reasons.toml"
    path.write_text(f"{path.read_text()}\n# another\n")
    switch = sign(
        desk, tiny, desk.ask([candidate(tiny, "reasons")], tiny.origin, tiny.signer("dana"), AT), AT
    )
    assert switch is not None
    assert candidate_record(tiny.releases, tiny.trust) == record
    finished = trying.make_current(desk, tiny.signer("otto"), AT)
    changed = {name for name in switch.parts if switch.parts[name] != finished.parts[name]}
    assert changed == {"policy"}
    assert problems(tiny) == []


def test_a_candidate_whose_champion_was_replaced_is_ended_not_finished(desk: Office, tiny: Tiny) -> None:
    other = desk.ask([changed_policy(tiny, 0.01)], tiny.origin, tiny.signer("dana"), AT)
    assert desk.state().request("R2").status is Status.APPROVED  # it runs: nothing supersedes it
    sign(desk, tiny, other, AT)
    with pytest.raises(NotAllowed, match="another version than is live now"):
        trying.make_current(desk, tiny.signer("otto"), AT)
    trying.end(desk, tiny.signer("otto"), AT, "another policy is live")
    assert problems(tiny) == []


def test_somebody_without_a_right_to_switch_ends_nothing(desk: Office, tiny: Tiny) -> None:
    for act in (
        lambda: trying.end(desk, tiny.signer("dana"), AT, "no"),
        lambda: trying.change_share(desk, 90, tiny.signer("dana"), AT),
        lambda: trying.make_current(desk, tiny.signer("dana"), AT),
    ):
        with pytest.raises(NotAllowed, match="it takes operator"):
            act()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda desk, tiny: trying.end(desk, tiny.signer("otto"), AT, "no"), id="end"),
        pytest.param(lambda desk, tiny: trying.make_current(desk, tiny.signer("otto"), AT), id="finish"),
        pytest.param(lambda desk, tiny: trying.change_share(desk, 60, tiny.signer("otto"), AT), id="share"),
    ],
)
def test_what_a_crash_leaves_between_journal_and_file_the_next_command_finishes(
    desk: Office, tiny: Tiny, act: Callable[[Office, Tiny], Any]
) -> None:
    files = [tiny.releases / name for name in ("candidate.json", "current.json")]
    files += [tiny.home / "heads" / f"{name}.head" for name in ("candidate", "current")]
    before = [path.read_bytes() for path in files]
    act(desk, tiny)
    after = [path.read_bytes() for path in files]
    for path, content in zip(files, before, strict=True):
        path.write_bytes(content)
    assert problems(tiny) == []  # it says what was cut short, and that is none
    with opened(tiny) as again:
        again.finish()
    assert [path.read_bytes() for path in files] == after
    assert problems(tiny) == []


def altered(tiny: Tiny) -> None:
    path = tiny.releases / "candidate.json"
    record = json.loads(path.read_bytes())
    record["body"]["percent"] = 100
    path.write_bytes(canonical(record))


def by_a_scientist(tiny: Tiny) -> None:
    put(tiny, by="dana", role=Role.SCIENTIST)


def by_another_key(tiny: Tiny) -> None:
    put(tiny, key="dana")


def put(
    tiny: Tiny, number: int = 2, by: str = "otto", role: Role = Role.OPERATOR, key: str = "",
    tryout: Tryout = CANARY,
) -> None:  # fmt: skip
    found = candidate_record(tiny.releases, tiny.trust)
    assert found is not None
    signer = replace(tiny.signer(by), key=tiny.key(key or by))
    record = candidate_record_of(found.release, tryout, number, signer, role, AT, tiny.trust)
    (tiny.releases / "candidate.json").write_bytes(canonical(record))


def played_back(tiny: Tiny) -> None:
    path = tiny.releases / "candidate.json"
    old = path.read_bytes()
    with opened(tiny) as desk:
        trying.change_share(desk, 50, tiny.signer("otto"), AT)
    path.write_bytes(old)


def the_record_of_current(tiny: Tiny) -> None:
    tiny.switch(current(tiny.releases, tiny.trust).release, 9)
    shutil.copy(tiny.releases / "current.json", tiny.releases / "candidate.json")


def gone(tiny: Tiny) -> None:
    (tiny.releases / "candidate.json").unlink()


def no_json(tiny: Tiny) -> None:
    (tiny.releases / "candidate.json").write_text("{")


def empty(tiny: Tiny) -> None:
    (tiny.releases / "candidate.json").write_text("{}")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        pytest.param(altered, "does not fit", id="another-share"),
        pytest.param(by_a_scientist, "nobody may sign it as scientist", id="no-right-to-switch"),
        pytest.param(by_another_key, "does not fit", id="another-key"),
        pytest.param(played_back, "old record played back", id="played-back"),
        pytest.param(the_record_of_current, "it is another record", id="a-record-of-current"),
        pytest.param(gone, "it is gone, but number 1 was seen", id="gone"),
        pytest.param(no_json, "candidate", id="no-json"),
        pytest.param(empty, "not well formed", id="empty"),
    ],
)
def test_a_record_that_is_not_what_somebody_signed_last_is_refused(
    desk: Office, tiny: Tiny, spoil: Callable[[Tiny], None], told: str
) -> None:
    spoil(tiny)
    with pytest.raises(ForgedRecord, match=told):
        candidate_record(tiny.releases, tiny.trust, last_candidate_seen(desk.heads))
    assert problems(tiny) != []


def test_the_record_of_a_candidate_passes_for_no_switch(desk: Office, tiny: Tiny) -> None:
    shutil.copy(tiny.releases / "candidate.json", tiny.releases / "current.json")
    with pytest.raises(ForgedRecord, match="it is another record"):
        current(tiny.releases, tiny.trust)


def test_a_record_whose_number_does_not_rise_is_not_put_in_place(desk: Office, tiny: Tiny) -> None:
    record = json.loads((tiny.releases / "candidate.json").read_bytes())
    with pytest.raises(StaleNumber):
        set_candidate(tiny.releases, record, desk.heads)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        pytest.param({"cause": "share", "percent": 99, "mode": "shadow"}, "more than the share", id="mode"),
        pytest.param({"cause": "begin"}, "is tried already", id="a-second-begin"),
        pytest.param({"cause": "finish", "release": "", "parts": {}}, "not live", id="a-finish-of-nothing"),
        pytest.param({"cause": "end"}, "names a release", id="an-end-that-names-one"),
        pytest.param({"cause": "sing"}, "names a release", id="no-such-cause"),
        pytest.param({"cause": "share", "number": 1}, "is not above", id="no-new-number"),
        pytest.param({"cause": "share", "percent": 0}, "not well formed", id="nobody"),
    ],
)
def test_an_event_that_breaks_the_rules_does_not_count_whoever_signed_it(
    desk: Office, tiny: Tiny, change: dict[str, Any], why: str
) -> None:
    now, otto = desk.state().candidates[-1], tiny.signer("otto")
    told: dict[str, Any] = {
        "release": now.release, "parts": dict(now.parts), "reason": "", "mode": "canary", "percent": 20,
        "number": 2, **change,
    }  # fmt: skip
    body = {"release": told["release"], "mode": told["mode"], "percent": told["percent"]}
    with_number = {**body, "number": told["number"], "by": "otto", "role": "operator", "at": AT.isoformat()}
    record = sign_record({**with_number, "trust": tiny.trust.number}, otto.key)
    event = signed(CANDIDATE, now.subject, "otto", Role.OPERATOR, AT, {**told, "record": record}, otto.key)
    with desk.journal.writing() as turn:
        turn.append(event)
    assert why in desk.state().ignored[-1]
    assert desk.state().candidates[-1] == now
