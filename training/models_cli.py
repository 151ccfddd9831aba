"""`bank models`: what is registered, compared, explained and validated."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from training.registry import Registry
    from training.version import Version

models = typer.Typer(help="What has been trained and registered.", no_args_is_help=True)
NOTHING = "Nothing is registered yet. Next: `bank run`, or `bank train NAME`."
Name = Annotated[str, typer.Argument(help="a registered model, such as credit_risk")]
Number = Annotated[str | None, typer.Option("--version", help="which version; the newest unless given")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", file_okay=False, help="write them there")]
AsJson = Annotated[bool, typer.Option("--json", help="print one JSON object")]


@models.command("list")
def listed(as_json: AsJson = False) -> None:
    """Every registered version with its aliases, author and test window."""
    registry = _registry()
    versions = registry.versions() if registry else []
    if as_json:
        typer.echo(json.dumps({"models": [each.as_json() for each in versions]}))
        return
    for each in versions:
        aliases = ", ".join(each.aliases) or "-"
        window = f"{each.tags['window_from'][:10]} to {each.tags['window_to'][:10]}"
        typer.echo(f"{each.name:<15} {each.version:>3}  {aliases:<22} {each.tags['author']:<16} {window}")
    if not versions:
        typer.echo(NOTHING)


@models.command("compare")
def compared(
    name: Name,
    versions: Annotated[
        str | None, typer.Option(metavar="A,B", help="hold A against B; else the newest against the champion")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Versions side by side: every figure with its interval, gates, the difference, the champion."""
    from training.evidence.comparison import compare

    chosen = _chosen(_there(), name, versions)
    found = compare(name, [(each.label, each.record) for each in chosen])
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    typer.echo(f"{name}: {' against '.join(found.labels[:2])}\n")
    typer.echo(found.to_text())
    typer.echo(f"Next: `bank models card {name} --version {chosen[0].version} --out .`")


@models.command("card")
def card(name: Name, version: Number = None, out: Out = None, as_json: AsJson = False) -> None:
    """The model card of a version, HTML and Markdown, in English and Chinese."""
    from training.evidence.papers import CARD

    registry = _there()
    found = registry.version(name, version)
    files = _files(registry, found, CARD, out)
    if as_json:
        typer.echo(json.dumps({"model": name, "version": found.version, "files": list(map(str, files))}))
        return
    for file in files:
        typer.echo(str(file))
    typer.echo(f"Next: open {files[0]}, or `bank models validate {name} --version {found.version}`.")


@models.command("validate")
def validate(name: Name, version: Number = None, out: Out = None, as_json: AsJson = False) -> None:
    """The validation pack of a version: what a validator asks for, and by name what is missing."""
    from training.evidence.gaps import gaps
    from training.evidence.papers import PACK
    from training.evidence.words import word

    registry = _there()
    found = registry.version(name, version)
    record, files = found.record, _files(registry, found, PACK, out)
    missing = {section: [note.en for note in notes] for section, notes in gaps(record).items()}
    if as_json:
        told = {"model": name, "version": found.version, "missing": missing, "files": list(map(str, files)),
                "gates": [gate.as_json() for gate in record.gates]}  # fmt: skip
        typer.echo(json.dumps(told))
        return
    for file in files:
        typer.echo(str(file))
    for section, notes in missing.items():
        for note in notes:
            typer.echo(f"missing    {word(section, 'en')}: {note}")
    passed = sum(gate.passed for gate in record.gates)
    count = sum(map(len, missing.values()))
    typer.echo(f"{passed} of {len(record.gates)} gates passed; {count or 'nothing'} missing. "
               f"Next: open {files[0]} and sign it off.")  # fmt: skip


