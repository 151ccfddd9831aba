"""`bank rules`: what the rules are, and whether a policy is well formed."""

from pathlib import Path
from typing import Annotated

import typer

rules = typer.Typer(help="The rules, with their laws and effects.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the same as data.")]


def print_table(rows: list[dict[str, str]], as_json: bool) -> None:
    """Print rows as aligned columns, or the same as one JSON list."""
    if as_json:
        import json

        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    widths = {key: max(len(row[key]) for row in rows) for key in (rows[0] if rows else ())}
    for row in rows:
        typer.echo("  ".join(f"{text:<{widths[key]}}" for key, text in row.items()).rstrip())


@rules.command("list")
def list_rules(as_json: AsJson = False) -> None:
    """Every rule: code, effect, law, and the sentence a person reads."""
    from crm_rules.compliance.conduct import CONDUCT_RULES
    from crm_rules.lending.policy import LENDING_RULES
    from crm_rules.offers.screening import OFFER_RULES

    every = [(r.code, r.effect, r.law, r.doc) for r in OFFER_RULES]
    every += [(r.code, r.effect, r.law, r.doc) for r in LENDING_RULES]
    every += [(r.code, r.effect, r.law, r.doc) for r in CONDUCT_RULES]
    rows = [
        {"code": code, "effect": str(effect), "law": law, "meaning": doc} for code, effect, law, doc in every
    ]
    print_table(rows, as_json)


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
    print_table(rows, as_json)
    if not as_json:
        learned = sorted({name for name in read.targeting.segments if name not in ruled.ids})
        typer.echo(
            f"policy {read.version} and {len(rows)} segments by rule ({ruled.version}) are well formed"
        )
        if learned:
            typer.echo(f"The policy also names {learned}; a release knows whether its model has them.")
