"""One person who may write every file and has one key: what such an event in the journal is worth."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import BrokenChain, NotAllowed, UnknownPerson
from crm_rules.governance import holding, promoting
from crm_rules.governance.approvals import approve, sign_record
from crm_rules.governance.journal import Event, Journal, signed
from crm_rules.governance.materiality import MATERIALITY, Materiality
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import Promotions, Request, Status
from crm_rules.governance.session import Signer

AT = datetime(2026, 3, 1, tzinfo=UTC)
RULES = Materiality.load(MATERIALITY)
OLD, NEW = "ab" * 32, "cd" * 32
Body = dict[str, Any]
V, R, C = Role.VALIDATOR, Role.RISK_APPROVER, Role.COMPLIANCE
OP, S = Role.OPERATOR, Role.SCIENTIST


class Bank:
    """A journal where a first request became live, and a second is what a story makes of it."""

    def __init__(self, home: Path, trust: Trust, keys: Mapping[str, Ed25519PrivateKey]) -> None:
        self.journal = Journal.open(home / "governance.db", "", home / "heads")
        self.trust, self._keys = trust, keys
        first = self.ask(OLD)
        for person in ("victor", "rita", "carla"):
            self.approve(first.id, person)
        self.plant("switched", "R1", "carla", C, **self.switch(1, "approval", {"policy": OLD}, "carla", C))

    def who(self, person: str) -> Signer:
        return Signer(self.trust.person(person), self._keys[person])

    def evidence(self, digest: str, **changed: Any) -> Body:
        tier = RULES.tier_of("policy", 10_000)
        return {
            "part": "policy", "part_digest": digest, "run": {"author": "dana"}, "pia": "", "tier": tier.name,
            "gates": [{"name": "KS", "kind": "content", "value": 1, "limit": 1, "passed": True}],
            "needs": [str(role) for role in tier.needs], "soft": list(tier.rules.soft),
            "based_on": "" if digest == OLD else OLD, "waivers": [], "validate_by": "2027-03-01",
            "origin": {}, **changed,
        }  # fmt: skip

    def ask(self, digest: str, **changed: Any) -> Request:
        made = [self.evidence(digest, **changed)]
        return promoting.ask(self.journal, self.trust, RULES, made, self.who("dana"), AT, "")

    def approve(self, request: str, person: str, at: datetime = AT) -> Request:
        return promoting.approve(self.journal, self.trust, RULES, 10_000, request, self.who(person), None, at)

    def switch(self, number: int, cause: str, parts: Body, by: str, role: Role, **changed: Any) -> Body:
        told = {"release": "ef" * 32, "number": number, "by": by, "role": str(role), "at": AT.isoformat(),
                "trust": self.trust.number, **changed}  # fmt: skip
        return {"number": number, "release": "ef" * 32, "parts": parts, "cause": cause, "reason": "",
                "record": sign_record(told, self._keys[by])}  # fmt: skip

    def plant(self, kind: str, subject: str, by: str, role: Role, at: datetime = AT, /, **body: Any) -> Event:
        """What somebody with the journal's database and one key can write there; the chain fits."""
        with self.journal.writing() as turn:
            return turn.append(signed(kind, subject, by, role, at, body, self._keys[by]))

    def sign(self, request: str, by: str, role: Role) -> Body:
        evidence = self.state.request(request).evidence["policy"]
        return {"policy": approve(evidence, by, role, AT, self._keys[by]).as_json()}

    @property
    def state(self) -> Promotions:
        return promoting.read(self.journal, self.trust)


@pytest.fixture
def bank(tmp_path: Path, trust: Trust, signing: Mapping[str, Ed25519PrivateKey]) -> Iterator[Bank]:
    made = Bank(tmp_path, trust, signing)
    yield made
    made.journal.close()


def _role_not_held(bank: Bank) -> None:
    bank.plant("approved", bank.ask(NEW).id, "dana", V, approvals={"policy": {"person": "dana", "role": V}})


def _role_not_needed(bank: Bank) -> None:
    bank.plant("approved", bank.ask(NEW).id, "otto", OP, approvals={"policy": {"person": "otto", "role": OP}})


def _own_request(bank: Bank) -> None:
    with bank.journal.writing() as turn:
        made = {**bank.evidence(NEW), "request": "R2", "requested_by": "carla"}
        turn.append(
            signed("requested", "R2", "carla", C, AT, {"parts": [made], "note": ""}, bank._keys["carla"])
        )
    bank.plant("approved", "R2", "carla", C, approvals=bank.sign("R2", "carla", C))


