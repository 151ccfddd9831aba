"""From a request to what runs: whose word counts, what is recorded, and what a crash leaves."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crm_rules.errors import (
    BrokenChain,
    ClockSetBack,
    InvalidPolicy,
    NotAllowed,
    NotApproved,
    UnknownRequest,
)
from crm_rules.governance import holding
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import Request, Status
from feature_repo.errors import BankError
from tests.conftest import AT, Tiny
from tests.promoted import GOOD, candidate, changed_policy, opened, promoted_tiny, sign
from training.candidate import Candidate
from training.gates import Gate
from training.promotion import Office
from training.release.assemble import assemble
from training.release.current import current, last_seen, record_of, set_current
from training.release.errors import ForgedRecord
from training.release.reading import read_release
from training.release.verify import verify
from training.rule_parts import reasons_part

DAY = timedelta(days=1)
BAD = replace(GOOD, value=0.1, passed=False)
UNFAIR = Gate("fairness", "impact of age", 0.7, 0.8, False)


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A bank of 10,000 customers where everything of the tiny bank was promoted at AT."""
    return promoted_tiny(tmp_path_factory.mktemp("promoted") / "home")


@pytest.fixture
def tiny(promoted: Tiny, tmp_path: Path) -> Tiny:
    """A copy of it, to be changed."""
    home = shutil.copytree(promoted.home, tmp_path / "home")
    parts = {name: home / folder.relative_to(promoted.home) for name, folder in promoted.parts.items()}
    return replace(promoted, home=home, parts=parts)


@pytest.fixture
def desk(tiny: Tiny) -> Iterator[Office]:
    with opened(tiny) as made:
        yield made


def ask(desk: Office, tiny: Tiny, made: Candidate, by: str = "dana", at: datetime = AT) -> Request:
    return desk.ask([made], tiny.origin, tiny.signer(by), at)


def test_the_first_release_is_made_by_the_last_signature_and_verifies(desk: Office, tiny: Tiny) -> None:
    live = current(tiny.releases, tiny.trust)
    assert (live.number, last_seen(desk.heads)) == (1, 1)
    assert set(verify(tiny.releases, live.release, tiny.trust).manifest.parts) == set(tiny.parts)
    assert desk.journal.verify(tiny.trust).intact


def test_a_cut_off_changes_alone(desk: Office, tiny: Tiny) -> None:
    before = desk.state().live
    switch = sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    assert switch is not None
    assert {name for name in before if before[name] != switch.parts[name]} == {"policy"}
    assert current(tiny.releases, tiny.trust).release == switch.release


def test_what_is_approved_is_what_runs_whatever_becomes_of_the_original(desk: Office, tiny: Tiny) -> None:
    made = changed_policy(tiny)
    wanted = (made.folder / "policy.toml").read_bytes()
    request = ask(desk, tiny, made)
    (made.folder / "policy.toml").write_bytes(b"something else")
    switch = sign(desk, tiny, request, AT)
    assert switch is not None
    assert verify(tiny.releases, switch.release, tiny.trust).part("policy")["policy.toml"] == wanted


def test_one_part_rolls_back_alone_and_its_review_is_due(desk: Office, tiny: Tiny) -> None:
    first = desk.state().live
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    switch = desk.roll_back("policy", tiny.signer("otto"), AT + DAY, "complaints")
    assert switch.parts == first
    [hold] = desk.state().holds.open.values()
    assert (hold.part, hold.by, hold.due) == ("policy", "otto", "2026-03-09")
    late = AT + 8 * DAY
    with pytest.raises(NotAllowed, match="a hold blocks it: H"):
        ask(desk, tiny, changed_policy(tiny, 0.04), at=late)
    with pytest.raises(NotAllowed, match="'otto' has the roles operator"):
        lift(desk, tiny, hold.id, "otto", late)
    lift(desk, tiny, hold.id, "rita", late)
    assert ask(desk, tiny, changed_policy(tiny, 0.04), at=late).status is Status.WAITS


