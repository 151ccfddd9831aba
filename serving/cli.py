"""Commands that use the whole house: the main job, and what was decided."""

from pathlib import Path
from typing import Annotated

import typer

from serving import serve_cli
from serving.decisions_cli import decisions


def add_to(app: typer.Typer) -> None:
    """Join this room's commands to the command line."""
    app.command("run")(run)
    serve_cli.add_to(app)
    app.add_typer(decisions, name="decisions")


def run(
    data: Annotated[
        Path | None, typer.Option(help="folder of real tables; a bank is generated without it")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="mapping.toml; else the folder's own or a shipped one")
    ] = None,
    customers: Annotated[
        int, typer.Option(min=200, max=10_000_000, help="size of the generated bank")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="the same seed gives the same bank")] = 7,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="end instead of serving")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object at the end")] = False,
) -> None:
    """The main job: tables to served, explained, logged decisions and a drift report."""
    from feature_repo.settings import Settings
    from serving.pipeline.command import Options, run_main_job
    from serving.pipeline.step import Wanted

    settings = Settings()
    run_main_job(settings, Wanted(data, mapping, customers, seed), Options(serve=not no_serve, json=json))