def _requester_hidden(bank: Bank) -> None:
    made = {**bank.evidence(NEW), "request": "R2", "requested_by": "dana"}
    bank.plant("requested", "R2", "carla", C, parts=[made], note="")


def _number_of_another(bank: Bank) -> None:
    made = {**bank.evidence(NEW), "request": "R1", "requested_by": "dana"}
    bank.plant("requested", "R1", "dana", S, parts=[made], note="")


def _comes_signed(bank: Bank) -> None:
    copied = bank.state.request("R1").evidence["policy"]["approvals"]
    made = {**bank.evidence(NEW), "request": "R2", "requested_by": "dana", "approvals": copied}
    bank.plant("requested", "R2", "dana", S, parts=[made], note="")


def _word_of_another(bank: Bank) -> None:
    given = {"policy": bank.state.request("R1").evidence["policy"]["approvals"][0]}
    bank.plant("approved", bank.ask(NEW).id, "carla", C, approvals=given)


def _twice(bank: Bank) -> None:
    request = bank.ask(NEW).id
    bank.approve(request, "carla")
    bank.plant("approved", request, "carla", C, approvals=bank.sign(request, "carla", C))


def _after_a_rejection(bank: Bank) -> None:
    request = bank.ask(NEW).id
    bank.approve(request, "victor")
    promoting.reject(bank.journal, bank.trust, request, bank.who("rita"), AT, "no")
    bank.plant("approved", request, "carla", C, approvals=bank.sign(request, "carla", C))


def _refused_by_a_gate(bank: Bank) -> None:
    bad = [{"name": "KS", "kind": "content", "value": 0, "limit": 1, "passed": False}]
    request = bank.ask(NEW, gates=bad).id
    bank.plant("approved", request, "carla", C, approvals={"policy": {"person": "carla", "role": C}})


def _live_rejected(bank: Bank) -> None:
    bank.plant("rejected", "R1", "victor", V, reason="to block every promotion")


def _switch_by_nobody(bank: Bank) -> None:
    body = bank.switch(2, "approval", {"policy": OLD}, "dana", S)
    bank.plant("switched", "R1", "dana", S, **body)


def _switch_to_a_live_request_again(bank: Bank) -> None:
    bank.plant("switched", "R1", "victor", V, **bank.switch(2, "approval", {"policy": OLD}, "victor", V))


def _switch_to_what_waits(bank: Bank) -> None:
    request = bank.ask(NEW).id
    bank.plant("switched", request, "victor", V, **bank.switch(2, "approval", {"policy": NEW}, "victor", V))


def _approved(bank: Bank) -> str:
    request = bank.ask(NEW).id
    for person in ("victor", "rita", "carla"):
        bank.approve(request, person)
    return request


def _switch_with_more(bank: Bank) -> None:
    body = bank.switch(2, "approval", {"policy": NEW, "reasons": OLD}, "victor", V)
    bank.plant("switched", _approved(bank), "victor", V, **body)


def _switch_with_a_number_seen(bank: Bank) -> None:
    bank.plant(
        "switched", _approved(bank), "victor", V, **bank.switch(1, "approval", {"policy": NEW}, "victor", V)
    )


def _record_of_another(bank: Bank) -> None:
    body = bank.switch(2, "approval", {"policy": NEW}, "victor", V, release="00" * 32)
    bank.plant("switched", _approved(bank), "victor", V, **body)


def _record_of_a_later_trust_file(bank: Bank) -> None:
    body = bank.switch(2, "approval", {"policy": NEW}, "victor", V, trust=99)
    bank.plant("switched", _approved(bank), "victor", V, **body)


def _rollback_by_a_validator(bank: Bank) -> None:
    bank.plant("switched", "policy", "victor", V, **bank.switch(2, "rollback", {"policy": OLD}, "victor", V))


def _rollback_to_what_was_never_live(bank: Bank) -> None:
    bank.plant("switched", "policy", "otto", OP, **bank.switch(2, "rollback", {"policy": NEW}, "otto", OP))


def _hold_by_marketing(bank: Bank) -> None:
    bank.plant("held", "H99", "mia", Role.MARKETING, part="*", reason="a strike", due="2026-01-01")


def _placed(bank: Bank) -> str:
    return holding.place_hold(bank.journal, bank.trust, RULES, bank.who("victor"), "policy", "odd", AT)


def _hold_lifted_by_who_placed_it(bank: Bank) -> None:
    bank.plant("lifted", _placed(bank), "victor", V, reason="never mind")


def _hold_lifted_by_a_scientist(bank: Bank) -> None:
    bank.plant("lifted", _placed(bank), "dana", S, reason="in my way")