def lift(desk: Office, tiny: Tiny, hold: str, by: str, at: datetime) -> None:
    holding.lift(desk.journal, desk.trust, desk.rules, hold, tiny.signer(by), at, "looked at", desk.customers)


def test_only_an_operator_rolls_back(desk: Office, tiny: Tiny) -> None:
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    for by in ("dana", "victor", "rita", "ada", "aude", "una", "rolf", "mia", "carla"):
        with pytest.raises(NotAllowed, match="it takes operator"):
            desk.roll_back("policy", tiny.signer(by), AT, "I may not")
    assert desk.roll_back("policy", tiny.signer("otto"), AT, "I may").cause == "rollback"


def test_one_person_signs_once_and_a_role_is_filled_once(desk: Office, tiny: Tiny) -> None:
    request = ask(desk, tiny, changed_policy(tiny))
    desk.approve(request.id, tiny.signer("rita"), AT)
    with pytest.raises(NotAllowed, match="'rita' has signed it; each role needs another person"):
        desk.approve(request.id, tiny.signer("rita"), AT)
    with pytest.raises(NotAllowed, match="'rita' has signed as risk_approver already"):
        desk.approve(request.id, tiny.signer("victor"), AT, Role.RISK_APPROVER)
    with pytest.raises(NotAllowed, match="not marketing"):
        desk.approve(request.id, tiny.signer("mia"), AT, Role.MARKETING)


def test_a_gate_that_said_no_is_recorded_and_nobody_can_approve_it(desk: Office, tiny: Tiny) -> None:
    refused = ask(desk, tiny, candidate(tiny, "credit_risk", GOOD, BAD))
    assert (refused.status, refused.why) == (Status.REFUSED, "credit_risk: KS")
    with pytest.raises(NotAllowed, match="refused"):
        desk.approve(refused.id, tiny.signer("rita"), AT)
    waived = replace(candidate(tiny, "credit_risk", BAD), waivers={"KS": "please"})
    assert ask(desk, tiny, waived).status is Status.REFUSED


def test_a_soft_gate_takes_a_waiver_which_expires(desk: Office, tiny: Tiny) -> None:
    made = candidate(tiny, "credit_risk", GOOD, UNFAIR)
    assert ask(desk, tiny, made).status is Status.REFUSED
    waived = ask(desk, tiny, replace(made, waivers={UNFAIR.name: "small group"}))
    assert waived.status is Status.WAITS
    with pytest.raises(NotAllowed, match=r"not waived today: \['impact of age'\]"):
        desk.approve(waived.id, tiny.signer("rita"), AT + 91 * DAY)
    assert sign(desk, tiny, waived, AT + 90 * DAY) is not None


def test_a_refused_request_supersedes_nothing_a_good_one_does(desk: Office, tiny: Tiny) -> None:
    first = ask(desk, tiny, changed_policy(tiny))
    ask(desk, tiny, candidate(tiny, "policy", BAD))
    assert desk.state().request(first.id).status is Status.WAITS
    ask(desk, tiny, changed_policy(tiny, 0.04))
    with pytest.raises(NotAllowed, match=r"superseded \(by R"):
        desk.approve(first.id, tiny.signer("rita"), AT)


def test_what_was_compared_with_another_champion_is_asked_for_again(desk: Office, tiny: Tiny) -> None:
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    waiting = ask(desk, tiny, changed_policy(tiny, 0.04))
    desk.roll_back("policy", tiny.signer("otto"), AT, "complaints")
    with pytest.raises(NotAllowed, match="compared with another version than is live"):
        desk.approve(waiting.id, tiny.signer("rita"), AT)


def test_a_request_whose_files_are_gone_or_changed_is_not_approved(desk: Office, tiny: Tiny) -> None:
    request = ask(desk, tiny, changed_policy(tiny))
    kept = desk.parts / request.parts["policy"] / "policy.toml"
    kept.write_text(kept.read_text() + "\n")
    with pytest.raises(NotAllowed, match="gone or were changed"):
        desk.approve(request.id, tiny.signer("rita"), AT)
    kept.unlink()
    with pytest.raises(NotAllowed, match="gone or were changed"):
        desk.approve(request.id, tiny.signer("rita"), AT)


