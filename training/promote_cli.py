"""`bank promote`: which releases there are, and the way back to an earlier one."""

from typing import Annotated

import typer

promote = typer.Typer(no_args_is_help=True, help="Which release is served; the way back to an earlier one.")


@promote.command("history")
def history() -> None:
    """List the releases, the newest first; the current one is marked."""
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from training.release.current import current
    from training.release.reading import read_release

    settings = Settings()
    named = current(settings.releases, Trust.load(settings.trust_file, settings.profile))
    folders = [path for path in settings.releases.iterdir() if path.is_dir() and len(path.name) == 64]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        found = read_release(settings.releases, folder.name)
        mark = f"current, number {named.number} by {named.by}" if folder.name == named.release else ""
        typer.echo(f"{folder.name}  {found.manifest.origin.source['name']:<10} {mark}")


@promote.command("rollback")
def rollback(
    digest: Annotated[str, typer.Argument(help="the release to go back to")],
    by: Annotated[str, typer.Option(help="the operator whose key on this machine signs the switch")],
) -> None:
    """Switch to an earlier release: one operator signs, after everything in it verified again."""
    from datetime import UTC, datetime

    from crm_rules.governance import keys
    from crm_rules.governance.demo import key_path
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from training.promotion import switch

    settings = Settings()
    trust = Trust.load(settings.trust_file, settings.profile)
    key = keys.load(key_path(settings.keys, trust.person(by).id))
    number = switch(settings.releases, digest, by, key, trust, datetime.now(UTC))
    typer.echo(f"Release {digest[:16]} is current again (switch number {number}). Restart `bank serve`.")
