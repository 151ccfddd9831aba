"""Records and approvals that are forged, borrowed, replayed or signed by the wrong people."""

import json
import os
from collections.abc import Callable
from typing import Any

from crm_rules.governance import approvals
from crm_rules.governance.chain import canonical
from crm_rules.governance.people import Role
from tests.conftest import AT, evidence_for
from tests.proofs.hostile.attack import Attack
from tests.proofs.hostile.stage import Stage
from training.release.assemble import write_evidence

Evidence = dict[str, Any]


def evidence(change: Callable[[Evidence, Stage], object]) -> Callable[[Stage], object]:
    """The evidence of the policy changed after it was signed."""

    def make(stage: Stage) -> None:
        path = next((stage.folder / "evidence").glob("policy-*"))
        held = json.loads(path.read_bytes())
        change(held, stage)
        path.write_bytes(canonical(held))

    return make


def signers(*who: tuple[str, Role]) -> Callable[[Stage], object]:
    """The evidence of the policy, signed truly by those people."""

    def make(stage: Stage) -> None:
        manifest = json.loads((stage.folder / "manifest.json").read_bytes())
        held = evidence_for("policy", manifest["parts"]["policy"]["digest"], stage.tiny)
        held["approvals"] = [
            approvals.approve(held, person, role, AT, stage.tiny.key(person)).as_json()
            for person, role in who
        ]
        write_evidence(stage.folder, held)

    return make


def record(change: Callable[[dict[str, Any]], object]) -> Callable[[Stage], object]:
    """The record of the current release changed after it was signed."""

    def make(stage: Stage) -> None:
        path = stage.releases / "current.json"
        held = json.loads(path.read_bytes())
        change(held)
        path.write_bytes(canonical(held))

    return make


def _replayed(stage: Stage) -> None:
    """An older, true record is put back after a later switch."""
    path = stage.releases / "current.json"
    old = path.read_bytes()
    stage.tiny.switch(stage.release, 2)
    path.write_bytes(old)
    stage.least = 2


def _by(person: str) -> Callable[[Stage], object]:
    return lambda s: s.tiny.switch(s.release, 2, by=person)


def _in_the_name_of_otto(stage: Stage) -> None:
    stage.tiny.switch(stage.release, 2, key="dana")


def _record_twice(stage: Stage) -> None:
    path = stage.releases / "current.json"
    path.write_bytes(path.read_bytes().replace(b'{"body":', b'{"body":{},"body":', 1))


def _evidence_twice(stage: Stage) -> None:
    path = next((stage.folder / "evidence").glob("policy-*"))
    path.write_bytes(path.read_bytes().replace(b'{"approvals":', b'{"approvals":[],"approvals":', 1))


def _borrowed(held: Evidence, stage: Stage) -> None:
    other = next((stage.folder / "evidence").glob("reasons-*"))
    held["approvals"] = json.loads(other.read_bytes())["approvals"]


def _of_another_part(held: Evidence, stage: Stage) -> None:
    other = next((stage.folder / "evidence").glob("reasons-*"))
    held.clear()
    held.update(json.loads(other.read_bytes()))


def _own_trust(stage: Stage) -> None:
    path = stage.tiny.home / "trust.json"
    held = json.loads(path.read_bytes())
    held["versions"][0]["body"]["changes"][0]["roles"] = ["operator", "validator"]
    path.write_bytes(canonical(held))


VICTOR, RITA, OTTO = ("victor", Role.VALIDATOR), ("rita", Role.RISK_APPROVER), ("otto", Role.VALIDATOR)

ATTACKS = (
    Attack("older-record-played-back", _replayed, "an old record played back"),
    Attack("record-by-a-scientist", _by("dana"), "did not hold the role operator"),
    Attack("record-by-a-validator", _by("victor"), "did not hold the role operator"),
    Attack("record-in-anothers-name", _in_the_name_of_otto, "does not fit its content"),
    Attack("record-renumbered", record(lambda r: r["body"].update(number=9)), "does not fit its content"),
    Attack(
        "record-of-another-release", record(lambda r: r["body"].update(release="ab" * 32)), "does not fit"
    ),
    Attack("record-by-somebody-unknown", record(lambda r: r["body"].update(by="mallory")), "'mallory'"),
    Attack("record-with-a-key-twice", _record_twice, "a key occurs twice"),
    Attack("record-without-a-signature", record(lambda r: r.pop("signature")), "not well formed"),
    Attack(
        "record-that-is-a-pickle",
        lambda s: (s.releases / "current.json").write_bytes(s.pickle),
        "no plain JSON",
    ),
    Attack(
        "record-of-eight-gigabytes",
        lambda s: os.truncate(s.releases / "current.json", 8 << 30),
        "larger than",
    ),
    Attack("one-person-signing-twice", signers(VICTOR, VICTOR), "nobody signed as risk_approver"),
    Attack(
        "one-person-in-both-roles", signers(VICTOR, ("victor", Role.RISK_APPROVER)), "did not hold the role"
    ),
    Attack("only-one-signature", signers(VICTOR), "nobody signed as risk_approver"),
    Attack("signature-out-of-role", signers(OTTO, RITA), "did not hold the role validator"),
    Attack("signature-by-the-author", signers(("dana", Role.VALIDATOR), RITA), "did not hold the role"),
    Attack("approval-for-another-part", evidence(_borrowed), "does not fit the part"),
    Attack("evidence-of-another-part", evidence(_of_another_part), "names another part"),
    Attack(
        "approval-for-another-digest", evidence(lambda e, _: e.update(part_digest="0" * 64)), "another digest"
    ),
    Attack(
        "gate-bettered-afterwards", evidence(lambda e, _: e["gates"][0].update(value=99.0)), "does not fit"
    ),
    Attack("gate-that-failed", evidence(lambda e, _: e["gates"][0].update(passed=False)), "did not pass"),
    Attack(
        "gate-passed-in-words-only",
        evidence(lambda e, _: e["gates"][0].update(passed="true")),
        "did not pass",
    ),
    Attack("author-renamed-afterwards", evidence(lambda e, _: e["run"].update(author="x")), "does not fit"),
    Attack(
        "approval-by-somebody-unknown",
        evidence(lambda e, _: e["approvals"][0].update(person="mallory")),
        "'mallory'",
    ),
    Attack(
        "approval-before-the-key-was-known",
        evidence(lambda e, _: e["approvals"][0].update(at="2001-01-01T00:00:00+00:00")),
        "did not hold",
    ),
    Attack("evidence-with-a-key-twice", _evidence_twice, "a key occurs twice"),
    Attack(
        "evidence-that-is-a-list",
        evidence(lambda e, _: e.update(approvals={"person": "rita"})),
        "not well formed",
    ),
    Attack(
        "evidence-left-out",
        lambda s: next((s.folder / "evidence").glob("policy-*")).unlink(),
        "the release has no evidence/policy",
    ),
    Attack("people-who-trust-themselves", _own_trust, "carries 0 valid signature"),
    Attack("demo-keys-in-a-bank", lambda s: setattr(s, "profile", "bank"), "demo"),
)
