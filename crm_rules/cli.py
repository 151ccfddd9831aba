"""`bank rules list|check`: what the rules are, and whether a policy is well formed."""

import unicodedata
from pathlib import Path
from typing import Annotated

import typer

rules = typer.Typer(help="The rules, with their laws and effects.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print the same as data.")]
SAID_NO = 3


def print_table(rows: list[dict[str, str]], as_json: bool) -> None:
    """Print rows as aligned columns under their names, or the same as one JSON list."""
    if as_json:
        import json

        typer.echo(json.dumps(rows, ensure_ascii=False))
        return
    columns = {key: [key, *(row[key] for row in rows)] for key in (rows[0] if rows else ())}
    widths = {key: max(map(_cells, texts)) for key, texts in columns.items()}
    for line in zip(*columns.values(), strict=True):
        padded = (text + " " * (widths[key] - _cells(text)) for key, text in zip(columns, line, strict=True))
        typer.echo("  ".join(padded).rstrip())


def _cells(text: str) -> int:
    """How many cells of a terminal a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


@rules.command("list")
def list_rules(
    as_json: AsJson = False,
    zh: Annotated[bool, typer.Option("--zh", help="The sentences in Chinese.")] = False,
) -> None:
    """Every rule: code, stage, effect, law, what it needs to know, and the sentence a person reads."""
    from crm_rules.lending.reasons import parse_catalogue
    from crm_rules.policy import STANDARD
    from crm_rules.readers import EVERY_RULE

    texts = parse_catalogue((STANDARD.parent / "reasons.toml").read_bytes())
    rows = [
        {
            "code": rule.code,
            "stage": str(rule.stage),
            "effect": str(rule.effect),
            "law": rule.law,
            "needs": ", ".join(rule.needs) or "-",
            "meaning": (rule.zh or (texts[rule.code].zh if rule.code in texts else rule.doc))
            if zh
            else rule.doc,
        }
        for rule in EVERY_RULE
    ]
    print_table(rows, as_json)
    if not as_json:
        typer.echo(f"{len(rows)} rules. What 'needs' names and is not known closes: POLICY_UNAVAILABLE.")


@rules.command("check")
def check_rules(
    policy: Annotated[
        Path | None, typer.Argument(help="A policy file; the shipped one unless given.")
    ] = None,
    segments: Annotated[
        Path | None, typer.Option(help="A file of segments by rule; the shipped one.")
    ] = None,
    offers: Annotated[Path | None, typer.Option(help="A catalogue of offers; the shipped one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read a policy, its segments and its offers strictly; what is wrong or contradicts itself is named."""
    from crm_rules.contradictions import unreached
    from crm_rules.offers.catalogue import SHIPPED, Catalogue
    from crm_rules.policy import STANDARD
    from crm_rules.policy_book import PolicyBook
    from crm_rules.segments import RULES, RuleSegments

    book, ruled = PolicyBook.load(policy or STANDARD), RuleSegments.load(segments or RULES)
    proposed = Catalogue.load(offers or SHIPPED)
    rows = [
        {
            "segment": one.id,
            "name": f"{one.name_en} {one.name_zh}",
            "where": " and ".join(f"{c.column} {c.comparison} {c.number:g}" for c in one.where),
            "in policy": ", ".join(book.latest.targeting.offers_of(one.id)) or "-",
        }
        for one in ruled.segments
    ]
    print_table(rows, as_json)
    problems = [problem for each in book.every for problem in unreached(each, proposed)]
    if not as_json:
        named = {name for each in book.every for name in each.targeting.segments}
        typer.echo(f"policy {book.told} and {len(rows)} segments by rule ({ruled.version}) are well formed")
        typer.echo("Next: `bank rules test` tries every threshold; `bank rules diff` shows what is new.")
        if learned := sorted(named - set(ruled.ids)):
            typer.echo(f"The policy also names {learned}; a release knows whether its model has them.")
    for problem in dict.fromkeys(problems):
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(SAID_NO)


@rules.command("suitability")
def suitability_table(
    policy: Annotated[
        Path | None, typer.Argument(help="A policy file; the shipped one unless given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Who may have how much risk: customers' levels by products' levels, assessment and age, by the rules."""
    from dataclasses import asdict

    from crm_rules.offers.suitability_table import HOLDERS, RISKS, table
    from crm_rules.policy import STANDARD
    from crm_rules.policy_book import PolicyBook

    latest = PolicyBook.load(policy or STANDARD).latest
    cells = table(latest)
    if as_json:
        print_table([asdict(cell) | {"suitable": cell.suitable} for cell in cells], as_json)
        return
    typer.echo(
        "Down: the customer's level, - for none. Across: the product's risk. Else the rules that forbid it."
    )
    for in_force, holder in ((force, holder) for force in (True, False) for holder in HOLDERS):
        limits = latest.suitability
        age = f" from {limits.extra_care_from_age} on" if holder == "older person" else ""
        said = f"at most {limits.assessment_valid_days} days ago" if in_force else "longer ago, or never"
        typer.echo(f"\n{holder}{age}, assessed {said}")
        typer.echo("      " + "".join(f"R{risk:<15}" for risk in RISKS).rstrip())
        rows: dict[int, list[str]] = {}
        for cell in cells:
            if (cell.in_force, cell.holder) == (in_force, holder):
                no = "SUIT-" + ",".join(code.removeprefix("SUIT-") for code in cell.codes)
                rows.setdefault(cell.level, []).append("yes" if cell.suitable else no)
        for level, told in rows.items():
            typer.echo(f"  {f'C{level}' if level else '-':<4}" + "".join(f"{t:<16}" for t in told).rstrip())