def test_somebody_rejects_with_a_reason_and_the_live_one_goes_on(desk: Office, tiny: Tiny) -> None:
    before, request = current(tiny.releases, tiny.trust), ask(desk, tiny, changed_policy(tiny))
    with pytest.raises(NotAllowed, match="takes a reason"):
        desk.reject(request.id, tiny.signer("rita"), AT, "  ")
    with pytest.raises(NotAllowed, match="'aude' has the roles auditor"):
        desk.reject(request.id, tiny.signer("aude"), AT, "no")
    assert desk.reject(request.id, tiny.signer("rita"), AT, "too strict").why == "rita: too strict"
    with pytest.raises(NotAllowed, match="does not wait any more: rejected"):
        desk.approve(request.id, tiny.signer("victor"), AT)
    assert current(tiny.releases, tiny.trust) == before


def test_an_unknown_request_is_named_with_those_that_wait(desk: Office, tiny: Tiny) -> None:
    waiting = ask(desk, tiny, changed_policy(tiny))
    with pytest.raises(UnknownRequest, match=f"waiting are: {waiting.id}"):
        desk.approve("R99", tiny.signer("rita"), AT)


def test_a_policy_that_serving_would_refuse_is_refused_before_anybody_signs(desk: Office, tiny: Tiny) -> None:
    path = tiny.parts["policy"] / "policy.toml"
    path.write_text(path.read_text().replace('["behind_with_payments"]', '["S99"]'))
    with pytest.raises(InvalidPolicy, match="S99"):
        ask(desk, tiny, candidate(tiny, "policy"))
    assert len(desk.state().requests) == 1


def test_an_expired_validation_stops_the_next_promotion_and_not_what_runs(desk: Office, tiny: Tiny) -> None:
    later = AT + 400 * DAY
    verify(tiny.releases, current(tiny.releases, tiny.trust).release, tiny.trust)
    with pytest.raises(NotAllowed, match="its validation expired on 2027-03-01"):
        ask(desk, tiny, candidate(tiny, "credit_risk"), at=later)
    with pytest.raises(NotAllowed, match="it takes validator"):
        lift(desk, tiny, "validation-credit_risk", "rita", later)
    lift(desk, tiny, "validation-credit_risk", "victor", later)
    assert ask(desk, tiny, candidate(tiny, "credit_risk"), at=later).status is Status.WAITS


def test_history_knows_what_decided_on_a_day(desk: Office, tiny: Tiny) -> None:
    first = desk.state().live["policy"]
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny), at=AT + 2 * DAY), AT + 2 * DAY)
    state = desk.state()
    assert state.at(AT - DAY) is None
    before, after = state.at(AT + DAY), state.at(AT + 3 * DAY)
    assert before is not None
    assert after is not None
    assert (before.parts["policy"], after.parts["policy"]) == (first, state.live["policy"])


def test_a_clock_set_back_a_year_records_nothing(desk: Office, tiny: Tiny) -> None:
    with pytest.raises(ClockSetBack, match="Set the clock right"):
        ask(desk, tiny, changed_policy(tiny), at=datetime(2025, 3, 1, tzinfo=UTC))
    assert len(desk.state().requests) == 1


