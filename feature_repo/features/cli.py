"""`bank features`: what there is, computed for whom, and known to Feast."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from feature_repo.features.feature import Feature

features = typer.Typer(help="Features: list, build, apply to Feast, bring online.", no_args_is_help=True)
Date = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])]
AsJson = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]


@features.command("list")
def list_features(
    view: Annotated[str | None, typer.Option(help="Only this view.")] = None,
    page: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write the catalogue as a web page.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every feature: its view, unit, owner, what it may be used for, and what it means."""
    from feature_repo.features.catalogue import FEATURES

    shown = [feature for feature in FEATURES if view in (None, feature.view)]
    if not shown:
        raise typer.BadParameter(f"There is no view '{view}'.", param_hint="--view")
    if page:
        _write_page(page, shown)
    if as_json:
        rows = [
            {"name": f.name, "view": f.view, "unit": f.unit, "window_days": f.window_days, "meaning": f.doc,
             "owner": f.owner, "purposes": sorted(f.purposes), "protected": f.protected, "proxy": f.proxy}
            for f in shown
        ]  # fmt: skip
        typer.echo(json.dumps(rows, indent=1))
        return
    for f in [] if page else shown:
        mark = "protected" if f.protected else "proxy" if f.proxy else ""
        uses = " ".join(sorted(f.purposes))
        typer.echo(f"{f.view:<11}{f.name:<32}{f.unit:<8}{f.owner:<18}{uses:<26}{mark:<10}{f.doc}")
    marked = f"{sum(f.protected for f in shown)} protected, {sum(f.proxy for f in shown)} proxies"
    written = f" in {page}" if page else ""
    typer.echo(f"{len(shown)} features{written}; {marked}. Next: bank features build")


def _write_page(path: Path, shown: "list[Feature]") -> None:
    """Write the catalogue page, whole or not at all."""
    from feature_repo.features.page import page

    if not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"There is no folder {path.absolute().parent}.", param_hint="--page")
    draft = path.with_name(path.name + ".draft")
    draft.write_text(page(shown), encoding="utf-8")
    draft.replace(path)


@features.command()
def build(
    every_days: Annotated[int, typer.Option(min=1, help="Days between two snapshots.")] = 91,
    snapshots: Annotated[int, typer.Option(min=1, help="How many, the last at the end of the data.")] = 9,
    as_json: AsJson = False,
) -> None:
    """Compute the features of every customer at regular dates, and the rows scoring reads."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from feature_repo.build import build as build_views
    from feature_repo.build import missing_inputs, online_rows
    from feature_repo.packed_rows import open_rows
    from feature_repo.raw.source import Source
    from feature_repo.settings import Settings

    settings, started = Settings(), datetime.now(UTC)
    end = Source.read(settings.raw).end
    ids = pq.read_table(settings.raw / "customers", columns=["customer_id"])["customer_id"].unique()
    dates = [end - timedelta(days=every_days * back) for back in reversed(range(snapshots))]
    spine = pa.concat_tables(
        pa.table({"customer_id": ids, "as_of": pa.repeat(pa.scalar(at, pa.timestamp("us", "UTC")), len(ids))})
        for at in dates
    )
    rows = build_views(settings.raw, spine, settings.features, settings.machine)
    online = online_rows(settings.raw, end, settings.machine)
    with open_rows(settings, read_only=False) as packed:
        packed.load(online)
    seconds = (datetime.now(UTC) - started).total_seconds()
    report = {"rows": rows, "online": {view: table.num_rows for view, table in online.items()},
              "left_out": missing_inputs(settings.raw), "seconds": round(seconds, 1)}  # fmt: skip
    if as_json:
        typer.echo(json.dumps(report))
        return
    for view, table in online.items():
        typer.echo(
            f"{view:<11} {rows.get(view, 0):>9,} rows over {snapshots} dates {table.num_rows:>9,} online"
        )
    for name, tables in missing_inputs(settings.raw).items():
        typer.echo(f"left out    {name}: there is no table {', '.join(tables)}")
    typer.echo(f"as of {end:%Y-%m-%d}, {seconds:.1f} s. Next: bank features apply")


@features.command()
def apply() -> None:
    """Write the views and services of the catalogue into Feast's registry."""
    from feature_repo.settings import Settings
    from feature_repo.store import apply as apply_definitions

    settings = Settings()
    services = apply_definitions(settings)
    typer.echo(f"{len(services)} services in {settings.feast}: {', '.join(services)}")
    typer.echo("Next: bank train credit_risk")


@features.command()
def materialize(end: Date = None, as_json: AsJson = False) -> None:
    """Bring rows of the feature tables online that are later than those there, up to --end (UTC) or now."""
    from feature_repo.materialize import materialize as bring_online
    from feature_repo.settings import Settings

    settings, started = Settings(), datetime.now(UTC)
    done = bring_online(settings, end.replace(tzinfo=UTC) if end else started)
    seconds = round((datetime.now(UTC) - started).total_seconds(), 1)
    if as_json:
        views = [
            {"view": each.view, "since": each.since and each.since.isoformat(), "customers": each.customers}
            for each in done
        ]
        typer.echo(json.dumps({"views": views, "seconds": seconds}))
        return
    for each in done:
        since = f"later than {each.since:%Y-%m-%d %H:%M}" if each.since else "the first"
        typer.echo(f"{each.view:<11} {each.customers:>9,} customers {since}")
    typer.echo(f"{settings.online_store}, {seconds:.1f} s. Next: bank features freshness")


@features.command()
def freshness(
    as_of: Date = None,
    limit_days: Annotated[float, typer.Option(min=0, help="Rows older than this count as stale.")] = 7,
    as_json: AsJson = False,
) -> None:
    """How old the online rows are, view by view, as of a date (UTC) or now."""
    from feature_repo.freshness import freshness as freshness_of
    from feature_repo.packed_rows import open_rows
    from feature_repo.settings import Settings

    at = as_of.replace(tzinfo=UTC) if as_of else datetime.now(UTC)
    with open_rows(Settings()) as rows:
        found = freshness_of(rows, at, timedelta(days=limit_days))
    if as_json:
        views = [
            {"view": v.view, "rows": v.rows, "oldest": v.oldest and v.oldest.isoformat(),
             "median": v.median and v.median.isoformat(), "newest": v.newest and v.newest.isoformat(),
             "median_age_days": v.median_age_days if v.rows else None, "stale": v.stale if v.rows else None}
            for v in found
        ]  # fmt: skip
        typer.echo(json.dumps({"as_of": at.isoformat(), "limit_days": limit_days, "views": views}))
        return
    for v in found:
        if v.median is None:
            typer.echo(f"{v.view:<11}         0 rows")
            continue
        typer.echo(
            f"{v.view:<11} {v.rows:>9,} rows from {v.oldest:%Y-%m-%d} to {v.newest:%Y-%m-%d}, "
            f"median {v.median_age_days:,.1f} days old, {v.stale:.1%} over {limit_days:g} days"
        )
    typer.echo(f"as of {at:%Y-%m-%d %H:%M}. Next: bank features materialize")
