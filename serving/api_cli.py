"""Commands about the HTTP API: its description, and whether a change of it breaks an app."""

from pathlib import Path
from typing import Annotated

import typer

api = typer.Typer(no_args_is_help=True, help="The HTTP API: its description.")


@api.callback()
def _group() -> None:
    """A group, also with one command."""


@api.command("openapi")
def openapi(
    write: Annotated[bool, typer.Option("--write", help="write the golden copy of a checkout")] = False,
    since: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="an older description; exit 3 on a break")
    ] = None,
) -> None:
    """Print the OpenAPI document; or say what in it breaks apps that were written to an older one."""
    import json

    from serving.api.described.breaking import breaking
    from serving.api.openapi import GOLDEN, document, written

    described = document()
    if since is not None:
        found = breaking(json.loads(since.read_bytes()), described)
        for line in found:
            typer.echo(line)
        typer.echo(
            f"{len(found)} break(s). Keep what was there, or raise the version." if found else "No break."
        )
        raise typer.Exit(3 if found else 0)
    if write:
        GOLDEN.write_bytes(written(described))
        typer.echo(f"{GOLDEN} is written.")
        return
    typer.echo(written(described), nl=False)
