from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import NotApproved
from crm_rules.governance.approvals import approve, sign_record, verify_evidence, verify_record
from crm_rules.governance.changes import RevokeKey
from crm_rules.governance.people import Role, Trust
from crm_rules.governance.roll import Version

JUNE = datetime(2026, 6, 1, tzinfo=UTC)
AT = datetime(2026, 3, 1, tzinfo=UTC)
GATES: list[dict[str, Any]] = [{"name": "auc_out_of_time", "value": 0.81, "limit": 0.7, "passed": True}]
DIGEST = "ab" * 32
OPERATORS = (Role.OPERATOR,)
UNFAIR = {"name": "women", "kind": "fairness", "value": 0.7, "limit": 0.8, "passed": False}
Keys = Mapping[str, Ed25519PrivateKey]
Evidence = dict[str, Any]


@pytest.fixture
def request_for() -> Evidence:
    return {
        "part": "credit_risk",
        "part_digest": DIGEST,
        "gates": [dict(gate) for gate in GATES],
        "run": {"mlflow_run": "r1", "version": "1", "author": "dana"},
        "requested_by": "dana",
        "request": "R1",
        "tier": "medium",
        "needs": ["validator", "risk_approver"],
        "soft": ["fairness"],
        "waivers": [],
        "pia": "PIA-7",
        "based_on": "",
        "validate_by": "2027-09-01",
        "origin": {},
    }


def signed(request: Evidence, signing: Keys) -> Evidence:
    approvals = [
        approve(request, person, role, AT, signing[person]).as_json()
        for person, role in (("victor", Role.VALIDATOR), ("rita", Role.RISK_APPROVER))
    ]
    return {**request, "approvals": approvals}


@pytest.fixture
def evidence(signing: Keys, request_for: Evidence) -> Evidence:
    return signed(request_for, signing)


def test_two_people_in_two_roles_approve_a_part(evidence: Evidence, trust: Trust) -> None:
    verify_evidence(evidence, "credit_risk", DIGEST, trust)


def _drop(role: str) -> Callable[[Evidence], None]:
    def change(evidence: Evidence) -> None:
        evidence["approvals"] = [a for a in evidence["approvals"] if a["role"] != role]

    return change


CHANGES: list[tuple[str, Callable[[Evidence], Any], str]] = [
    ("no-validator", _drop("validator"), "nobody signed as validator"),
    ("no-approver", _drop("risk_approver"), "nobody signed as risk_approver"),
    ("gate-moved", lambda e: e["gates"][0].update(value=0.99), "signature of 'victor'"),
    ("gate-failed", lambda e: e["gates"][0].update(passed=False), "did not pass"),
    ("softened", lambda e: e.update(soft=["fairness", "discrimination"]), "signature of 'victor'"),
    ("tier-lowered", lambda e: e.update(tier="low"), "signature of 'victor'"),
    ("somebody-more-needed", lambda e: e["needs"].append("compliance"), "signature of 'victor'"),
    ("pia-exchanged", lambda e: e.update(pia="PIA-8"), "signature of 'victor'"),
    ("waived-after", lambda e: e["waivers"].append({"gate": "women"}), "not well formed"),
    ("gate-only-truthy", lambda e: e["gates"][0].update(passed="no"), "did not pass"),
    ("no-gates", lambda e: e.update(gates=[]), "no gate was run"),
    ("author-renamed", lambda e: e["run"].update(author="eve"), "signature of 'victor'"),
    ("requester-renamed", lambda e: e.update(requested_by="eve"), "signature of 'victor'"),
    ("other-part", lambda e: e.update(part="policy"), "another part"),
    ("other-digest", lambda e: e.update(part_digest="cd" * 32), "another digest"),
    ("later-date", lambda e: e["approvals"][0].update(at="2026-03-02T00:00:00+00:00"), "signature"),
    ("date-without-zone", lambda e: e["approvals"][0].update(at="2026-03-01T00:00:00"), "no offset"),
    ("other-signer", lambda e: e["approvals"][1].update(person="victor"), "did not hold the role"),
    ("unknown-signer", lambda e: e["approvals"][1].update(person="mallory"), "not on the trust file"),
    ("unknown-role", lambda e: e["approvals"][1].update(role="king"), "does not count"),
    ("nobody-requested", lambda e: e.pop("requested_by"), "not well formed"),
    ("no-approvals", lambda e: e.pop("approvals"), "not well formed"),
]


@pytest.mark.parametrize(("change", "reason"), [pytest.param(c, r, id=i) for i, c, r in CHANGES])
def test_a_part_is_refused_with_the_reason(
    evidence: Evidence, trust: Trust, change: Callable[[Evidence], Any], reason: str
) -> None:
    change(evidence)
    with pytest.raises(NotApproved, match=reason):
        verify_evidence(evidence, "credit_risk", DIGEST, trust)


def test_one_person_with_both_roles_is_still_one_person(
    trust: Trust, signing: Keys, evidence: Evidence
) -> None:
    both = (Role.VALIDATOR, Role.RISK_APPROVER)
    [first] = trust.versions
    changes = tuple(replace(p, roles=both) for p in first.changes)
    mighty = replace(trust, versions=(replace(first, changes=changes),))
    evidence["approvals"] = [approve(evidence, "rita", role, AT, signing["rita"]).as_json() for role in both]
    with pytest.raises(NotApproved, match="each needs another person"):
        verify_evidence(evidence, "credit_risk", DIGEST, mighty)


