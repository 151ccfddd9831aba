"""Who may ask for, approve and reject what: every combination, at the place where the state changes."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import InvalidPolicy, NotAllowed, NotCanonical
from crm_rules.governance import holding, promoting
from crm_rules.governance.journal import Journal
from crm_rules.governance.materiality import MATERIALITY, Materiality
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import Request
from crm_rules.governance.session import Signer

AT = datetime(2026, 3, 1, tzinfo=UTC)
RULES = Materiality.load(MATERIALITY)
CAST = {
    "dana": "scientist", "victor": "validator", "rita": "risk_approver", "otto": "operator",
    "ada": "administrator", "aude": "auditor", "una": "underwriter", "rolf": "relationship_manager",
    "mia": "marketing", "carla": "compliance",
}  # fmt: skip
ROLES = ("validator", "risk_approver", "compliance")
Keys = Mapping[str, Ed25519PrivateKey]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path / "governance.db", "", tmp_path / "heads") as opened:
        yield opened


def evidence(part: str, author: str = "dana") -> dict[str, Any]:
    tier = RULES.tier_of(part, 10_000)
    return {
        "part": part, "part_digest": "ab" * 32, "run": {"author": author}, "pia": "PIA-7", "tier": tier.name,
        "gates": [{"name": "KS", "kind": "discrimination", "value": 0.4, "limit": 0.2, "passed": True}],
        "needs": [str(role) for role in tier.needs], "soft": list(tier.rules.soft), "based_on": "",
        "waivers": [], "validate_by": "2027-03-01", "origin": {},
    }  # fmt: skip


def signer(trust: Trust, signing: Keys, person: str) -> Signer:
    return Signer(trust.person(person), signing[person])


def ask(journal: Journal, trust: Trust, by: Signer, part: str, author: str = "dana") -> Request:
    return promoting.ask(journal, trust, RULES, [evidence(part, author)], by, AT, "")


@pytest.mark.parametrize("part", RULES.purpose)
def test_only_who_may_ask_for_a_part_asks_for_it(
    journal: Journal, trust: Trust, signing: Keys, part: str
) -> None:
    asked = set()
    for person in CAST:
        with suppress(NotAllowed):
            ask(journal, trust, signer(trust, signing, person), part)
            asked.add(CAST[person])
    assert asked == set(RULES.requests[part])


@pytest.mark.parametrize("author", CAST)
@pytest.mark.parametrize("requester", ["dana", "una", "mia", "carla"])
def test_every_combination_of_author_requester_approver_and_role(
    journal: Journal, trust: Trust, signing: Keys, requester: str, author: str
) -> None:
    """Allowed is: in a role that is needed, by who holds it, and wrote and requested none of it."""
    passed = set()
    for approver, role in itertools.product(CAST, ROLES):
        request = ask(journal, trust, signer(trust, signing, requester), "policy", author)
        try:
            promoting.approve(
                journal, trust, RULES, 10_000, request.id, signer(trust, signing, approver), Role(role), AT
            )
            passed.add((approver, role))
        except NotAllowed:
            assert promoting.read(journal, trust).request(request.id).signed == {}
    assert passed == {
        (who, CAST[who]) for who in CAST if CAST[who] in ROLES and who not in (author, requester)
    }


@pytest.mark.parametrize("person", CAST)
def test_who_could_sign_or_asked_may_reject(
    journal: Journal, trust: Trust, signing: Keys, person: str
) -> None:
    request = ask(journal, trust, signer(trust, signing, "dana"), "policy")
    if CAST[person] in (*ROLES, "scientist"):
        promoting.reject(journal, trust, request.id, signer(trust, signing, person), AT, "no")
        return
    with pytest.raises(NotAllowed, match="has the roles"):
        promoting.reject(journal, trust, request.id, signer(trust, signing, person), AT, "no")


def test_two_approvals_at_once_leave_one_decision(tmp_path: Path, trust: Trust, signing: Keys) -> None:
    """Two connections race for the last signature; one of them is told that it is done."""
    from concurrent.futures import ThreadPoolExecutor

    def opened() -> Journal:
        return Journal.open(tmp_path / "governance.db", "", tmp_path / "heads")

    for _ in range(10):
        with opened() as journal:
            request = ask(journal, trust, signer(trust, signing, "dana"), "policy")

        def approve(_: int, request: Request = request) -> str:
            with opened() as journal:
                try:
                    promoting.approve(
                        journal, trust, RULES, 10_000, request.id, signer(trust, signing, "rita"), None, AT
                    )
                except NotAllowed as refused:
                    return str(refused)
            return "signed"

        with ThreadPoolExecutor(2) as both:
            told = sorted(both.map(approve, range(2)))
        assert told[1] == "signed"
        assert "'rita' has signed it" in told[0]


HIDDEN = [
    pytest.param("fine\x1b[3A\x1b[2K", id="erases-lines-above"),
    pytest.param("one\ntwo", id="a-line-of-its-own"),
    pytest.param("nul\x00", id="nul"),
    pytest.param("\u202egnp.exe", id="right-to-left"),
    pytest.param("half \ud800", id="half-a-character"),
    pytest.param("x" * 1_000_000, id="a-megabyte"),
]


@pytest.mark.parametrize("text", HIDDEN)
@pytest.mark.parametrize("place", ["note", "pia", "author", "gate", "waiver", "reject", "hold", "lift"])
def test_a_text_that_shows_something_else_than_it_says_is_not_recorded(
    journal: Journal, trust: Trust, signing: Keys, place: str, text: str
) -> None:
    dana, rita = signer(trust, signing, "dana"), signer(trust, signing, "rita")
    made, note = evidence("policy"), text if place == "note" else ""
    waiver = {"gate": "KS", "reason": text, "until": "2026-04-01", "id": ""}
    changed = {"pia": text, "author": {"author": "dana", "version": text}, "gate": [{"name": text}],
               "waiver": [waiver]}  # fmt: skip
    named = {"pia": "pia", "author": "run", "gate": "gates", "waiver": "waivers"}
    if place in changed:
        made[named[place]] = changed[place]
    request = ask(journal, trust, dana, "policy") if place in ("reject", "lift") else None
    hold = holding.place_hold(journal, trust, RULES, signer(trust, signing, "aude"), "*", "look", AT, 9)
    before = journal.events()
    steps = {
        "reject": lambda: promoting.reject(journal, trust, request.id if request else "", rita, AT, text),
        "hold": lambda: holding.place_hold(journal, trust, RULES, rita, "policy", text, AT),
        "lift": lambda: holding.lift(journal, trust, RULES, hold, rita, AT, text, 10_000),
    }
    with pytest.raises(NotAllowed, match=r"signs that are (not )?seen"):
        steps.get(place, lambda: promoting.ask(journal, trust, RULES, [made], dana, AT, note))()
    assert journal.events() == before


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("1e999")])
def test_a_figure_that_is_no_number_is_not_signed(
    journal: Journal, trust: Trust, signing: Keys, number: float
) -> None:
    made = evidence("policy")
    made["gates"][0]["value"] = number
    with pytest.raises(NotCanonical, match="cannot be signed or hashed"):
        promoting.ask(journal, trust, RULES, [made], signer(trust, signing, "dana"), AT, "")
    assert journal.events() == []


@pytest.mark.parametrize("parts", [[], ["policy", "policy"]], ids=["none", "one-twice"])
def test_a_request_names_each_part_once(
    journal: Journal, trust: Trust, signing: Keys, parts: list[str]
) -> None:
    made = [evidence(part) for part in parts]
    with pytest.raises(NotAllowed, match="names each part once"):
        promoting.ask(journal, trust, RULES, made, signer(trust, signing, "dana"), AT, "")


@pytest.mark.parametrize("days", [-1, 731, 10**12])
def test_a_hold_blocks_within_two_years(journal: Journal, trust: Trust, signing: Keys, days: int) -> None:
    with pytest.raises(NotAllowed, match="from 0 to 730 days on"):
        holding.place_hold(journal, trust, RULES, signer(trust, signing, "rita"), "*", "why", AT, days)


@pytest.mark.parametrize("part", ["__proto__", "../policy", "policy\x00", ""])
def test_a_part_nobody_has_heard_of_is_neither_asked_for_nor_held(
    journal: Journal, trust: Trust, signing: Keys, part: str
) -> None:
    with pytest.raises(NotAllowed):
        holding.place_hold(journal, trust, RULES, signer(trust, signing, "rita"), part, "why", AT)
    made = {**evidence("policy"), "part": part}
    with pytest.raises((NotAllowed, InvalidPolicy)):
        promoting.ask(journal, trust, RULES, [made], signer(trust, signing, "dana"), AT, "")
    assert journal.events() == []
