"""`bank release`: what is served, whether it verifies, who signed it, and what changed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from training.release.difference import GatePair
    from training.release.verify import VerifiedRelease

release = typer.Typer(no_args_is_help=True, help="What is served, whether it verifies, who signed it.")
Digest = Annotated[
    str | None, typer.Argument(help="digest of a release, or its first 8; the current one without it")
]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


@release.command("verify")
def verify_release(digest: Digest = None, as_json: AsJson = False) -> None:
    """Check every file, signature and approval, as serving does before it parses anything."""
    import json

    found = _verified(digest)
    told = _told(found)
    if as_json:
        typer.echo(json.dumps({"release": found.digest, "verifies": True, **told}))
        return
    typer.echo(
        f"Release {found.digest} verifies: {told['parts']} parts, {told['files']} files, {told['approvals']} "
        f"approvals by {told['people']} people."
    )
    typer.echo(f"lock    {told['lock']}")
    typer.echo(f"sbom    {told['sbom']}, {told['packages']} packages")


@release.command("show")
def show_release(digest: Digest = None, as_json: AsJson = False) -> None:
    """List the parts with their gates and who approved them."""
    import json

    from training.gate_table import as_text
    from training.gates import Gate
    from training.release.difference import evidence_of

    found = _verified(digest)
    origin = found.manifest.origin
    parts = {name: evidence_of(found, name) for name in found.manifest.parts}
    if as_json:
        told = {"release": found.digest, **_told(found), "data_window": dict(origin.data_window)}
        typer.echo(json.dumps({**told, "source": dict(origin.source), "evidence": parts}, ensure_ascii=False))
        return
    window = {edge: origin.data_window.get(edge, "?")[:10] for edge in ("from", "to")}
    typer.echo(f"release {found.digest}")
    typer.echo(f"data    {origin.source.get('name', '?')}, {window['from']} to {window['to']}")
    typer.echo(f"lock    {found.manifest.lock}")
    for name, evidence in parts.items():
        signed = ", ".join(f"{each['person']} ({each['role']})" for each in evidence["approvals"])
        version = (evidence["run"] or {}).get("version", "-")
        waived = [waiver["gate"] for waiver in evidence["waivers"]]
        typer.echo(
            f"\n{name:<15} {found.manifest.parts[name].digest[:16]}  version {version:<3} "
            f"{passed_of(evidence)}  signed {signed}"
        )
        typer.echo(as_text([Gate.from_json(gate) for gate in evidence["gates"]], waived))
        for waiver in evidence["waivers"]:
            typer.echo(f"waived until {waiver['until']}: {waiver['gate']}: {waiver['reason']}")
    typer.echo("\nNext: `bank promote history` tells how it came about, `bank release verify` checks it.")


@release.command("diff")
def diff_releases(
    before: Annotated[str, typer.Argument(help="digest of a release, or its first 8 or more")],
    after: Digest = None,
    as_json: AsJson = False,
) -> None:
    """Tell what changed from one release to another, part by part."""
    import json

    from training.release.difference import difference
    from training.release.reading import named, read_release

    releases = _releases()
    old, new = (read_release(releases, named(releases, each or _current())) for each in (before, after))
    found = difference(old, new)
    if as_json:
        typer.echo(json.dumps(found.as_json(), ensure_ascii=False, default=str))
        return
    typer.echo(f"release         {found.before[:16]} -> {found.after[:16]}")
    for change in found.changes:
        typer.echo(f"  {change.line}")
    for part in found.parts:
        digests = " -> ".join(each[:16] if each else "none" for each in (part.before, part.after))
        typer.echo(
            f"{part.part:<15} {'same    ' + (part.after or '')[:16] if part.same else 'changed ' + digests}"
        )
        for change in part.changes:
            typer.echo(f"  {change.line}")
        for pair in part.gates:
            typer.echo(_pair(pair))


def _pair(pair: "GatePair") -> str:
    before, after = ("none" if each is None else _gate(each) for each in (pair.before, pair.after))
    return f"  gate {pair.name}: {before}" + (", the same" if before == after else f" -> {after}")


def _gate(gate: Mapping[str, Any]) -> str:
    """A gate's value beside its limit, and its verdict."""
    from training.gate_table import number

    value, limit = (number(float(gate[key])) for key in ("value", "limit"))
    return f"{value} (limit {limit}, {'ok' if gate.get('passed') is True else 'NO'})"


def passed_of(evidence: Mapping[str, Any]) -> str:
    """How many gates of a part passed, and how many were waived.

    >>> passed_of({"gates": [{"passed": True}, {"passed": False}], "waivers": [{}]})
    '1 of 2 gates passed, 1 waived'
    """
    passed, waived = sum(gate["passed"] is True for gate in evidence["gates"]), len(evidence["waivers"])
    return f"{passed} of {len(evidence['gates'])} gates passed" + (f", {waived} waived" if waived else "")


def _told(found: "VerifiedRelease") -> dict[str, object]:
    """What both `verify` and `show` count."""
    import json

    from training.release.difference import evidence_of
    from training.release.manifest import SBOM

    approvals = [each for name in found.manifest.parts for each in evidence_of(found, name)["approvals"]]
    return {
        "parts": len(found.manifest.parts),
        "files": len(found.files),
        "approvals": len(approvals),
        "people": len({each["person"] for each in approvals}),
        "lock": found.manifest.lock,
        "sbom": found.manifest.enclosed[SBOM],
        "packages": len(json.loads(found.files[SBOM])["components"]),
        "part_digests": {name: part.digest for name, part in found.manifest.parts.items()},
    }


def _releases() -> "Any":
    from feature_repo.settings import Settings

    return Settings().releases


def _current() -> str:
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from training.release.current import current

    settings = Settings()
    return current(settings.releases, Trust.of(settings)).release


def _verified(digest: str | None) -> "VerifiedRelease":
    from crm_rules.governance.people import Trust
    from feature_repo.settings import Settings
    from training.release.reading import named
    from training.release.verify import verify

    settings = Settings()
    trust = Trust.of(settings)
    return verify(settings.releases, named(settings.releases, digest or _current()), trust)
