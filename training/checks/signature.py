"""Does the part read what it was trained on, in that order, and nothing it may not read?"""

from collections.abc import Iterator

from feature_repo.features.application import APPLICATION_COLUMNS
from feature_repo.features.columns import COLUMNS, PROTECTED, PURPOSES
from feature_repo.features.services import PURPOSE_OF
from training.checks.subject import Candidate
from training.gates import Gate, at_most
from training.version import Version

OF_THE_REQUEST = frozenset(APPLICATION_COLUMNS)
SERVICE_WITH_REQUEST = "credit_risk_v1"
SHOWN = 3


def signature(candidate: Candidate) -> Iterator[Gate]:
    """Columns out of order, outside the feature service, without owner or purpose, or protected."""
    version = candidate.version
    if not version.documented or not candidate.members:
        why = "the part cannot be read" if version.documented else "the version left no record of its columns"
        yield at_most("signature", "columns it may not read", float("nan"), 0.0, note=why)
        return
    order = [each for name in candidate.members for each in _order(candidate, name)]
    yield _none("columns in another order than trained, or not trained on", order)
    read = {column for member in candidate.members.values() for column in member.reads}
    yield _none("columns outside the feature service, or without owner or purpose", _outside(version, read))
    yield _none("protected columns, or forbidden for the model's purpose", _forbidden(version, read))


def _order(candidate: Candidate, name: str) -> list[str]:
    proof = candidate.proof.get(name)
    if proof is None:
        return [f"{name}: no recorded order"]
    reads = candidate.members[name].reads
    same = zip(reads, proof.reads, strict=False)
    wrong = [f"{name}: {ours}" for ours, theirs in same if ours != theirs]
    return wrong + [f"{name}: {len(reads)} columns, trained on {len(proof.reads)}"] * (
        len(reads) != len(proof.reads)
    )


def _outside(version: Version, read: set[str]) -> list[str]:
    made = version.record.lineage
    owned = {column.name for column in made.columns if column.owner and column.purposes}
    allowed = owned | (OF_THE_REQUEST if made.service == SERVICE_WITH_REQUEST else frozenset())
    return sorted(read - allowed)


def _forbidden(version: Version, read: set[str]) -> list[str]:
    purpose = PURPOSE_OF.get(version.record.lineage.service)
    allowed = PURPOSES[purpose] if purpose else frozenset(COLUMNS) - PROTECTED
    return sorted((read & frozenset(COLUMNS)) - allowed)


def _none(title: str, found: list[str]) -> Gate:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return at_most("signature", title, float(len(found)), 0.0, note=", ".join(found[:SHOWN]) + more)
