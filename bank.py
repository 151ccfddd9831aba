"""The command line. Each room brings its own commands; here they are joined.

Nothing imports this module. Commands import what they need when they run, so that
`bank --help` answers at once.
"""

import errno
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import crm_rules.changes_cli
import crm_rules.login_cli
import crm_rules.people_cli
import feature_repo.cli
import feature_repo.features.cli
import monitoring.audit_cli
import monitoring.cli
import monitoring.conduct_cli
import serving.api_cli
import serving.candidate_cli
import serving.cases_cli
import serving.cli
import serving.daily_cli
import serving.events_cli
import serving.holds_cli
import serving.rules_cli
import serving.score_cli
import serving.switch_cli
import serving.token_cli
import training.cli
import training.models_cli
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
app.command("daily")(serving.daily_cli.daily)
app.add_typer(feature_repo.cli.data, name="data")
app.add_typer(feature_repo.features.cli.features, name="features")
app.add_typer(training.cli.train, name="train")
app.add_typer(training.models_cli.models, name="models")
serving.holds_cli.promote.add_typer(serving.candidate_cli.candidate, name="candidate")
app.add_typer(serving.holds_cli.promote, name="promote")
app.add_typer(training.release_cli.release, name="release")
app.add_typer(crm_rules.changes_cli.people, name="people")
app.add_typer(crm_rules.login_cli.keys, name="keys")
app.command("login")(crm_rules.login_cli.login)
app.command("logout")(crm_rules.login_cli.logout)
app.add_typer(serving.token_cli.token, name="token")
app.add_typer(serving.api_cli.api, name="api")
app.add_typer(serving.rules_cli.rules, name="rules")
app.add_typer(serving.cases_cli.cases, name="cases")
app.add_typer(serving.score_cli.score, name="score")
app.add_typer(serving.switch_cli.stop_switch, name="stop-switch")
app.add_typer(serving.events_cli.events, name="events")
app.add_typer(monitoring.cli.monitor, name="monitor")
app.add_typer(monitoring.audit_cli.audit, name="audit")
app.add_typer(monitoring.conduct_cli.conduct, name="conduct")


@app.command("bench")
def bench(
    name: Annotated[
        str,
        typer.Argument(
            help="a file of tests/benchmarks in a checkout: "
            "batch, decision, events, features, models, online, personas, push, release, "
            "rules, serving, startup"
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON line")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="fewer pairs, under 45 seconds")] = False,
) -> None:
    """Measure against baselines, in one run; exit 3 when a limit does not hold."""
    import json
    import runpy

    path = Path(__file__).parent / "tests" / "benchmarks" / f"{name}.py"
    known = sorted(file.stem for file in path.parent.glob("*.py") if "\ndef run(" in file.read_text())
    if name not in known:
        _end(f"There is no benchmark '{name}'; in a checkout there are {known}.")
    sys.path.insert(0, str(path.parents[2]))  # a benchmark may have parts beside it
    found = runpy.run_path(str(path))["run"](quick)
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for key, value in {**found["figures"], **found["ratios"]}.items():
            limit = found["limits"].get(key)
            typer.echo(f"{key:<28} {value:>12,}" + (f"   limit {limit:,}" if limit is not None else ""))
        typer.echo("Every limit holds." if found["holds"] else "A limit does not hold.")
        if note := found.get("note"):
            typer.echo(note)
    if not found["holds"]:
        raise typer.Exit(3)


FULL = ("No space left", "database or disk is full", "Disk quota exceeded")
REFUSED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)


def main() -> None:
    """Run the command; what went wrong is one sentence on stderr and exit code 1."""
    try:
        app()
    except BankError as error:
        _end(str(error))
    except Exception as error:
        sentence = _about_the_disk(error)
        if sentence is None:
            raise
        _end(sentence)


def _about_the_disk(error: BaseException) -> str | None:
    """What a disk that is full, closed or not there did to a command; None when it was no disk."""
    import sqlite3

    from feature_repo.settings import Settings

    home, causes = Settings().home.absolute(), [error]
    while cause := causes[-1].__cause__ or causes[-1].__context__:
        causes.append(cause)
    if any(words in str(cause) for cause in causes for words in FULL):
        return (
            f"No space left on the disk of {home}. Finished steps are kept; "
            f"free some space, or set BANK_HOME to another disk, and run again."
        )
    for cause in causes:
        if isinstance(cause, OSError) and (cause.errno in REFUSED or not home.is_dir()):
            return f"{cause.filename or home} cannot be used ({cause.strerror}). Check it, and BANK_HOME."
        if isinstance(cause, sqlite3.DatabaseError):
            return f"A database in {home} cannot be used ({cause}). Check its rights, or restore it."
    return None


def _end(sentence: str) -> NoReturn:
    typer.secho(sentence, fg="red", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
