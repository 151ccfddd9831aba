"""`bank cases`: what waits for a person, and what people do about it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from serving.promote_cli import AsJson, By

if TYPE_CHECKING:
    from crm_rules.cases.acting import CaseDesk
    from crm_rules.cases.case import Case
    from serving.pipeline.case_office import CaseOffice

cases = typer.Typer(no_args_is_help=True, help="Decisions that wait for a person: claim, decide, tell.")
CaseId = Annotated[str, typer.Argument(metavar="CASE", help="such as a decision id, or review-DECISION")]
Text = Annotated[
    str, typer.Option("--text", help="why; it is kept and signed, the customer does not read it")
]
Done = Callable[["CaseDesk", "CaseOffice"], "Case"]


@cases.command("list")
def list_cases(
    everything: Annotated[bool, typer.Option("--all", help="also what is closed")] = False,
    kind: Annotated[str | None, typer.Option(help="referral, review, appeal or conduct")] = None,
    as_json: AsJson = False,
) -> None:
    """Cases by the date they are due, the most urgent first; opens what the log says and is missing."""
    from crm_rules.cases.opening import CaseKind
    from serving.pipeline.case_lines import as_data, table

    if kind is not None and kind not in list(CaseKind):
        raise typer.BadParameter(f"{kind!r}; there are {', '.join(CaseKind)}.", param_hint="--kind")
    with _office() as office:
        found = [
            case for case in office.all() if kind in (None, case.kind) and (everything or not case.closed)
        ]
        found.sort(key=lambda case: (case.terms.due_at, case.id))
        if as_json:
            _print({"cases": [as_data(case, office.now) for case in found]})
            return
        for line in table(found, office.now):
            typer.echo(line)


@cases.command("show")
def show(case_id: CaseId, as_json: AsJson = False) -> None:
    """One case: what it is about, what was looked at, what was decided and told."""
    with _office() as office:
        if not office.store.has(case_id):
            office.collect()
        _say(office.store.case(case_id, office.trust), office, as_json)


@cases.command("claim")
def claim(case_id: CaseId, by: By = None, as_json: AsJson = False) -> None:
    """Take a case nobody has; of two people who try at once one has it."""
    _do(case_id, by, as_json, lambda desk, _: desk.claim(case_id))


@cases.command("release")
def release(case_id: CaseId, text: Text, by: By = None, as_json: AsJson = False) -> None:
    """Give a case back; a second person does it for somebody who cannot."""
    _do(case_id, by, as_json, lambda desk, _: desk.release(case_id, text))


@cases.command("evidence")
def evidence(
    case_id: CaseId,
    note: Annotated[str, typer.Option("--note", help="what was looked at, in one line")],
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", exists=True, dir_okay=False, readable=True, help="kept by name and digest only"
        ),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Say what was looked at; of a file its name, size and digest are kept, never its content."""
    from serving.pipeline.case_office import file_told

    told = None if file is None else file_told(file)
    _do(case_id, by, as_json, lambda desk, _: desk.add_evidence(case_id, note, told))