@models.command("gates")
def gated(
    name: Name,
    version: Number = None,
    pia: Annotated[str, typer.Option(help="the impact assessment's reference, such as DPIA-2026-14")] = "",
    as_json: AsJson = False,
) -> None:
    """The gates a version would pass or not, were its promotion requested: exit 3 when one says no."""
    from training.checks import check
    from training.gate_table import as_text

    registry = _there()
    found, served = registry.version(name, version), registry.champion(name)
    gates = check(found, served, pia=pia)
    passed = sum(gate.passed for gate in gates)
    if as_json:
        told = {"model": name, "version": found.version, "champion": served.version if served else None,
                "passed": passed == len(gates), "gates": [gate.as_json() for gate in gates]}  # fmt: skip
        typer.echo(json.dumps(told))
    else:
        beside = f"champion {served.label}" if served else "no champion yet"
        typer.echo(f"{name} {found.label}, {beside}\n\n{as_text(gates)}\n")
        typer.echo(f"{passed} of {len(gates)} gates passed. Next: `bank models validate {name}`.")
    if passed < len(gates):
        raise typer.Exit(3)


@models.command("reproduce")
def reproduced(name: Name, version: Number = None, as_json: AsJson = False) -> None:
    """Train a version again with its seed, data and libraries: exit 3 when the part differs."""
    from datetime import UTC, datetime

    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings
    from training.reproducing import reproduce
    from training.specs import spec_of
    from training.steps import Steps

    registry, settings = _there(), Settings()
    asked = registry.version(name, version)
    steps = Steps(lambda line: typer.echo(line, err=as_json))
    source = Source.read(settings.raw)
    found = reproduce(registry, spec_of(name), asked, settings, source, datetime.now(UTC), steps)
    said = "the same, byte for byte" if found.same else f"it differs in {', '.join(found.differs)}"
    if as_json:
        typer.echo(json.dumps({"model": name, "version": asked.version, **found.as_json()}))
    else:
        typer.echo(f"{name} {asked.version} trained again: {said}. Part {found.part_digest[:16]}, again "
                   f"{found.again_digest[:16]}. Next: `bank models gates {name}`.")  # fmt: skip
    if not found.same:
        raise typer.Exit(3)


@models.command("ui")
def ui(port: Annotated[int, typer.Option(min=1, max=65535, help="on loopback")] = 5000) -> None:
    """Look at the runs, their plots and their evidence in MLflow; Ctrl-C ends it."""
    import os

    from feature_repo.settings import Settings
    from training.registry import ui_command

    _there()
    command = ui_command(Settings(), port)
    os.execv(command[0], command)


def _registry() -> "Registry | None":
    """The registry, or None where nothing was ever registered: looking makes no database."""
    from feature_repo.settings import Settings

    settings = Settings()
    if not (settings.mlflow / "mlflow.db").exists():
        return None
    from training.registry import Registry

    return Registry(settings)


def _there() -> "Registry":
    registry = _registry()
    if registry is None:
        typer.echo(NOTHING, err=True)
        raise typer.Exit(1)
    return registry


def _chosen(registry: "Registry", name: str, versions: str | None) -> "list[Version]":
    """The versions to compare: A and B, then the champion; each once."""
    champion = registry.champion(name)
    if versions:
        asked = [registry.version(name, number.strip()) for number in versions.split(",")]
    else:
        asked = [registry.version(name)]
        earlier = [each for each in registry.versions() if each.name == name][1:2]
        asked += [] if champion and champion.version != asked[0].version else earlier
    found = [*asked, *([champion] if champion else [])]
    return list({each.version: each for each in found}.values())


def _files(registry: "Registry", version: "Version", kind: str, out: Path | None) -> list[Path]:
    """A paper's files: as registration kept them, or in `out`, made anew beside the champion of today."""
    if out is None:
        return sorted(version.part.with_name(kind).glob(f"{kind}.*"))
    from training.evidence.papers import papers

    champion = registry.champion(version.name)
    other = champion if champion and champion.documented and champion.version != version.version else None
    beside = other.record if other else None
    written = papers(version.record, version.label, beside)[kind].write(out)
    return sorted(written.glob(f"{kind}.*"))
