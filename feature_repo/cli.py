"""`bank data`: make a bank, or load one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from feature_repo.raw.generate import Shock
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
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same bytes.")] = 7,
    months: Annotated[int, typer.Option(min=6, max=120, help="How many months of bookings.")] = 48,
    ends: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day after the data.")] = datetime(
        2026, 1, 1, tzinfo=UTC
    ),
    shock: Annotated[
        str | None, typer.Option(help="recession, campaign or upstream-bug, in the last months.")
    ] = None,
    shock_from: Annotated[
        int, typer.Option(min=1, metavar="MONTHS", help="How many of the last months it holds.")
    ] = 6,
    as_json: Annotated[bool, typer.Option("--json", help="Print the source as JSON.")] = False,
) -> None:
    """Make a bank of several years whose personas, needs, defaults and farewells are known."""
    from feature_repo.raw.generate import make as make_bank

    settings, befalls = _settings(), _shock(shock)
    day = date(ends.year, ends.month, 1)
    with _progress(as_json) as progress:
        made = make_bank(
            customers, seed, settings.raw, settings.truth, months, day, settings.threads,
            befalls, shock_from, on_progress=progress,
        )  # fmt: skip
    _tell(made, settings.raw, as_json)


@data.command()
def ingest(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder with the bank's files.")],
    mapping: Annotated[Path | None, typer.Option(help="Else DIR/mapping.toml, else a shipped one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the source as JSON.")] = False,
) -> None:
    """Load a bank's own tables; a broken table stops the load, a broken row is set aside and counted."""
    from feature_repo.raw.ingest import ingest as load

    settings = _settings()
    now, key = datetime.now(UTC), settings.keys / "pseudonym.key"
    limit = settings.quarantine_limit
    _tell(load(folder, settings.raw, mapping, limit, now, key, settings.threads), settings.raw, as_json)


def _settings() -> "Settings":
    from feature_repo.settings import Settings

    return Settings()


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


def _shock(name: str | None) -> "Shock | None":
    from feature_repo.raw.generate.economy import Shock

    if name is None:
        return None
    if name not in list(Shock):
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(Shock)}.", param_hint="--shock")
    return Shock(name)


@contextmanager
def _progress(as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """Shows on stderr, when that is a terminal, how many partitions are done."""
    if as_json:
        yield lambda done, of: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("making the bank", total=None)
        yield lambda done, of: bar.update(task, completed=done, total=of)


@data.command()
def compare(
    other: Annotated[
        Path, typer.Argument(metavar="RAW_DIR", help="The raw folder of another loaded bank, as Berka's.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the distances as JSON.")] = False,
) -> None:
    """Set this bank's marginals beside another's: a page with plots, tables and distances."""
    import json
    from dataclasses import asdict

    from feature_repo.raw.compare import compare as side_by_side

    settings = _settings()
    found = side_by_side(settings.raw, other, settings.reports, settings.threads)
    if as_json:
        typer.echo(json.dumps({"page": str(found.page), "distances": [asdict(d) for d in found.distances]}))
        return
    for distance in found.distances:
        ours, theirs = distance.n
        typer.echo(
            f"  {distance.marginal:<12}{distance.kind:<16}{distance.value:>7.3f}  n {ours:,} and {theirs:,}"
        )
    typer.echo(f"next: open {found.page}")
