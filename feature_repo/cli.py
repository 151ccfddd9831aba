"""`bank data`: make a bank, or load one."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from feature_repo.raw.history import Load
    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings

data = typer.Typer(help="Make a bank with known truth, or load a bank's own tables.", no_args_is_help=True)


@data.callback()
def group() -> None:
    """Make a bank with known truth, or load a bank's own tables."""


@data.command()
def make(
    customers: Annotated[
        int, typer.Option(min=10, help="How many customers the bank will ever have.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    months: Annotated[int, typer.Option(min=6, max=120, help="How many months of bookings.")] = 48,
    ends: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day after the data.")] = datetime(
        2026, 1, 1, tzinfo=UTC
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Print the source as JSON.")] = False,
) -> None:
    """Make a bank of several years whose personas, needs, defaults and farewells are known."""
    from feature_repo.raw.generate import make as make_bank

    settings = _settings()
    day = date(ends.year, ends.month, 1)
    made = make_bank(customers, seed, settings.raw, settings.truth, months, day, settings.threads)
    _tell(made, settings.raw, as_json)


@data.command()
def ingest(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the bank's files.")],
    mapping: Annotated[Path | None, typer.Option(help="Else DIR/mapping.toml, else a shipped one.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin anew: forget what was loaded before.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the source as JSON.")] = False,
) -> None:
    """Load a bank's own tables, or add to them; a broken table stops the load, a broken row is set aside."""
    from feature_repo.raw import history
    from feature_repo.raw.ingest import ingest as load

    settings = _settings()
    now, key = datetime.now(UTC), settings.keys / "pseudonym.key"
    source = load(folder, settings.raw, mapping, settings.quarantine_limit, now, key, settings.threads, fresh)
    if not as_json:
        _tell_load(history.read(settings.raw)[-1])
    _tell(source, settings.raw, as_json)


@data.command("map")
def map_files(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the bank's files.")],
    out: Annotated[Path | None, typer.Option(help="Where to write it; else DIR/mapping.toml.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a mapping that is there.")] = False,
) -> None:
    """Propose a mapping from the files' own columns, for a person to finish."""
    from feature_repo.raw.mapping import FILE
    from feature_repo.raw.proposal import MappingThere, propose

    text, path = propose(folder), out or folder / FILE
    if path.exists() and not force:
        raise MappingThere(path)
    path.write_text(text, encoding="utf-8")
    lines = text.splitlines()
    tables = [line[8:-1] for line in lines if line.startswith("[tables.") and not line.endswith(".columns]")]
    open_ = [line for line in lines if "OPEN" in line or "CHECK" in line]
    typer.echo(f"{path}: {len(tables)} tables ({', '.join(tables)}), {len(open_)} open points")
    for line in open_:
        typer.echo(f"  {line.lstrip('# ')}")
    typer.echo(f"next: finish {path}, then bank data ingest {folder}")


def _settings() -> "Settings":
    from feature_repo.settings import Settings

    return Settings()


@data.command()
def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Look at the loaded tables: a report with plots, and how the loads went over time."""
    import json
    from dataclasses import asdict

    from feature_repo.raw.quality import inspect
    from feature_repo.raw.quality_page import page
    from feature_repo.raw.source import Source

    settings, at = _settings(), datetime.now(UTC)
    source, limit = Source.read(settings.raw), settings.quarantine_limit
    panels = inspect(settings.raw, limit, settings.threads)
    path = settings.reports / f"data-{at:%Y%m%d-%H%M%S}.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(source, panels, f"{at:%Y-%m-%d %H:%M} UTC"), encoding="utf-8")
    if as_json:
        found = {"source": source.name, "digest": source.digest, "report": str(path)}
        typer.echo(json.dumps(found | {"panels": [asdict(panel) for panel in panels]}, sort_keys=True))
        return
    for panel in panels:
        verdict = {True: "holds", False: "DOES NOT HOLD", None: ""}[panel.holds]
        typer.echo(f"  {panel.key:<12}{panel.title}{'; ' + verdict if verdict else ''}")
    typer.echo(f"report: {path}")


def _tell_load(load: "Load") -> None:
    """What this load did: rows by fate, reasons of what was set aside, files that were known."""
    kinds = {
        "first": "a first load", "added": "added to the bank that was there",
        "replaced": "a new bank; the one before is gone",
    }  # fmt: skip
    typer.echo(f"{kinds[load.kind]}, {load.seconds:.1f} s")
    if load.skipped:
        typer.echo(f"  already loaded, skipped: {', '.join(load.skipped)}")
    for table, fate in sorted(load.tables.items()):
        told = [
            (fate.kept, "new"), (fate.corrected, "of them corrections or versions"),
            (fate.repeated, "known"), (fate.outdated, "outdated"), (fate.restored, "restored"),
            (fate.quarantined, "set aside"),
        ]  # fmt: skip
        said = ", ".join(f"{count:,} {word}" for count, word in told if count)
        typer.echo(f"  {table:<16}{fate.read:>12,} read: {said or 'nothing'}")
    for reason, count in sorted(load.reasons.items(), key=lambda one: -one[1]):
        column, value_class, why = reason.split("|")
        typer.echo(f"  {count:>9,} set aside: {column}: {value_class} ({why})")
    for column, count in sorted(load.formulas.items()):
        typer.echo(f"  {count:>9,} texts in {column} begin like a spreadsheet formula; they stay text")


def _tell(source: "Source", raw: Path, as_json: bool) -> None:
    """Rows of each table beside what was set aside, then the next step."""
    import json
    from dataclasses import asdict

    if as_json:
        typer.echo(json.dumps(asdict(source), sort_keys=True))
        return
    typer.echo(f"{source.name}: {source.starts[:10]} to {source.ends[:10]}, {source.base_currency}, in {raw}")
    for table, rows in sorted(source.rows.items()):
        aside = source.quarantined.get(table, 0)
        typer.echo(f"  {table:<16}{rows:>12,} rows" + (f"{aside:>9,} in quarantine" if aside else ""))
    if source.quarantined:
        typer.echo(f"  row, column and reason of what is in quarantine: {raw / 'quarantine'}")
    if source.bookings_complete_until:
        typer.echo(f"  bookings are complete until {source.bookings_complete_until[:10]}; {source.selection}")
    typer.echo("next: bank features build")
