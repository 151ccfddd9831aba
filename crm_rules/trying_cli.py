"""`bank rules test|diff`: a policy at its thresholds and on examples, and two policies key by key."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm_rules.cli import SAID_NO, AsJson, print_table, rules

if TYPE_CHECKING:
    from crm_rules.policy import Policy

__all__ = ["rules"]  # the group, with the commands of both files


@rules.command("test")
def try_out(
    policy: Annotated[
        Path | None, typer.Argument(help="A policy file; the shipped one unless given.")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="the bank's own examples, TOML")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every threshold at -1, 0 and +1 unit by the real rules, or --cases; exit 3 when one differs."""
    from crm_rules.policy import STANDARD
    from crm_rules.policy_book import PolicyBook

    book = PolicyBook.load(policy or STANDARD)
    passed = True
    for each in book.every:
        if not as_json:
            typer.echo(f"policy {each.version}, from {each.effective_from}")
        passed &= _examples(each, cases, as_json) if cases else _thresholds(each, as_json)
    if not passed:
        raise typer.Exit(SAID_NO)


def _thresholds(policy: "Policy", as_json: bool) -> bool:
    from crm_rules.trying import conduct, lending, offering

    tried = [*offering.tried(policy), *lending.tried(policy), *conduct.tried(policy)]
    print_table([each.as_row() for each in tried], as_json)
    if not as_json:
        turning = sum(each.turns for each in tried)
        typer.echo(f"{turning} of {len(tried)} thresholds turn their rule where the policy says.")
    return all(each.turns for each in tried)


def _examples(policy: "Policy", cases: Path, as_json: bool) -> bool:
    from crm_rules.trying.examples import load, tried_examples

    tried = tried_examples(load(cases), policy)
    print_table([each.as_row() for each in tried], as_json)
    if not as_json:
        typer.echo(f"{sum(each.passed for each in tried)} of {len(tried)} cases come out as expected.")
    return all(each.passed for each in tried)


@rules.command("diff")
def diff(
    before: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="a policy file")],
    after: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="another")],
    as_json: AsJson = False,
) -> None:
    """What differs between two policies, key by key, each with the rules that read it."""
    from crm_rules.policy_changes import differences

    rows = [each.as_row() for each in differences(before, after)]
    print_table(rows, as_json)
    if not as_json:
        tries = f"Next: `bank rules simulate --from {after}` decides logged decisions again by it."
        typer.echo(tries if rows else "Both say the same.")