def _hold_taken_over(bank: Bank) -> None:
    bank.plant("held", _placed(bank), "rita", R, part="policy", reason="mine now", due="2099-01-01")


def _validated_by_a_scientist(bank: Bank) -> None:
    bank.plant("validated", "policy", "dana", S, part="policy", digest=OLD, until="2030-01-01", reason="fine")


def _validated_for_ever(bank: Bank) -> None:
    bank.plant(
        "validated", "policy", "victor", V, part="policy", digest=OLD, until="9999-01-01", reason="fine"
    )


def _validated_another_version(bank: Bank) -> None:
    bank.plant(
        "validated", "policy", "victor", V, part="policy", digest=NEW, until="2027-01-01", reason="fine"
    )


def _an_old_event_again(bank: Bank) -> None:
    """True in every word, and of a time that is over."""
    hold = _placed(bank)
    held = bank.journal.events()[-1]
    later = AT + timedelta(days=1)
    holding.lift(bank.journal, bank.trust, RULES, hold, bank.who("rita"), later, "done", 10_000)
    with bank.journal.writing() as turn:
        bank.journal.rows.insert(held.row(), turn._appender)


def _no_event(bank: Bank) -> None:
    bank.plant("crowned", "dana", "dana", S)


def _no_body(bank: Bank) -> None:
    bank.plant("requested", "R2", "dana", S, parts=7)


def _hidden(bank: Bank) -> None:
    made = {**bank.evidence(NEW), "request": "R2", "requested_by": "dana", "pia": "fine\x1b[3A"}
    bank.plant("requested", "R2", "dana", S, parts=[made], note="")


def _no_parts(bank: Bank) -> None:
    bank.plant("requested", "R2", "dana", S, parts=[], note="")


def _no_evidence(bank: Bank) -> None:
    bank.plant("requested", "R2", "dana", S, parts=[{"part": "policy"}], note="")


ATTACKS = [
    pytest.param(_role_not_held, "did not hold the role validator", id="role-not-held"),
    pytest.param(_role_not_needed, "the request needs no operator", id="role-not-needed"),
    pytest.param(_own_request, "'carla' wrote or requested it", id="own-request"),
    pytest.param(_requester_hidden, "of another request or requester", id="requester-hidden"),
    pytest.param(_number_of_another, "it would be request R2", id="request-overwritten"),
    pytest.param(_comes_signed, "comes with approvals", id="approvals-of-another-request"),
    pytest.param(_word_of_another, "its approvals are of others", id="approval-of-another-person"),
    pytest.param(_twice, "somebody signed as compliance already", id="signed-twice"),
    pytest.param(_after_a_rejection, "request R2 is rejected", id="approved-after-a-rejection"),
    pytest.param(_refused_by_a_gate, "request R2 is refused", id="approved-after-a-gate-said-no"),
    pytest.param(_live_rejected, "request R1 is live", id="live-one-rejected"),
    pytest.param(_switch_by_nobody, "no scientist switches", id="switched-by-a-scientist"),
    pytest.param(_switch_to_a_live_request_again, "was live already", id="switched-to-an-old-approval"),
    pytest.param(_switch_to_what_waits, "R2 is not approved", id="switched-to-what-waits"),
    pytest.param(_switch_with_more, "gives other parts", id="switched-with-another-part"),
    pytest.param(_switch_with_a_number_seen, "number 1 is not above 1", id="switched-under-an-old-number"),
    pytest.param(_record_of_another, "its record is of another switch", id="record-of-another-release"),
    pytest.param(_record_of_a_later_trust_file, "trust file yet to come", id="record-nobody-can-read"),
    pytest.param(_rollback_by_a_validator, "an operator alone rolls back", id="rolled-back-by-a-validator"),
    pytest.param(_rollback_to_what_was_never_live, "was never live", id="rolled-back-to-the-unapproved"),
    pytest.param(_hold_by_marketing, "no marketing places a hold", id="held-by-marketing"),
    pytest.param(_hold_lifted_by_who_placed_it, "'victor' caused it", id="lifted-by-who-placed-it"),
    pytest.param(_hold_lifted_by_a_scientist, "no scientist lifts a hold", id="lifted-by-a-scientist"),
    pytest.param(_hold_taken_over, "a hold of that id is open", id="hold-taken-over"),
    pytest.param(_validated_by_a_scientist, "no scientist validates", id="validated-by-a-scientist"),
    pytest.param(_validated_for_ever, "good for too long", id="validated-for-ever"),
    pytest.param(_validated_another_version, "was not live", id="validated-what-is-not-live"),
    pytest.param(_an_old_event_again, "before the one before it", id="old-event-played-back"),
    pytest.param(_no_event, "there is no such event", id="unknown-kind"),
    pytest.param(_hidden, "hides signs", id="a-text-that-hides-signs"),
    pytest.param(_no_parts, "it names no part", id="no-parts"),
    pytest.param(_no_body, "it is not well formed", id="no-body"),
    pytest.param(_no_evidence, "it is not well formed", id="no-evidence"),
]  # fmt: skip


