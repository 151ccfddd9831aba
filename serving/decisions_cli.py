"""Commands about what was decided."""

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