@cases.command("decide")
def decide(
    case_id: CaseId,
    outcome: Annotated[
        str,
        typer.Argument(help="approve, decline, withdrawn; upheld, changed; dismissed, confirmed (by kind)"),
    ],
    reason: Annotated[
        list[str],
        typer.Option(
            "--reason", help="a code of `bank cases reasons`, whose text the customer reads; 1 to 4"
        ),
    ],
    text: Text,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Decide a case one has claimed; above one's limit another person has to confirm."""
    _do(
        case_id,
        by,
        as_json,
        lambda desk, office: desk.decide(case_id, outcome, reason, text, office.rulebook.reasons),
    )


@cases.command("reasons")
def list_reasons(as_json: AsJson = False) -> None:
    """The reasons a person may give, with the sentences the customer reads."""
    from crm_rules.cases.acting import reasons_of_people
    from crm_rules.cli import print_table

    with _office() as office:
        own = reasons_of_people(office.rulebook.reasons)
    print_table([{"code": code, "en": text.en, "zh": text.zh} for code, text in own.items()], as_json)
    if not as_json:
        typer.echo("Codes of the rules of lending count as well: `bank rules list`.")


@cases.command("confirm")
def confirm(case_id: CaseId, by: By = None, as_json: AsJson = False) -> None:
    """Agree as the second person; never who decided or claimed it."""
    _do(case_id, by, as_json, lambda desk, _: desk.confirm(case_id))


@cases.command("return")
def send_back(case_id: CaseId, text: Text, by: By = None, as_json: AsJson = False) -> None:
    """Do not agree as the second person; who has the case decides again."""
    _do(case_id, by, as_json, lambda desk, _: desk.send_back(case_id, text))


@cases.command("letter")
def letter(
    case_id: CaseId,
    language: Annotated[str, typer.Option(help="en or zh; the customer's without")] = "",
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Make the letter of a decided case, in both languages; from now on the app can read it."""
    _do(case_id, by, as_json,
        lambda desk, office: desk.write_letter(case_id, language, office.rulebook.policy.lending.notice),
    )  # fmt: skip


@cases.command("deliver")
def deliver(
    case_id: CaseId,
    channel: Annotated[str, typer.Option(help="app, email or post")],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Say how the letter reached the customer; the case is closed."""
    _do(case_id, by, as_json, lambda desk, _: desk.deliver(case_id, channel))


@cases.command("collect")
def collect(as_json: AsJson = False) -> None:
    """Open the case of every referred decision in the log that has none."""
    with _office() as office:
        opened = office.collect()
    if as_json:
        _print({"opened": opened})
        return
    typer.echo(f"{opened} referred decision{'' if opened == 1 else 's'} had no case and got one.")
    typer.echo("Next: `bank cases list`.")


@cases.command("export")
def export(
    file: Annotated[Path, typer.Argument(dir_okay=False, help="written anew, one JSON object a line")],
    as_json: AsJson = False,
) -> None:
    """Write what people decided as outcomes of applications, and say how often it was against the rules."""
    from feature_repo.raw.source import Source
    from monitoring.finding import Finder
    from serving.pipeline.labels import Overrides, labels

    with _office() as office:
        found, settings = office.all(), office.settings
        made = labels(found, Finder.of(settings), Source.read(settings.raw).base_currency)
        counted = Overrides.of(found)
    made.write(file)
    if as_json:
        told = {"rows": len(made.rows), "left_out": made.left_out, "decided": counted.decided}
        _print({**told, "overrides": counted.overrides, "override_rate": counted.rate})
        return
    typer.echo(
        f"{len(made.rows)} outcome{'' if len(made.rows) == 1 else 's'} in {file}; "
        f"{made.left_out} without a customer or a record left out."
    )
    share = "" if counted.rate is None else f" ({counted.rate:.1%})"
    typer.echo(f"{counted.overrides} of {counted.decided} decisions by people were against the rules{share}.")
    if made.rows:
        typer.echo(f"Next: `bank data push {file}`.")


def _office() -> "AbstractContextManager[CaseOffice]":
    from feature_repo.settings import Settings
    from serving.pipeline.case_office import case_office

    return case_office(Settings())


if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def _do(case_id: str, by: str | None, as_json: bool, act: Done) -> None:
    """One act of one person, and the case as it is afterwards."""
    from crm_rules.governance.session import acting
    from crm_rules.login_cli import ask_passphrase

    with _office() as office:
        if not office.store.has(case_id):
            office.collect()
        signer = acting(office.settings, office.trust, by, office.now, ask_passphrase)
        _say(act(office.desk(signer), office), office, as_json, whole=False)


def _say(case: "Case", office: "CaseOffice", as_json: bool, whole: bool = True) -> None:
    from serving.pipeline.case_lines import as_data, lines

    if as_json:
        _print(as_data(case, office.now))
        return
    for line in lines(case, office.now, whole):
        typer.echo(line)


def _print(told: object) -> None:
    import json

    typer.echo(json.dumps(told, ensure_ascii=False))
