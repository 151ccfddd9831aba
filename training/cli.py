"""`bank train`: train one model of the platform, or on any single table, step by step."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from feature_repo.errors import BankError
from training.table.options import Task

train = typer.Typer(help="Train a model on the loaded bank.", no_args_is_help=True)
TABLE = "One table"
SPLITS = "5-fold, time:0.7, time:2024-01-31 or rows:0.7; with --time it is time:0.7"
NO_HEADER = "the first row is data; columns are column_1, ..."


@train.callback(invoke_without_command=True, context_settings={"allow_interspersed_args": True})
def one(
    name: Annotated[str, typer.Argument(help="segmentation, propensity, credit_risk or recommendation")],
    seed: Annotated[int, typer.Option(help="every draw follows from it")] = 7,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
    table: Annotated[
        Path | None, typer.Option(help="one CSV, TSV or Parquet file instead of the bank")
    ] = None,
    target: Annotated[str | None, typer.Option(help="the column to predict", rich_help_panel=TABLE)] = None,
    positive: Annotated[
        str | None, typer.Option(help="its value that is the event", rich_help_panel=TABLE)
    ] = None,
    exclude: Annotated[
        str, typer.Option(help="columns that are no features: A,B", rich_help_panel=TABLE)
    ] = "",
    time: Annotated[
        str | None, typer.Option(help="the column that orders rows", rich_help_panel=TABLE)
    ] = None,
    protected: Annotated[str, typer.Option(help="no feature; groups compared", rich_help_panel=TABLE)] = "",
    split: Annotated[str | None, typer.Option(help=SPLITS, rich_help_panel=TABLE)] = None,
    sep: Annotated[
        str | None, typer.Option(help="the separator, if not found", rich_help_panel=TABLE)
    ] = None,
    no_header: Annotated[bool, typer.Option("--no-header", help=NO_HEADER, rich_help_panel=TABLE)] = False,
    score: Annotated[Path | None, typer.Option(help="another file to score", rich_help_panel=TABLE)] = None,
    out: Annotated[
        Path | None, typer.Option(help="where its scores go, as CSV", rich_help_panel=TABLE)
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="settings tried a fold", rich_help_panel=TABLE)
    ] = None,
) -> None:
    """Train on the loaded bank, measure out of time, log to MLflow, register; or try one table (--table)."""
    if table is not None:
        task = Task(
            name, table, target, positive, exclude, time, protected, split, sep, not no_header, seed, trials
        )
        return _on_table(task, score, out, as_json)
    if target or score or out:
        raise typer.BadParameter("--target, --score and --out go with --table FILE.")
    from crm_rules.governance.people import Trust
    from crm_rules.governance.session import author
    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings
    from training.specs import contract, known, train_model
    from training.steps import Steps

    settings, now = Settings(), datetime.now(UTC)
    steps = Steps(lambda line: typer.echo(line, err=as_json))
    try:
        known(name)
        listed = settings.profile == "bank" or settings.trust_file.exists()
        person = author(settings, Trust.of(settings) if listed else None, now)
        source = Source.read(settings.raw)
        steps("contract", contract(settings, source))
        result = train_model(name, settings, source, person, now, seed, steps)
    except BankError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(result.to_json() if as_json else result.to_text())
    if not result.passed:
        raise typer.Exit(3)


def _on_table(task: Task, score: Path | None, out: Path | None, as_json: bool) -> None:
    if (score is None) != (out is None):
        raise typer.BadParameter("--score FILE and --out FILE go together.")
    from feature_repo.settings import Settings
    from training.steps import Steps
    from training.table.command import train_on_table

    steps = Steps(lambda line: typer.echo(line, err=as_json))
    try:
        report = train_on_table(task, Settings().home, steps, score, out)
    except BankError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(report.to_json() if as_json else report.to_text())
