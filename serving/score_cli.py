"""`bank score`: one customer, or everybody, without the service."""

from pathlib import Path
from typing import Annotated

import typer

score = typer.Typer(no_args_is_help=True, help="Score customers without the service.")
INTERRUPTED = 130


@score.command("one")
def score_one(
    customer_id: Annotated[str, typer.Argument()],
    amount: Annotated[float | None, typer.Option(min=1, help="ask for a loan of this amount")] = None,
    term_months: Annotated[int, typer.Option(min=1, max=600)] = 36,
) -> None:
    """Next best action of one customer, or with --amount a credit decision; logged like any other."""
    import json

    from feature_repo.settings import Settings
    from serving.pipeline.closing import ask

    answer = ask(Settings(), customer_id, amount, term_months, "bank score one")
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=1))


@score.command("batch")
def score_batch(
    use_case: Annotated[
        str, typer.Option(help="what to ask everybody: next-best-action or score-credit")
    ] = "next-best-action",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="where the answers go; else the home")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="processes; as many as there are cores without it")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="decide anew what is decided, or was broken off, today")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print the figures as JSON")] = False,
) -> None:
    """Decide for everybody, logged, into Parquet; goes on where it was broken off."""
    from feature_repo.settings import Settings
    from serving.batch.score import Wanted
    from serving.batch.score import score_batch as decide_everybody
    from serving.batch.telling import Telling, as_data, as_lines
    from serving.batch.use_cases import USE_CASES
    from serving.pipeline.bootstrap import now

    if use_case not in USE_CASES:
        raise typer.BadParameter(f"'{use_case}'; there are {', '.join(USE_CASES)}.", param_hint="--use-case")
    with Telling() as telling:
        try:
            scored = decide_everybody(Settings(), Wanted(use_case, out, workers, again), now(), telling.tell)
        except KeyboardInterrupt:
            typer.echo("Interrupted. What is whole is kept: the same command goes on from there.", err=True)
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        import json

        typer.echo(json.dumps(as_data(scored, telling)))
    else:
        for line in as_lines(scored, telling):
            typer.echo(line)
    if scored.left_out:
        raise typer.Exit(3)
