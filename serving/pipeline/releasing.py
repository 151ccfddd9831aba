"""The step from trained models to a signed release that is current."""

import json
from collections.abc import Sequence
from pathlib import Path

from crm_rules.policy import Policy
from feature_repo.features.columns import VIEWS
from feature_repo.packed_rows import PackedRows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import DemoPeople, exported, now
from serving.pipeline.journal import digest_of_folder
from serving.pipeline.step import Outcome
from training.gates import Gate
from training.promotion import Candidate, Promotion, promote
from training.release.assemble import read_part
from training.release.credit import CreditRisk
from training.release.manifest import Origin
from training.rule_parts import POLICIES, policy_part, products_part, reasons_part


def release(settings: Settings, source: Source, models: Sequence[Candidate], people: DemoPeople) -> Outcome:
    """Write the rule parts, have two demo people sign every part, verify, switch."""
    candidates = [*models, *_rule_parts(settings, source, models, people.author)]
    origin = Origin(
        feature_views={**VIEWS, "owned": _owned(settings)},
        data_window={"from": source.starts, "to": source.ends},
        source={"name": source.name, "digest": source.digest},
    )
    made = promote(settings.releases, candidates, origin, people.signers, people.trust, now())
    return _outcome(settings, made, candidates, people)


def _owned(settings: Settings) -> tuple[str, ...]:
    with PackedRows.open(settings.online) as rows:
        return rows.columns()["owned"]


def _rule_parts(
    settings: Settings, source: Source, models: Sequence[Candidate], author: str
) -> list[Candidate]:
    folders = {name: exported(settings, name) for name in ("policy", "products", "reasons")}
    gates = {
        "policy": policy_part(folders["policy"]),
        "products": products_part(folders["products"], settings.raw, source.end),
        "reasons": reasons_part(folders["reasons"], _credit_columns(models)),
    }
    return [
        Candidate(name, folders[name], tuple(gates[name]), author, {"author": author}) for name in folders
    ]


def _credit_columns(models: Sequence[Candidate]) -> tuple[str, ...]:
    columns: set[str] = set()
    for model in models:
        if model.part == "credit_risk":
            members = CreditRisk.read(read_part(model.part, model.folder)).members
            columns.update(*(member.columns for member in members.values()))
    return tuple(sorted(columns))


def _outcome(
    settings: Settings, made: Promotion, candidates: Sequence[Candidate], people: DemoPeople
) -> Outcome:
    gates = sum(len(c.gates) for c in candidates if c.part in made.promoted)
    policy = Policy.load(exported(settings, "policy") / "policy.toml")
    lines = [
        f"release {made.release[:16]} is current (switch number {made.number}): {', '.join(made.promoted)}",
        f"{gates} gates passed; every part signed by {people.names()}: "
        f"demo keys, they count in the demo profile only",
        f"policy {policy.version}; files, signatures and approvals verified before anything was parsed",
    ]
    lines += [f"not promoted: {_refusal(c)}" for c in made.refused]
    figures: dict[str, object] = {
        "release": made.release,
        "number": made.number,
        "promoted": list(made.promoted),
        "refused": {c.part: [g.as_json() for g in c.gates if not g.passed] for c in made.refused},
    }
    return Outcome(len(made.promoted), tuple(lines), figures)


def _refusal(candidate: Candidate) -> str:
    failed: list[Gate] = [gate for gate in candidate.gates if not gate.passed]
    return f"{candidate.part} ({'; '.join(f'{g.name} {g.value:g}, limit {g.limit:g}' for g in failed)})"


def keep_candidate(folder: Path, candidate: Candidate) -> None:
    """Keep a trained candidate beside its part, for a later promotion."""
    record = {
        "part": candidate.part,
        "folder": str(candidate.folder),
        "gates": [gate.as_json() for gate in candidate.gates],
        "requested_by": candidate.requested_by,
        "run": dict(candidate.run),
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{candidate.part}.json").write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")


def kept_candidate(folder: Path, part: str) -> Candidate:
    """The candidate kept under that name."""
    record = json.loads((folder / f"{part}.json").read_text())
    gates = tuple(Gate(**gate) for gate in record["gates"])
    return Candidate(part, Path(record["folder"]), gates, record["requested_by"], record["run"])


def rules_digest() -> str:
    """A digest of the policy and the reason catalogue as they are in the checkout."""
    return digest_of_folder(POLICIES)
