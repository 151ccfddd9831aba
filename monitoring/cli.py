"""Commands of the watching room."""

from typing import Annotated

import typer

monitor = typer.Typer(no_args_is_help=True, help="Whether what was decided still holds.")


@monitor.command("run")
def run(json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False) -> None:
    """Compare the logged decisions with the frozen reference: PSI, a verdict, an Evidently report."""
    from datetime import UTC, datetime

    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from monitoring.decision_log import DecisionLogs
    from monitoring.watch import as_json, as_lines, watch
    from training.release.current import current
    from training.release.verify import verify

    settings = Settings()
    trust = Trust.of(settings)
    release = verify(settings.releases, current(settings.releases, trust).release, trust)
    found = watch(DecisionLogs.of(settings), release, settings.features, settings.reports, datetime.now(UTC))
    if json:
        typer.echo(as_json(found))
        return
    for line in as_lines(found):
        typer.echo(line)


@monitor.command("same-terms")
def compare_terms(
    json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Compare price and limit within grade by gender and age; exit 3 where like people got unlike terms."""
    from feature_repo.settings import Settings
    from monitoring.decision_log import DecisionLogs
    from monitoring.granted import granted, logged, origins
    from monitoring.same_terms import NEWEST, same_terms
    from monitoring.same_terms_text import as_json, as_lines

    settings = Settings()
    loans = granted(logged(DecisionLogs.of(settings), NEWEST), origins(settings.releases))
    found = same_terms(loans)
    for line in [as_json(found)] if json else as_lines(found):
        typer.echo(line)
    if found.unequal:
        raise typer.Exit(3)


@monitor.command("shadow")
def shadow(json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False) -> None:
    """Compare what the release in the shadow would have decided with what was decided."""
    from feature_repo.settings import Settings
    from monitoring.decision_log import DecisionLogs
    from monitoring.shadow import compare, newest_release, shadow_logs

    settings = Settings()
    shadows = shadow_logs(settings)
    release = newest_release(shadows)
    found = list(compare(shadows, DecisionLogs.of(settings), release)) if release else []
    if json:
        from json import dumps

        typer.echo(dumps({"release": release, "use_cases": [each.as_json() for each in found]}))
        return
    if release is None:
        typer.echo("Nothing was decided in the shadow. Next: `bank promote request PART --shadow PERCENT`.")
        return
    typer.echo(
        f"Release {release[:16]} in the shadow, beside what was decided (its score minus the other's):"
    )
    for each in found:
        for line in each.lines():
            typer.echo(line)
    typer.echo("Next: `bank promote candidate finish` or `bank promote candidate end --reason ...`.")
