"""The command line. Each room brings its own commands; here they are joined.

Nothing imports this module. Commands import what they need when they run, so that
`bank --help` answers at once.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import crm_rules.cli
import feature_repo.cli
import feature_repo.features.cli
import monitoring.cli
import serving.cli
import training.cli
import training.promote_cli
import training.release_cli
from feature_repo.errors import BankError

app = typer.Typer(
    name="bank",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer decisions a bank can stand behind: from its tables to served, explained, "
    "logged and watched decisions. Start with: bank run",
)
serving.cli.add_to(app)
app.add_typer(feature_repo.cli.data, name="data")
app.add_typer(feature_repo.features.cli.features, name="features")
app.add_typer(training.cli.train, name="train")
app.add_typer(training.cli.models, name="models")
app.add_typer(training.promote_cli.promote, name="promote")
app.add_typer(training.release_cli.release, name="release")
app.add_typer(crm_rules.cli.people, name="people")
app.add_typer(crm_rules.cli.keys, name="keys")
app.add_typer(crm_rules.cli.rules, name="rules")
app.add_typer(monitoring.cli.monitor, name="monitor")


@app.command("bench")
def bench(
    name: Annotated[str, typer.Argument(help="a benchmark in tests/benchmarks of a checkout: decision")],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON line")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="fewer pairs, under 45 seconds")] = False,
) -> None:
    """Measure against baselines, in one run; exit 3 when a limit does not hold."""
    import json
    import runpy

    path = Path(__file__).parent / "tests" / "benchmarks" / f"{name}.py"
    known = sorted(file.stem for file in path.parent.glob("*.py"))
    if name not in known:
        _end(f"There is no benchmark '{name}'; in a checkout there are {known}.")
    found = runpy.run_path(str(path))["run"](quick)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for key, value in {**found["figures"], **found["ratios"]}.items():
            typer.echo(f"{key:<28} {value:>12,}")
    if not found["holds"]:
        raise typer.Exit(3)


def main() -> None:
    """Run the command; what went wrong is one sentence on stderr and exit code 1."""
    try:
        app()
    except BankError as error:
        _end(str(error))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _end(
            f"No space left on the disk of {error.filename or os.getcwd()}. Finished steps are kept; "
            f"free some space, or set BANK_HOME to another disk, and run again."
        )


def _end(sentence: str) -> NoReturn:
    typer.secho(sentence, fg="red", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