def test_a_switch_that_was_cut_short_is_finished_by_the_next_command(
    desk: Office, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(desk, tiny, changed_policy(tiny))
    before = current(tiny.releases, tiny.trust)
    with monkeypatch.context() as killed:
        killed.setattr(Office, "finish", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sign(desk, tiny, request, AT)
    assert current(tiny.releases, tiny.trust) == before
    switch = desk.finish()
    assert switch is not None
    assert current(tiny.releases, tiny.trust, last_seen(desk.heads)).release == switch.release
    assert desk.journal.verify(tiny.trust).intact


def test_an_approval_that_was_cut_short_before_the_switch_goes_on_from_there(
    desk: Office, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = ask(desk, tiny, changed_policy(tiny))
    with monkeypatch.context() as killed:
        killed.setattr(Office, "go_live", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sign(desk, tiny, request, AT)
    assert desk.state().request(request.id).status is Status.APPROVED
    _, switch = desk.approve(request.id, tiny.signer("rita"), AT)
    assert switch is not None
    assert switch.parts["policy"] == request.parts["policy"]


def test_an_old_record_played_back_shows_by_the_anchored_number(desk: Office, tiny: Tiny) -> None:
    old = (tiny.releases / "current.json").read_bytes()
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    (tiny.releases / "current.json").write_bytes(old)
    with pytest.raises(ForgedRecord, match="old record played back"):
        current(tiny.releases, tiny.trust, last_seen(desk.heads))


def test_history_edited_by_hand_stops_the_next_promotion(desk: Office, tiny: Tiny) -> None:
    desk.journal._database.ask("DELETE FROM events WHERE seq = 5")
    desk.journal._database.ask("DELETE FROM chain WHERE seq = 5")
    with pytest.raises(BrokenChain, match="ends at entry 4, but entry 5 was anchored"):
        ask(desk, tiny, changed_policy(tiny))
    assert "entry 5: it was anchored and is gone" in desk.journal.verify(tiny.trust).problems[0]


def test_nothing_is_signed_on_an_event_that_was_edited_by_hand(desk: Office, tiny: Tiny) -> None:
    request = ask(desk, tiny, changed_policy(tiny))
    sql = "UPDATE events SET body = replace(body, 'PIA-7', 'PIA-8') WHERE seq = 1"
    desk.journal._database.ask(sql)
    for act in (
        lambda: ask(desk, tiny, changed_policy(tiny)),
        lambda: desk.approve(request.id, tiny.signer("victor"), AT),
        lambda: desk.reject(request.id, tiny.signer("victor"), AT, "no"),
        lambda: lift(desk, tiny, "H1", "rita", AT),
    ):
        with pytest.raises(BrokenChain, match=r"its content was altered. Nothing was appended"):
            act()


def test_an_event_changed_by_hand_is_named_even_when_the_chain_is_made_to_fit(
    desk: Office, tiny: Tiny
) -> None:
    events = desk.journal.events()
    body = json.dumps({**events[0].body, "note": "harmless"})
    desk.journal._database.ask("UPDATE events SET body = ? WHERE seq = 1", (body,))
    found = desk.journal.verify(tiny.trust)
    assert "governance entry 1 (1): its content was altered" in found.problems[0]
    assert any("signature of 'dana' does not fit" in each for each in found.problems)


def test_nothing_is_half_switched_on_a_read_only_disk(
    desk: Office, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, before = ask(desk, tiny, changed_policy(tiny)), current(tiny.releases, tiny.trust)

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr("training.release.assemble.write_files", refuse)
        with pytest.raises(OSError, match="Read-only"):
            sign(desk, tiny, request, AT)
    assert current(tiny.releases, tiny.trust) == before
    assert len(desk.state().switches) == 1
    assert desk.journal.verify(tiny.trust).intact


def test_a_release_of_approved_parts_over_other_columns_than_approved_is_refused(
    desk: Office, tiny: Tiny
) -> None:
    """A validator alone, with every file: the same parts and signatures, two columns exchanged."""
    live = desk.state().switches[-1]
    view = next(name for name, columns in tiny.origin.feature_views.items() if len(columns) > 1)
    exchanged = (*reversed(tiny.origin.feature_views[view]),)
    origin = replace(tiny.origin, feature_views={**tiny.origin.feature_views, view: exchanged})
    made = assemble(tiny.releases, {name: desk.parts / digest for name, digest in live.parts.items()}, origin)
    shutil.copytree(tiny.releases / live.release / "evidence", tiny.releases / made / "evidence")
    record = record_of(made, 2, tiny.signer("victor"), Role.VALIDATOR, AT, tiny.trust)
    set_current(tiny.releases, record, desk.heads)
    named = current(tiny.releases, tiny.trust, last_seen(desk.heads))
    with pytest.raises(NotApproved, match="no part of it was approved for its feature views and data"):
        verify(tiny.releases, named.release, tiny.trust)


def test_a_model_that_brought_other_columns_rolls_back_with_them(desk: Office, tiny: Tiny) -> None:
    other = replace(tiny.origin, data_window={"from": "2026-01-01", "to": "2026-02-01"})
    path = tiny.parts["segmentation"] / "reference.json"
    path.write_text('{"bins": []}')
    request = desk.ask([candidate(tiny, "segmentation", version="2")], other, tiny.signer("dana"), AT)
    newer = sign(desk, tiny, request, AT)
    assert newer is not None
    assert read_release(tiny.releases, newer.release).manifest.origin == other
    older = desk.roll_back("segmentation", tiny.signer("otto"), AT, "worse")
    assert verify(tiny.releases, older.release, tiny.trust).manifest.origin == tiny.origin


@pytest.mark.parametrize(("between", "why"), [
    pytest.param("hold", "a hold blocks it: H", id="a-hold"),
    pytest.param("rollback", "compared with another version than is live", id="a-rollback"),
    pytest.param("time", r"not waived today: \['impact of age'\]", id="the-end-of-a-waiver"),
])  # fmt: skip
def test_what_came_between_the_last_signature_and_the_switch_stops_the_switch(
    desk: Office, tiny: Tiny, monkeypatch: pytest.MonkeyPatch, between: str, why: str
) -> None:
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    waived = replace(changed_policy(tiny, 0.04), gates=(GOOD, UNFAIR), waivers={UNFAIR.name: "few"})
    request = ask(desk, tiny, waived)
    with monkeypatch.context() as killed:
        killed.setattr(Office, "go_live", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            sign(desk, tiny, request, AT)
    if between == "hold":
        holding.place_hold(desk.journal, desk.trust, desk.rules, tiny.signer("aude"), "*", "look", AT)
    elif between == "rollback":
        desk.roll_back("policy", tiny.signer("otto"), AT, "complaints")
    before = desk.state().switches
    with pytest.raises(NotAllowed, match=why):
        desk.approve(request.id, tiny.signer("rita"), AT + 91 * DAY if between == "time" else AT)
    assert desk.state().switches == before


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "\x1b[2K", "x" * 2_001])
def test_a_rollback_takes_a_reason_somebody_can_read(desk: Office, tiny: Tiny, reason: str) -> None:
    sign(desk, tiny, ask(desk, tiny, changed_policy(tiny)), AT)
    with pytest.raises(NotAllowed, match="it takes a reason"):
        desk.roll_back("policy", tiny.signer("otto"), AT, reason)


def test_ten_thousand_gates_are_signed_and_evidence_no_release_could_hold_is_refused(
    desk: Office, tiny: Tiny
) -> None:
    many = tuple(replace(GOOD, name=f"KS of branch {number}") for number in range(10_000))
    assert sign(desk, tiny, ask(desk, tiny, replace(changed_policy(tiny), gates=many)), AT) is not None
    with pytest.raises(NotAllowed, match="evidence is above 3 MB"):
        ask(desk, tiny, replace(changed_policy(tiny, 0.04), gates=many * 4))


def test_reasons_pass_when_everything_credit_can_say_has_a_text(tmp_path: Path) -> None:
    assert all(gate.passed for gate in reasons_part(tmp_path / "all", ("balance_last", "tenure_months")))
    [gate] = reasons_part(tmp_path / "one_missing", ("balance_last", "shoe_size"))
    assert isinstance(gate, Gate)
    assert not gate.passed


def test_every_refusal_is_one_sentence_a_person_understands() -> None:
    for error in (NotAllowed("Approving R7", "it waits"), UnknownRequest("R9", ["R7"])):
        assert isinstance(error, BankError)
        assert str(error).endswith(".")
