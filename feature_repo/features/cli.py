"""`bank features`: what there is, computed for whom, and known to Feast."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

features = typer.Typer(help="Features: list them, build them, apply them to Feast.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]


@features.command("list")
def list_features(
    view: Annotated[str | None, typer.Option(help="Only this view.")] = None, as_json: AsJson = False
) -> None:
    """Every feature: its view, window, unit, what it may be used for, and what it means."""
    from feature_repo.features.catalogue import FEATURES

    shown = [feature for feature in FEATURES if view in (None, feature.view)]
    if not shown:
        raise typer.BadParameter(f"There is no view '{view}'.", param_hint="--view")
    if as_json:
        rows = [
            {"name": f.name, "view": f.view, "unit": f.unit, "window_days": f.window_days, "meaning": f.doc,
             "protected": f.protected, "purposes": sorted(f.purposes)}
            for f in shown
        ]  # fmt: skip
        typer.echo(json.dumps(rows, indent=1))
        return
    for feature in shown:
        mark = "protected" if feature.protected else feature.unit
        typer.echo(f"{feature.view:<11} {feature.name:<32} {mark:<10} {feature.doc}")
    typer.echo(
        f"{len(shown)} features; {sum(f.protected for f in shown)} protected. Next: bank features build"
    )


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
    rows = build_views(settings.raw, spine, settings.features, settings.threads)
    online = online_rows(settings.raw, end, settings.threads)
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
