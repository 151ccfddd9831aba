"""What a person wants promoted, made ready: each part's files, its gates, where it comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from crm_rules.errors import NotAllowed
from crm_rules.governance.promoting import require_may_ask
from crm_rules.governance.session import Signer
from crm_rules.offers.catalogue import SHIPPED
from crm_rules.policy import STANDARD, Policy
from crm_rules.policy_book import PolicyBook
from crm_rules.segments import RULES
from feature_repo.features.services import SERVED
from feature_repo.packed_rows import open_rows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import exported
from training.candidate import Candidate
from training.checks import check
from training.promotion import Office
from training.release.assemble import read_part
from training.release.credit import CreditRisk
from training.release.manifest import PARTS, REQUIRED, Origin
from training.release.reading import read_release
from training.rule_parts import POLICIES, policy_part, products_part, reasons_part


@dataclass(frozen=True)
class Wish:
    """What somebody asks to be promoted. `waivers` are reasons by a gate's name or kind."""

    parts: tuple[str, ...]
    version: str | None = None
    source: Path | None = None
    segments: Path | None = None
    offers: Path | None = None
    pia: str = ""
    waivers: Mapping[str, str] = field(default_factory=dict)


def candidates(
    settings: Settings, desk: Office, wish: Wish, signer: Signer, at: datetime
) -> tuple[list[Candidate], Origin]:
    """The candidates of a wish with their gates, and the origin of the release they would make.

    NotAllowed before any gate runs where the signer may not ask for it now, and for a waiver of no use.
    """
    if unknown := sorted(set(wish.parts) - set(PARTS)):
        raise NotAllowed(f"Asking for {', '.join(unknown)}", f"there are the parts {', '.join(PARTS)}")
    models = [part for part in wish.parts if part not in REQUIRED]
    if wish.version is not None and len(models) != 1:
        raise NotAllowed(f"--version {wish.version}", "it goes with exactly one model")
    require_may_ask(desk.state(), desk.trust, desk.rules, wish.parts, signer, at)
    made = [model_candidate(settings, desk, part, wish.version, wish.pia) for part in models]
    made += rule_candidates(settings, desk, wish, signer.person.id, made)
    _require_fitting(desk, made, wish.waivers)
    return [_waived(each, wish.waivers) for each in made], origin_of(settings, desk, bool(models))


def model_candidate(settings: Settings, desk: Office, part: str, number: str | None, pia: str) -> Candidate:
    """A registered version, held to the champion that is live."""
    from training.registry import Registry  # MLflow takes seconds to load

    registry, state = Registry(settings), desk.state()
    version = registry.version(part, number)
    live = state.versions.get(part)
    request = state.approved(part, state.live[part]) if part in state.live else None
    reference = pia or (str(request.evidence[part]["pia"]) if request else "")
    run = {"mlflow_run": version.run_id, "version": version.version, "author": version.tags["author"]}
    gates = check(
        version, registry.version(part, live) if live else None, pia=reference, policy=_policy(desk)
    )
    return Candidate(part, version.part, gates, run, reference)


def rule_candidates(
    settings: Settings, desk: Office, wish: Wish, author: str, models: Sequence[Candidate]
) -> list[Candidate]:
    """Policy, product catalogue and reason catalogue as files, with their gates."""
    made = []
    for part in (each for each in wish.parts if each in REQUIRED):
        folder = exported(settings, part)
        if part == "policy":
            gates = policy_part(folder, wish.source or STANDARD, wish.segments or _live_segments(desk))
        elif part == "products":
            offers = wish.offers or _live_offers(desk)
            gates = products_part(folder, settings.raw, Source.read(settings.raw).end, offers)
        else:
            reasons = wish.source or POLICIES / "reasons.toml"
            gates = reasons_part(folder, _credit_columns(desk, models), reasons)
        made.append(Candidate(part, folder, tuple(gates), {"author": author}, wish.pia))
    return made


def origin_of(settings: Settings, desk: Office, anew: bool) -> Origin:
    """Where the release comes from: that of the live one, or for new models the features of today."""
    state = desk.state()
    if state.switches and not anew:
        return read_release(desk.releases, state.switches[-1].release).manifest.origin
    source = Source.read(settings.raw)
    with open_rows(settings) as rows:
        owned = rows.columns()["owned"]
    window = {"from": source.starts, "to": source.ends}
    return Origin({**SERVED, "owned": owned}, window, {"name": source.name, "digest": source.digest})


def _require_fitting(desk: Office, made: Sequence[Candidate], waivers: Mapping[str, str]) -> None:
    """NotAllowed for a waiver that fits no gate that said no, or only hard ones; it names what would fit."""
    no = [(gate, gate.kind in desk.tier(each.part).rules.soft)
          for each in made for gate in each.gates if not gate.passed]  # fmt: skip
    kinds = ", ".join(sorted({gate.kind for gate, soft in no if soft})) or "none"
    for key in waivers:
        fits = [soft for gate, soft in no if key in (gate.name, gate.kind)]
        if not any(fits):
            why = "nobody can waive a hard gate" if fits else "no gate of that name or kind said no"
            raise NotAllowed(f"Waiving '{key}'", f"{why}; those that said no and may be waived: {kinds}")


def _waived(made: Candidate, waivers: Mapping[str, str]) -> Candidate:
    found = {
        gate.name: waivers[key]
        for gate in made.gates
        if not gate.passed
        for key in (gate.name, gate.kind)
        if key in waivers
    }
    return Candidate(made.part, made.folder, made.gates, made.run, made.pia, found)


def _live_segments(desk: Office) -> Path:
    """The segments by rule that are live go on, unless others are named."""
    digest = desk.state().live.get("policy")
    return RULES if digest is None else desk.parts / digest / "segments.toml"


def _live_offers(desk: Office) -> Path:
    """The offers that are live go on, unless others are named."""
    digest = desk.state().live.get("products")
    return SHIPPED if digest is None else desk.parts / digest / "offers.toml"


def _credit_columns(desk: Office, models: Sequence[Candidate]) -> tuple[str, ...]:
    """The columns whose reasons credit can give: of the model asked for, else of the live one."""
    folders = [each.folder for each in models if each.part == "credit_risk"]
    live = desk.state().live.get("credit_risk")
    folders += [desk.parts / live] if live and not folders else []
    columns: set[str] = set()
    for folder in folders:
        members = CreditRisk.read(read_part("credit_risk", folder)).members
        columns.update(*(member.columns for member in members.values()))
    return tuple(sorted(columns))


def _policy(desk: Office) -> Policy:
    """The newest policy of what is live, by whose cut-offs credit is looked at."""
    digest = desk.state().live.get("policy")
    return PolicyBook.load(STANDARD if digest is None else desk.parts / digest / "policy.toml").latest
