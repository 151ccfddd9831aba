"""`bank release`: what is served, whether it verifies, and who signed it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.release.verify import VerifiedRelease

release = typer.Typer(no_args_is_help=True, help="What is served, whether it verifies, who signed it.")
Digest = Annotated[str | None, typer.Argument(help="digest of a release; the current one without it")]


@release.command("verify")
def verify_release(digest: Digest = None) -> None:
    """Check every file, signature and approval, as serving does before it parses anything."""
    found = _verified(digest)
    files = len(found.files)
    typer.echo(f"Release {found.digest} verifies: {len(found.manifest.parts)} parts, {files} files.")


@release.command("show")
def show_release(digest: Digest = None) -> None:
    """List the parts with their gates and who approved them."""
    import json

    from training.release.manifest import evidence_name

    found = _verified(digest)
    window = found.manifest.origin.data_window
    typer.echo(f"release {found.digest}")
    typer.echo(
        f"data    {found.manifest.origin.source['name']}, {window['from'][:10]} to {window['to'][:10]}"
    )
    for name, part in found.manifest.parts.items():
        evidence = json.loads(found.evidence[evidence_name(name, part.digest)])
        signed = ", ".join(f"{each['person']} ({each['role']})" for each in evidence["approvals"])
        gates = len(evidence["gates"])
        version = evidence["run"].get("version", "-")
        typer.echo(
            f"{name:<15} {part.digest[:16]}  version {version:<3} {gates:>2} gates passed  signed {signed}"
        )


def _verified(digest: str | None) -> "VerifiedRelease":
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from training.release.current import current
    from training.release.verify import verify

    settings = Settings()
    trust = Trust.of(settings)
    return verify(settings.releases, digest or current(settings.releases, trust).release, trust)