@pytest.mark.parametrize(
    ("author", "requester"),
    [
        pytest.param("victor", "dana", id="author-signs"),
        pytest.param("Victor (demo)", "dana", id="author-by-name"),
        pytest.param("dana", "rita", id="requester-signs"),
    ],
)
def test_nobody_approves_what_they_wrote_or_requested(
    author: str, requester: str, request_for: Evidence, signing: Keys, trust: Trust
) -> None:
    request_for["run"]["author"], request_for["requested_by"] = author, requester
    with pytest.raises(NotApproved, match="wrote or requested"):
        verify_evidence(signed(request_for, signing), "credit_risk", DIGEST, trust)


def test_what_was_signed_before_a_revocation_stays_valid(evidence: Evidence, trust: Trust) -> None:
    def revoked(at: datetime) -> Trust:
        rita = RevokeKey("rita", trust.person("rita").keys[0].public_key, at).record(trust, JUNE)
        version = Version(2, JUNE, trust.digest, True, (rita,))
        return replace(trust, versions=(*trust.versions, version))

    verify_evidence(evidence, "credit_risk", DIGEST, revoked(datetime(2026, 3, 2, tzinfo=UTC)))
    with pytest.raises(NotApproved, match="valid key"):
        verify_evidence(evidence, "credit_risk", DIGEST, revoked(AT))


def test_demo_signatures_count_for_nothing_in_a_bank(evidence: Evidence, trust: Trust) -> None:
    with pytest.raises(NotApproved, match="not on the trust file"):
        verify_evidence(evidence, "credit_risk", DIGEST, replace(trust, profile="bank"))


@pytest.mark.parametrize(
    ("waiver", "signed_on", "passes"),
    [
        pytest.param(None, 1, False, id="not-waived"),
        pytest.param(
            {"gate": "women", "reason": "small group", "until": "2026-03-01"}, 1, True, id="last-day"
        ),
        pytest.param(
            {"gate": "women", "reason": "small group", "until": "2026-03-01"}, 2, False, id="expired"
        ),
        pytest.param({"gate": "women", "reason": "  ", "until": "2026-05-01"}, 1, False, id="no-reason"),
        pytest.param({"gate": "men", "reason": "small group", "until": "2026-05-01"}, 1, False, id="another"),
    ],
)
def test_a_soft_gate_takes_a_written_waiver_in_force_when_it_is_signed(
    request_for: Evidence, signing: Keys, trust: Trust, waiver: Any, signed_on: int, passes: bool
) -> None:
    request_for["gates"].append(UNFAIR)
    request_for["waivers"] = [waiver] if waiver else []
    at = AT.replace(day=signed_on)
    if not passes:
        with pytest.raises(NotApproved, match="women"):
            approve(request_for, "rita", Role.RISK_APPROVER, at, signing["rita"])
        return
    verify_evidence(signed(request_for, signing), "credit_risk", DIGEST, trust)


def test_a_hard_gate_cannot_be_waived_by_anyone(request_for: Evidence, signing: Keys) -> None:
    request_for["gates"] = [{**GATES[0], "kind": "discrimination", "passed": False}]
    request_for["waivers"] = [{"gate": "auc_out_of_time", "reason": "please", "until": "2027-01-01"}]
    with pytest.raises(NotApproved, match="auc_out_of_time"):
        approve(request_for, "rita", Role.RISK_APPROVER, AT, signing["rita"])


def test_a_part_of_a_high_tier_waits_for_its_third_person(
    request_for: Evidence, signing: Keys, trust: Trust
) -> None:
    request_for["needs"].append("compliance")
    two = signed(request_for, signing)
    with pytest.raises(NotApproved, match="nobody signed as compliance"):
        verify_evidence(two, "credit_risk", DIGEST, trust)
    third = approve(request_for, "carla", Role.COMPLIANCE, AT, signing["carla"]).as_json()
    verify_evidence({**two, "approvals": [*two["approvals"], third]}, "credit_risk", DIGEST, trust)


def test_nobody_can_sign_a_failed_gate(signing: Keys, request_for: Evidence) -> None:
    request_for["gates"] = [{**GATES[0], "passed": False}]
    with pytest.raises(NotApproved, match="auc_out_of_time"):
        approve(request_for, "rita", Role.RISK_APPROVER, AT, signing["rita"])


def _record(signing: Keys, by: str = "otto", **changed: Any) -> dict[str, Any]:
    return sign_record(
        {"release": "r1", "number": 3, "at": AT.isoformat(), "by": by, "role": "operator"} | changed,
        signing[by],
    )


def test_an_operator_signs_what_is_current(trust: Trust, signing: Keys) -> None:
    assert verify_record(_record(signing), trust, OPERATORS, least=3)["release"] == "r1"


def test_an_old_record_played_back_shows(trust: Trust, signing: Keys) -> None:
    with pytest.raises(NotApproved, match="played back"):
        verify_record(_record(signing), trust, OPERATORS, least=4)


@pytest.mark.parametrize("number", [True, "3", 3.0, None])
def test_a_records_number_is_a_whole_number(trust: Trust, signing: Keys, number: object) -> None:
    with pytest.raises(NotApproved):
        verify_record(_record(signing, number=number), trust, OPERATORS)


def test_a_changed_record_or_one_of_another_role_is_refused(trust: Trust, signing: Keys) -> None:
    changed = _record(signing)
    changed["body"]["release"] = "r2"
    with pytest.raises(NotApproved, match="does not fit"):
        verify_record(changed, trust, OPERATORS)
    with pytest.raises(NotApproved, match="did not hold the role operator"):
        verify_record(_record(signing, by="dana"), trust, OPERATORS)
    with pytest.raises(NotApproved, match="not well formed"):
        verify_record({}, trust, OPERATORS)
