"""`bank train` and `bank models`: train one model, list what is registered."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from feature_repo.errors import BankError

train = typer.Typer(help="Train a model on the loaded bank.", no_args_is_help=True)
models = typer.Typer(help="What has been trained and registered.", no_args_is_help=True)


@train.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def one(
    name: Annotated[str, typer.Argument(help="segmentation, propensity, credit_risk or recommendation")],
    person: Annotated[str, typer.Option(help="who trains; goes into the run")] = "data.scientist",
    seed: Annotated[int, typer.Option(help="every draw follows from it")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Train, measure out of time, log to MLflow and register as challenger."""
    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings
    from training.specs import train_model

    settings = Settings()
    try:
        source = Source.read(settings.raw)
        result = train_model(name, settings, source, person, datetime.now(UTC), seed)
    except BankError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(result.to_json() if as_json else result.to_text())
    if not result.passed:
        raise typer.Exit(3)


@models.command("list")
def listed(as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False) -> None:
    """Every registered version with its aliases, author and test window."""
    import json

    from feature_repo.settings import Settings
    from training.registry import Registry

    settings = Settings()
    versions = Registry(settings).versions() if (settings.mlflow / "mlflow.db").exists() else []
    if as_json:
        typer.echo(json.dumps({"models": [each.as_json() for each in versions]}))
        return
    for each in versions:
        aliases = ", ".join(each.aliases) or "-"
        window = f"{each.tags['window_from'][:10]} to {each.tags['window_to'][:10]}"
        typer.echo(f"{each.name:<15} {each.version:>3}  {aliases:<22} {each.tags['author']:<16} {window}")
    if not versions:
        typer.echo("Nothing is registered yet. Next: `bank run`, or `bank train NAME`.")


@models.command("ui")
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="on loopback")] = 5000) -> None:
    """Look at the runs, their plots and their evidence in MLflow; Ctrl-C ends it."""
    import os

    from feature_repo.settings import Settings
    from training.registry import ui_command

    settings = Settings()
    if not (settings.mlflow / "mlflow.db").exists():
        typer.echo("Nothing is registered yet. Next: `bank run`, or `bank train NAME`.", err=True)
        raise typer.Exit(1)
    command = ui_command(settings, port)
    os.execv(command[0], command)
