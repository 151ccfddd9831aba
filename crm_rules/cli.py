"""Commands of the rules room: `bank people`, `bank keys`, `bank rules`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

people = typer.Typer(help="The people of the trust file.", no_args_is_help=True)
keys = typer.Typer(help="Signing keys of this machine.", no_args_is_help=True)
rules = typer.Typer(help="The rules, with their laws and effects.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the same as data.")]


@people.callback()
@rules.callback()
def _group() -> None:
    """Keep a group of one command a group."""


def _table(rows: list[dict[str, str]], as_json: bool) -> None:
    if as_json:
        import json

        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    widths = {key: max(len(row[key]) for row in rows) for key in (rows[0] if rows else ())}
    for row in rows:
        typer.echo("  ".join(f"{text:<{widths[key]}}" for key, text in row.items()).rstrip())


@people.command("list")
def list_people(as_json: AsJson = False) -> None:
    """Who may do what, from the verified trust file."""
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings

    settings, now = Settings(), datetime.now(UTC)
    trust = Trust.load(settings.trust_file, settings.profile)
    rows = [
        {
            "id": person.id,
            "name": person.name,
            "roles": ", ".join(person.roles),
            "state": "in force" if any(person.may(role, now) for role in person.roles) else "revoked",
        }
        for person in trust.people
    ]
    _table(rows, as_json)
    if not as_json and trust.demo:
        typer.echo(
            f"These are demo people; their keys lie in {settings.keys} and count in profile demo only."
        )


@keys.command("new")
def new_key(person: Annotated[str, typer.Argument(help="Id of the person the key is for.")]) -> None:
    """Make a signing key; the private part stays on this machine."""
    from crm_rules.governance import keys as ed25519
    from feature_repo.settings import Settings

    path = _key_path(Settings().keys, person)
    public = ed25519.public(ed25519.generate(path))
    typer.echo(f"Private key  {path} (mode 0600, keep a backup)")
    typer.echo(f"Public key   {public}")
    typer.echo("Next: two administrators add the public key to the trust file.")


@keys.command("show")
def show_key(person: Annotated[str, typer.Argument(help="Id of the person.")]) -> None:
    """Print the public part of a key on this machine."""
    from crm_rules.governance import keys as ed25519
    from feature_repo.settings import Settings

    typer.echo(ed25519.public(ed25519.load(_key_path(Settings().keys, person))))


def _key_path(folder: Path, person: str) -> Path:
    if not person.replace("-", "").replace("_", "").isalnum():
        raise typer.BadParameter("an id has letters, digits, - and _ only")
    return folder / f"{person}.pem"


@rules.command("list")
def list_rules(as_json: AsJson = False) -> None:
    """Every rule: code, effect, law, and the sentence a person reads."""
    from crm_rules.lending.policy import LENDING_RULES
    from crm_rules.offers.screening import OFFER_RULES

    every = [(r.code, r.effect, r.law, r.doc) for r in OFFER_RULES]
    every += [(r.code, r.effect, r.law, r.doc) for r in LENDING_RULES]
    rows = [
        {"code": code, "effect": str(effect), "law": law, "meaning": doc} for code, effect, law, doc in every
    ]
    _table(rows, as_json)


@rules.command("check")
def check_rules(
    policy: Annotated[
        Path | None, typer.Argument(help="A policy file; the shipped one unless given.")
    ] = None,
    segments: Annotated[
        Path | None, typer.Option(help="A file of segments by rule; the shipped one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a policy and the segments by rule strictly; the key or column that is wrong is named."""
    from crm_rules.policy import STANDARD, Policy
    from crm_rules.segments import RULES, RuleSegments

    read, ruled = Policy.load(policy or STANDARD), RuleSegments.load(segments or RULES)
    rows = [
        {
            "segment": one.id,
            "name": f"{one.name_en} {one.name_zh}",
            "where": " and ".join(f"{c.column} {c.comparison} {c.number:g}" for c in one.where),
            "in policy": ", ".join(read.targeting.offers_of(one.id)) or "-",
        }
        for one in ruled.segments
    ]
    _table(rows, as_json)
    if not as_json:
        learned = sorted({name for name in read.targeting.segments if name not in ruled.ids})
        typer.echo(
            f"policy {read.version} and {len(rows)} segments by rule ({ruled.version}) are well formed"
        )
        if learned:
            typer.echo(f"The policy also names {learned}; a release knows whether its model has them.")
