"""`bank events`: the writer of events, how far it is, and what it could not take."""

from typing import Annotated

import typer

events = typer.Typer(no_args_is_help=True, help="Events that came over HTTP: the writer, and how it stands.")
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


@events.command("write")
def write_events(
    seconds: Annotated[float | None, typer.Option(min=0, help="end after so long")] = None,
    as_json: AsJson = False,
) -> None:
    """Take events from the inbox until ended: rows, fresh features, points. One process for each home."""
    import json
    import signal

    from feature_repo.settings import Settings
    from serving.pipeline.ending import Ending
    from serving.pipeline.writing import write

    ending = Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ending.ask)
    told = write(Settings(), seconds, ending.go_on)
    if as_json:
        typer.echo(json.dumps(told))
        return
    typer.echo(
        f"{told['events']:,} events taken: {told['added']:,} rows, {told['repeated']:,} known already; "
        f"{told['customers']:,} customers' features renewed; the last has number {told['position']:,}"
    )
    if told["not_booked"]:
        typer.echo(f"points wait to be booked: {told['not_booked']}")


@events.command("status")
def status(as_json: AsJson = False) -> None:
    """How many events wait, since when, and when the writer was last seen."""
    import json
    from contextlib import closing

    from feature_repo.settings import Settings
    from serving.bootstrap.edge import now
    from serving.bootstrap.stores import open_inbox

    with closing(open_inbox(Settings())) as inbox:
        told = inbox.told(now())
    if as_json:
        typer.echo(json.dumps(told))
        return
    for name, value in told.items():
        typer.echo(f"{name:<16}{'never' if value is None else value}")
    if told.get("set_aside"):
        typer.echo("next: bank events refused")


@events.command("refused")
def refused(
    most: Annotated[int, typer.Option(min=1, max=100_000, help="so many, last ones first")] = 20,
    as_json: AsJson = False,
) -> None:
    """Events that were kept and could not be taken: number, app, request and reason; never a value."""
    import json
    from contextlib import closing

    from feature_repo.settings import Settings
    from serving.bootstrap.stores import open_inbox

    with closing(open_inbox(Settings())) as inbox:
        found = inbox.aside(most)
    for one, at, caller, request_id in found:
        if as_json:
            told = {"number": one.number, "field": one.field, "reason": one.reason}
            typer.echo(json.dumps({**told, "at": at.isoformat(), "caller": caller, "request_id": request_id}))
        else:
            typer.echo(f"{one.number:>10}  {at:%Y-%m-%d %H:%M:%S}  {caller}  {one.field}: {one.reason}")
    if not found and not as_json:
        typer.echo("None was refused in the last 30 days.")