@pytest.mark.parametrize(("attack", "why"), ATTACKS)
def test_what_its_signer_could_not_do_has_no_effect_and_is_named(
    bank: Bank, attack: Callable[[Bank], None], why: str
) -> None:
    assert bank.state.ignored == ()
    attack(bank)
    [told] = bank.state.ignored
    planted = bank.journal.events()[-1]
    assert told.startswith(f"entry {planted.seq} ({planted.kind} {planted.subject}) does not count: ")
    assert why in told
    assert bank.state.live == {"policy": OLD}
    assert bank.journal.verify().intact


def test_a_planted_event_keeps_nobody_from_going_on(bank: Bank) -> None:
    _no_body(bank)
    _hold_by_marketing(bank)
    request = bank.ask(NEW)
    assert request.id == "R3"
    for person in ("victor", "rita", "carla"):
        request = bank.approve(request.id, person)
    assert request.status is Status.APPROVED


def test_a_rollback_that_places_no_hold_for_its_review_is_named(bank: Bank) -> None:
    body = bank.switch(2, "approval", {"policy": NEW}, "carla", C)
    bank.plant("switched", _approved(bank), "carla", C, **body)
    bank.plant("switched", "policy", "otto", OP, **bank.switch(3, "rollback", {"policy": OLD}, "otto", OP))
    assert bank.state.ignored == ("switch 3 is a rollback without its review",)
    bank.plant("rejected", "R1", "victor", V, reason="what comes next")
    assert bank.state.ignored[0] == "switch 3 is a rollback without its review"


SOFTER = [
    pytest.param({"needs": ["validator", "risk_approver"]}, "signatures", id="one-signature-less"),
    pytest.param({"soft": ["content", "pia"]}, "gates to be waived", id="a-hard-gate-made-soft"),
    pytest.param({"validate_by": "2099-01-01"}, "a validation", id="validated-for-ever"),
    pytest.param({"waivers": [{"gate": "KS", "reason": "x", "until": "2099-01-01", "id": ""}]}, "a waiver",
                 id="waived-for-ever"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "named"), SOFTER)
def test_a_request_made_with_less_than_its_tier_asks_is_not_approved(
    bank: Bank, changed: Body, named: str
) -> None:
    request = bank.ask(NEW, **changed)
    with pytest.raises(NotAllowed, match=rf"asked for with less \({named}\)"):
        bank.approve(request.id, "victor")


def test_an_author_whom_nobody_knows_hides_nobody(bank: Bank) -> None:
    with pytest.raises(UnknownPerson, match="'Victor '"):
        bank.ask(NEW, run={"author": "Victor "})


ALTERED = [
    pytest.param("UPDATE events SET body = replace(body, '2026-03-01', '2099-03-01') WHERE kind = 'held'",
                 "entry 6 (6): its content was altered", id="a-hold-put-off"),
    pytest.param("DELETE FROM events WHERE kind = 'held'", "entry 6 (6): its content is gone",
                 id="a-hold-deleted"),
    pytest.param("INSERT INTO events SELECT 99, 'lifted', subject, person, role, at, body, signature, salt"
                 " FROM events WHERE kind = 'held'", "event 99: it is in no chain", id="an-event-put-in"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "named"), ALTERED)
def test_nobody_decides_on_a_journal_that_was_edited_by_hand(bank: Bank, statement: str, named: str) -> None:
    """An altered event would have no effect, and a hold is gone that way: so nothing goes on at all."""
    _placed(bank)
    bank.journal._database.ask(statement)
    for step in (lambda: bank.ask(NEW), lambda: bank.approve("R1", "victor")):
        with pytest.raises(BrokenChain) as refused:
            step()
        assert named in str(refused.value)


def test_an_event_in_somebody_elses_name_stops_promotion_though_its_chain_fits(bank: Bank) -> None:
    with bank.journal.writing() as turn:
        made = signed("lifted", "H6", "rita", R, AT, {"reason": "by dana"}, bank._keys["dana"])
        turn.append(made)
    assert "the signature of 'rita' does not fit it" in bank.state.ignored[0]
    with pytest.raises(BrokenChain, match=r"entry 6 \(lifted H6\) is not what 'rita' signed"):
        bank.ask(NEW)
