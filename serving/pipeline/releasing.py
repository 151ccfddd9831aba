"""The step from trained models to a signed release that is current."""

from collections.abc import Sequence

from crm_rules.policy import Policy
from feature_repo.features.services import SERVED
from feature_repo.packed_rows import open_rows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import DemoPeople, exported, now
from serving.pipeline.step import Outcome
from training.gates import Gate
from training.promotion import Candidate, Promotion, promote
from training.registry import Registry
from training.release.assemble import read_part
from training.release.credit import CreditRisk
from training.release.manifest import Origin
from training.rule_parts import policy_part, products_part, reasons_part


def release(settings: Settings, source: Source, models: Sequence[Candidate], people: DemoPeople) -> Outcome:
    """Write the rule parts, have two demo people sign every part, verify, switch."""
    candidates = [*models, *_rule_parts(settings, source, models, people.author)]
    origin = Origin(
        feature_views={**SERVED, "owned": _owned(settings)},
        data_window={"from": source.starts, "to": source.ends},
        source={"name": source.name, "digest": source.digest},
    )
    made = promote(settings.releases, candidates, origin, people.signers, people.trust, now())
    registry = Registry(settings)
    for model in models:
        if model.part in made.promoted:
            registry.set_champion(model.part, model.run["version"])
    return _outcome(settings, made, candidates, people)


def _owned(settings: Settings) -> tuple[str, ...]:
    with open_rows(settings) as rows:
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
