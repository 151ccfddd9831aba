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
