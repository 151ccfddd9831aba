"""Serve the current release, in the foreground or behind, stop it; and the service as one bento."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Join these commands to the command line."""
    app.command("serve")(serve)
    app.command("stop")(stop)
    app.command("bento")(bento)


def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on; loopback unless set")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="processes that answer; one unless set")
    ] = None,
    background: Annotated[
        bool, typer.Option("--background", help="return once it is ready; end it with: bank stop")
    ] = False,
    no_events: Annotated[
        bool, typer.Option("--no-events", help="do not start the writer of events beside it")
    ] = False,
) -> None:
    """Serve the current release until interrupted, or until `bank stop`."""
    from feature_repo.settings import Settings
    from serving.pipeline.serving import LOG, serve_behind, serve_in_foreground

    given = {"host": host, "port": port, "workers": workers}
    found = Settings()
    settings = found.model_copy(update={name: each for name, each in given.items() if each is not None})
    if not background:
        serve_in_foreground(settings, not no_events)
        return
    serving = serve_behind(settings, not no_events)
    typer.echo(
        f"Serving on http://{serving.host}:{serving.port} with {serving.workers} worker(s), "
        f"process {serving.pid}.\nIt writes to {settings.home / LOG}. End it with: bank stop"
    )


def stop() -> None:
    """End the service of this home: what is being answered is finished first."""
    from feature_repo.settings import Settings
    from serving.pipeline.serving import stop as stop_serving

    typer.echo(stop_serving(Settings()))


def bento(
    out: Annotated[Path | None, typer.Option(help="folder of bentos; in BANK_HOME unless set")] = None,
) -> None:
    """Build the service as one bento, with the locked base dependencies only (in a checkout)."""
    from feature_repo.settings import Settings
    from serving.pipeline.bento import HASHED, build

    built = build(out or Settings().home / "bentoml")
    typer.echo(
        f"{built}\nInstall its src/{HASHED} in an environment of its own; then, in src/: python bank.py serve"
    )
