"""The step from trained models to a signed release that is current."""

from collections.abc import Mapping, Sequence

from crm_rules.governance.promotions import Switch
from crm_rules.policy_book import PolicyBook
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import DemoPeople, exported, now, office
from serving.pipeline.requesting import Wish, model_candidate, origin_of, rule_candidates
from serving.pipeline.step import Outcome
from training.candidate import Candidate, GateSaidNo
from training.promotion import Office
from training.registry import Registry
from training.release.manifest import REQUIRED

DEMO_ASSESSMENT = "DPIA-2026-1"  # one for all models of the demo
DEMO_WAIVER = "demo: accepted to show the way, on a generated bank"


def release(settings: Settings, models: Mapping[str, str], people: DemoPeople) -> Outcome:
    """Run the gates, put everything that passed forward, have the demo people sign it, switch.

    `models` are the versions that were trained, by model. One whose hard gate says no is put forward
    alone, so that the history holds its refusal, and is left out.
    """
    with office(settings, people.trust) as desk:
        desk.finish()
        made = [
            _with_waivers(desk, model_candidate(settings, desk, name, version, DEMO_ASSESSMENT))
            for name, version in models.items()
        ]
        made += rule_candidates(settings, desk, Wish(REQUIRED), people.author, made)
        passed = [each for each in made if not each.refused_by(desk.tier(each.part))]
        refused = [each for each in made if each not in passed]
        origin, author, at = origin_of(settings, desk, anew=True), people.of(people.author), now()
        for each in refused:
            if each.part in REQUIRED:
                raise GateSaidNo(each.part, each.gates)
            desk.ask([each], origin, author, at, "trained by the run")
        request = desk.ask(passed, origin, author, at, "trained by the run")
        switch = None
        for role in request.needs:
            request, switch = desk.approve(request.id, people.who(role), at, role)
        assert switch is not None
        Registry(settings).follow(desk.state().versions)
        return _outcome(settings, desk, switch, passed, refused, people)


def _with_waivers(desk: Office, made: Candidate) -> Candidate:
    """In the demo a soft gate that said no is waived in writing."""
    soft = desk.tier(made.part).rules.soft
    waivers = {gate.name: DEMO_WAIVER for gate in made.gates if not gate.passed and gate.kind in soft}
    return Candidate(made.part, made.folder, made.gates, made.run, made.pia, waivers)


def _outcome(
    settings: Settings, desk: Office, switch: Switch, passed: Sequence[Candidate],
    refused: Sequence[Candidate], people: DemoPeople,
) -> Outcome:  # fmt: skip
    gates = [gate for each in passed for gate in each.gates]
    waived = [f"{each.part}: {name}" for each in passed for name in each.waivers]
    request = desk.state().request(switch.subject)
    signers = ", ".join(
        f"{people.trust.person(person).name} ({role})" for role, person in request.signed.items()
    )
    policy = PolicyBook.load(exported(settings, "policy") / "policy.toml")
    parts = ", ".join(each.part for each in passed)
    lines = [
        f"release {switch.release[:16]} is current (switch {switch.number}): {parts}",
        f"{sum(gate.passed for gate in gates)} of {len(gates)} gates passed; every part signed by {signers}: "
        f"demo keys, they count in the demo profile only",
        f"policy {policy.told}; files, signatures and approvals verified before anything was parsed",
    ]
    lines += [f"waived in writing for a time, as the demo may: {'; '.join(waived)}"] if waived else []
    lines += [f"not promoted: {each.part} ({_refusal(desk, each)})" for each in refused]
    figures: dict[str, object] = {
        "release": switch.release,
        "number": switch.number,
        "promoted": [each.part for each in passed],
        "waived": waived,
        "refused": {each.part: [g.as_json() for g in each.gates if not g.passed] for each in refused},
    }
    return Outcome(len(passed), tuple(lines), figures)


def _refusal(desk: Office, made: Candidate) -> str:
    failed = made.refused_by(desk.tier(made.part))
    return "; ".join(f"{g.name} {g.value:g}, limit {g.limit:g}" for g in failed)
