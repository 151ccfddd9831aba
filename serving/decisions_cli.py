"""Commands about what was decided."""

from pathlib import Path
from typing import Annotated

import typer

decisions = typer.Typer(no_args_is_help=True, help="What was decided, and whether it still computes.")


@decisions.command("show")
def show_decision(decision_id: Annotated[str, typer.Argument()]) -> None:
    """Print one decision's record, from the log, a spool beside it, or the file of a batch."""
    from feature_repo.settings import Settings
    from monitoring.finding import Finder

    typer.echo(Finder.of(Settings()).find(decision_id).decode())


@decisions.command("replay")
def replay_decision(decision_id: Annotated[str, typer.Argument()]) -> None:
    """Compute one decision again from its record; exit 3 when a bit differs."""
    from feature_repo.settings import Settings
    from serving.pipeline.command import replay

    same, sentence = replay(Settings(), decision_id)
    typer.echo(sentence)
    if not same:
        raise typer.Exit(3)


@decisions.command("verify")
def verify_decisions() -> None:
    """Recompute the hash chains of the log and its batch files; exit 3 when something was altered."""
    from feature_repo.settings import Settings
    from monitoring.audit import Evidence, batch_files, decision_chains, decision_spools, heads
    from monitoring.audit_cli import report

    report(Evidence(Settings()), (heads, decision_chains, batch_files, decision_spools))


@decisions.command("export")
def export_decisions(
    month: Annotated[str, typer.Option(help="written like 2026-11; months begin and end in UTC")],
    out: Annotated[Path, typer.Option(file_okay=False, help="folder of the files, one a month")],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Write a month's decisions and what came of them as Parquet; exit 3 when something was altered."""
    import json

    from feature_repo.settings import Settings
    from monitoring.export import export

    done = export(Settings(), month, out)
    if as_json:
        typer.echo(json.dumps({**vars(done), "path": str(done.path)}))
    else:
        state = "" if done.written else ", unchanged since it was written"
        typer.echo(f"{done.path}: {done.decisions:,} decisions{state}; {done.erased:,} erased are left out")
        if done.unverified:
            typer.echo(f"{done.unverified:,} are NOT as they were written and are left out")
        for problem in done.problems:
            typer.echo(f"  {problem}")
    if done.unverified or done.problems:
        raise typer.Exit(3)


@decisions.command("return")
def return_decisions(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Bring offers made, and what customers said, back as the raw table `offers`; exit 3 when altered."""
    import json
    from datetime import UTC, datetime

    from feature_repo.settings import Settings
    from monitoring.offers_history import offers_history

    found = offers_history(Settings(), datetime.now(UTC))
    if as_json:
        typer.echo(json.dumps(vars(found)))
    else:
        typer.echo(f"{found.added:,} new rows of offers")
        for count, what in (
            (found.erased, "answers to erased decisions are left out"),
            (found.unreadable, "decisions of releases that are gone are left out"),
            (found.unverified, "decisions are NOT as they were written and are left out"),
        ):
            if count:
                typer.echo(f"  {count:,} {what}")
        for problem in found.problems:
            typer.echo(f"  {problem}")
        typer.echo("next: bank features build")
    if found.unverified or found.problems:
        raise typer.Exit(3)
