"""`bank train`: train one model of the platform, step by step."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from feature_repo.errors import BankError

train = typer.Typer(help="Train a model on the loaded bank.", no_args_is_help=True)


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
    from training.specs import contract, known, train_model
    from training.steps import Steps

    settings = Settings()
    steps = Steps(lambda line: typer.echo(line, err=as_json))
    try:
        known(name)
        source = Source.read(settings.raw)
        steps("contract", contract(settings, source))
        result = train_model(name, settings, source, person, datetime.now(UTC), seed, steps)
    except BankError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(result.to_json() if as_json else result.to_text())
    if not result.passed:
        raise typer.Exit(3)
