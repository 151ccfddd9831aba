"""`bank daily`: the nightly job, and how it stands."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from serving.pipeline.daily_status import Night

NOT_THROUGH = {"failed": 1, "waits for": 3}
INTERRUPTED = 130


def daily(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="the day it is about; yesterday without it")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="only say how it stands")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the nights as JSON")] = False,
) -> None:
    """The nightly job: deliveries, features, everybody's decisions, watch; missed nights first.

    Ends with 1 where a step failed and with 3 where one waits: run it again, from cron for example.
    """
    from feature_repo.settings import Settings
    from serving.pipeline.bootstrap import nights, now, run_daily

    settings, at = Settings(), now()
    if status:
        _end(nights(settings)[-7:], as_json)
        return
    about = (day.replace(tzinfo=UTC) if day else at - timedelta(days=1)).date()
    if about >= at.date():
        raise typer.BadParameter(f"{about} has not ended; the last is {at.date() - timedelta(days=1)}.",
                                 param_hint="--day")  # fmt: skip
    try:
        taken = run_daily(settings, about, at)
    except KeyboardInterrupt:
        typer.echo("Interrupted. What is done is kept: the same command goes on from there.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    _end(taken, as_json)


def _end(nights: "list[Night]", as_json: bool) -> None:
    """Print how it stands; the exit code is that of the last night."""
    import json

    from serving.pipeline.daily_status import as_data

    if as_json:
        typer.echo(json.dumps({"nights": as_data(nights)}))
    else:
        for line in [line for night in nights for line in night.lines] or ["No night yet. Next: bank daily"]:
            typer.echo(line)
    if code := NOT_THROUGH.get(nights[-1].state if nights else "", 0):
        raise typer.Exit(code)
