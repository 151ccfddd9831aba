"""`bank rules simulate`: what another policy would change on logged decisions."""

from pathlib import Path
from typing import Annotated

import typer

from crm_rules.cli import SAID_NO, AsJson
from crm_rules.trying_cli import rules

__all__ = ["rules"]  # the group, with the commands of all three files


@rules.command("simulate")
def simulate(
    source: Annotated[
        Path | None,
        typer.Option("--from", exists=True, dir_okay=False, help="the other policy; else what is planned"),
    ] = None,
    newest: Annotated[
        int | None, typer.Option(min=1, help="so many of each use case; all without it")
    ] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help="decisions from that day on (UTC)")] = "",
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="also write the same as JSON here")] = None,
    as_json: AsJson = False,
) -> None:
    """Decide logged offers and applications again by the policy in force and by another; none is logged."""
    import json
    from datetime import UTC, date, datetime

    from feature_repo.settings import Settings
    from serving.pipeline.simulating import simulated

    try:
        day = date.fromisoformat(since).isoformat() if since else ""
    except ValueError:
        raise typer.BadParameter(f"{since!r} is no date; write 2026-05-03", param_hint="--since") from None
    found = simulated(Settings(), source, newest, day, datetime.now(UTC))
    text = json.dumps(found.as_json(), ensure_ascii=False)
    if out is not None:
        out.write_text(text + "\n")
    if as_json:
        typer.echo(text)
    else:
        for line in found.lines():
            typer.echo(line)
        named = f" --from {source}" if source else ""
        typer.echo(f"Next: `bank promote request policy{named} --note WHY`; then those it names sign.")
    if not found.sound:
        raise typer.Exit(SAID_NO)
