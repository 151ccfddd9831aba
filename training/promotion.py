"""From a trained part to what is served: gates, two people, one signed switch.

A candidate is a part's folder with its gate results. Its evidence carries the approvals of a
validator and a risk approver over the part's digest and gates; the release that names it becomes
current by an operator's signature. A candidate whose gates did not all pass is not promoted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.errors import NotApproved
from crm_rules.governance.approvals import approve
from crm_rules.governance.people import Role, Trust
from feature_repo.errors import BankError
from training.gates import Gate
from training.release.assemble import assemble, part_digest, write_evidence
from training.release.current import last_number, set_current
from training.release.manifest import REQUIRED, Origin
from training.release.verify import verify


class GateSaidNo(BankError):
    """A part that every release needs did not pass its gates."""

    def __init__(self, part: str, gates: Sequence[Gate]) -> None:
        self.part = part
        self.failed = [gate for gate in gates if not gate.passed]
        found = "; ".join(f"{g.name} is {g.value}, limit {g.limit}" for g in self.failed)
        super().__init__(f"Part '{part}' may not be promoted: {found}. Mend it and train again.")


@dataclass(frozen=True)
class Candidate:
    """A part that asks to be served. `run` names the MLflow run, version and author of a model."""

    part: str
    folder: Path
    gates: tuple[Gate, ...]
    requested_by: str
    run: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)


def candidate_file(folder: Path, part: str) -> Path:
    """Where a trained candidate is kept."""
    return folder / f"{part}.json"


def keep_candidate(folder: Path, candidate: Candidate) -> None:
    """Keep a trained candidate, for its promotion later."""
    record = {
        "part": candidate.part,
        "folder": str(candidate.folder),
        "gates": [gate.as_json() for gate in candidate.gates],
        "requested_by": candidate.requested_by,
        "run": dict(candidate.run),
    }
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, sort_keys=True) + "\n"
    candidate_file(folder, candidate.part).write_text(text)


def kept_candidate(folder: Path, part: str) -> Candidate:
    """The candidate kept under that name."""
    record = json.loads(candidate_file(folder, part).read_text())
    gates = tuple(Gate.from_json(gate) for gate in record["gates"])
    return Candidate(part, Path(record["folder"]), gates, record["requested_by"], record["run"])


@dataclass(frozen=True)
class Signers:
    """Who signs: each role's person id and private key."""

    people: Mapping[Role, tuple[str, Ed25519PrivateKey]]

    def of(self, role: Role) -> tuple[str, Ed25519PrivateKey]:
        """The person and key of a role."""
        return self.people[role]


@dataclass(frozen=True)
class Promotion:
    """What was promoted and what was not. `number` is that of the signed switch."""

    release: str
    number: int
    promoted: tuple[str, ...]
    refused: tuple[Candidate, ...]


def promote(
    releases: Path,
    candidates: Sequence[Candidate],
    origin: Origin,
    signers: Signers,
    trust: Trust,
    at: datetime,
) -> Promotion:
    """Assemble, approve, verify as serving will, and switch to the new release.

    Parts whose gates failed are left out and named; GateSaidNo when a release cannot be without
    one of them. The switch comes last, so that a failure leaves the old release current.
    """
    passed = [candidate for candidate in candidates if candidate.passed]
    refused = tuple(candidate for candidate in candidates if not candidate.passed)
    for candidate in refused:
        if candidate.part in REQUIRED:
            raise GateSaidNo(candidate.part, candidate.gates)
    release = assemble(releases, {c.part: c.folder for c in passed}, origin)
    for candidate in passed:
        write_evidence(releases / release, _evidence(candidate, signers, at))
    by, key = signers.of(Role.OPERATOR)
    number = switch(releases, release, by, key, trust, at)
    return Promotion(release, number, tuple(c.part for c in passed), refused)


def switch(releases: Path, release: str, by: str, key: Ed25519PrivateKey, trust: Trust, at: datetime) -> int:
    """Make a release current, forward or back; the number of the switch.

    Everything in it is verified first. NotApproved when `by` is no operator.
    """
    verify(releases, release, trust)
    if not trust.person(by).may(Role.OPERATOR, at):
        raise NotApproved(f"The switch to {release[:16]}", f"'{by}' is no operator")
    number = last_number(releases) + 1
    set_current(releases, release, number, by, at, key)
    return number


def _evidence(candidate: Candidate, signers: Signers, at: datetime) -> dict[str, object]:
    evidence: dict[str, object] = {
        "part": candidate.part,
        "part_digest": part_digest(candidate.part, candidate.folder),
        "gates": [gate.as_json() for gate in candidate.gates],
        "run": dict(candidate.run),
        "requested_by": candidate.requested_by,
    }
    signed = [
        approve(evidence, person, role, at, key).as_json()
        for role in (Role.VALIDATOR, Role.RISK_APPROVER)
        for person, key in [signers.of(role)]
    ]
    return {**evidence, "approvals": signed}
