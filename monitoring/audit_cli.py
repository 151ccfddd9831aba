"""`bank audit`: whether every record is as it was written."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from monitoring.audit import Checker, Evidence

audit = typer.Typer(no_args_is_help=True, help="Whether every record is as it was written.")


@audit.callback()
def _group() -> None:
    """Keep a group of one command a group."""


@audit.command("verify")
def verify(
    heads: Annotated[
        list[Path] | None, typer.Option(help="also hold the chains against copies of their heads kept there")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Recompute every chain, row and invariant; exit 3 when anything was altered, removed or cut."""
    from feature_repo.settings import Settings
    from monitoring.audit import Evidence
    from monitoring.promotion_audit import EVERY

    report(Evidence(Settings(), tuple(heads or ())), EVERY, json)


def report(evidence: "Evidence", checkers: "Sequence[Checker] | None" = None, json: bool = False) -> None:
    """Print the checks as they end, then the verdict; exit 3 when one has a problem."""
    from monitoring.audit import as_data, audit

    problems, entries, done = 0, 0, []
    for check in audit(evidence, checkers):
        problems += len(check.problems)
        entries += check.entries
        if json:
            done.append(check)
        else:
            for line in check.lines():
                typer.echo(line)
    if json:
        import json as writing

        typer.echo(writing.dumps({"intact": not problems, "checks": as_data(done)}, ensure_ascii=False))
    else:
        typer.echo(
            f"{problems:,} problem{'' if problems == 1 else 's'}: {'ALTERED' if problems else 'intact'}"
        )
        if not entries:
            typer.echo(f"Nothing is recorded in {evidence.settings.home}. Is BANK_HOME right?")
    if problems:
        raise typer.Exit(3)
