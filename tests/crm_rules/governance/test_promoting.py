"""Who may ask for, approve and reject what: every combination, at the place where the state changes."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import NotAllowed
from crm_rules.governance import promoting
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
