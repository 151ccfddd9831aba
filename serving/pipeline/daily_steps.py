"""What a night does: take in, reconcile, features, online rows, everybody's decisions, watch."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path

import duckdb

from feature_repo.raw import reconcile as totals
from feature_repo.raw.contracts import TABLES
from feature_repo.raw.source import Source, files
from feature_repo.settings import Settings
from serving.batch.score import Wanted, score_batch
from serving.batch.use_cases import USE_CASES
from serving.bootstrap.releases import current_release
from serving.pipeline.daily import NightStep
from serving.pipeline.deciding import outcome_of
from serving.pipeline.deliveries import Deliveries
from serving.pipeline.step import Outcome

Inputs = dict[str, object]


def steps(settings: Settings, at: datetime, progress: Callable[[int, int], None]) -> list[NightStep]:
    """The steps of a night, in order; `at` is the time of the command."""

    def source(day: date) -> Inputs:
        return {"source": Source.read(settings.raw).digest}

    def nothing(day: date) -> Inputs:
        return {}

    def inbox(day: date) -> Inputs:
        return {"deliveries": str(settings.deliveries)}

    def released(day: date) -> Inputs:
        return {"release": current_release(settings).release.digest}

    return [
        NightStep("ingest", "Take in deliveries", inbox, partial(ingest, settings, at)),
        NightStep("reconcile", "Reconcile the tables", source, partial(reconcile, settings)),
        NightStep("offers", "Offers from the log", nothing, partial(offers, settings)),
        NightStep("features", "Features for training", source, partial(features, settings)),
        NightStep("online", "Features online", source, partial(online, settings)),
        NightStep("batch", "Decide for everybody", released, partial(batch, settings, at, progress)),
        NightStep("monitor", "Watch the decisions", nothing, partial(monitor, settings), optional=True),
    ]


def as_of(day: date, raw: Path) -> datetime:
    """The end of the day, or of the last day with bookings where that is earlier.

    What was not delivered yet makes nobody a customer who has been quiet since.
    """
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        last = connection.execute(
            "SELECT max(booked_at) FROM read_parquet($files)", {"files": str(raw / "bookings" / "*.parquet")}
        ).fetchall()[0][0]
    return _end_of(day if last is None else min(day, last.astimezone(UTC).date()))


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def ingest(settings: Settings, at: datetime, day: date) -> Outcome:
    """Take in what was delivered."""
    if settings.deliveries is None:
        return Outcome(0, ("no folder of deliveries is set (BANK_DELIVERIES); the loaded bank as it is",))
    return Deliveries(settings, settings.deliveries, at).take(day)


def offers(settings: Settings, day: date) -> Outcome:
    """What was offered and said up to the end of the day, back as the raw table `offers`."""
    from monitoring.offers_history import offers_history

    until = _end_of(day)
    found = offers_history(settings, until)
    return Outcome(found.added, (f"{found.added:,} rows added, until {until:%Y-%m-%d %H:%M} UTC",))


def reconcile(settings: Settings, day: date) -> Outcome:
    """Hold the tables against the control totals of their loads; NotReconciled names the first difference."""
    source, found = Source.read(settings.raw), dict[str, str]()
    with duckdb.connect() as connection:
        for table in TABLES:
            if paths := [str(path) for path in files(settings.raw, table.name)]:
                connection.read_parquet(paths, union_by_name=True).create_view(table.name)
                found |= totals.totals(connection, table, table.name)
    rows = {f"{table}.rows": str(count) for table, count in source.rows.items()}
    wanted = rows | {name: total for name, total in source.totals.items() if name in found}
    totals.agree(wanted, found)
    return Outcome(len(wanted), (f"{len(wanted)} control totals agree, until {source.ends[:10]}",))


def features(settings: Settings, day: date) -> Outcome:
    """Feature tables for training, and Feast's registry."""
    from feature_repo import build, store
    from training.dataset import spine

    wanted = spine(settings.raw, Source.read(settings.raw))
    views = build.build(settings.raw, wanted, settings.features, settings.machine)
    store.apply(settings)
    return Outcome(wanted.num_rows, (f"{wanted.num_rows:,} rows in {len(views)} views",))


def online(settings: Settings, day: date) -> Outcome:
    """The rows scoring reads, as of the day; a row that is newer stays."""
    from feature_repo import build
    from feature_repo.packed_rows import open_rows

    at = as_of(day, settings.raw)
    views = build.online_rows(settings.raw, at, settings.machine)
    with open_rows(settings, read_only=False) as rows:
        for view, table in views.items():
            rows.write_table(view, table)
    customers = int(views["profile"].num_rows)
    line = f"{customers:,} customers as of {at:%Y-%m-%d %H:%M} UTC"
    return Outcome(customers, (line,), {"as_of": at.isoformat()})


def batch(settings: Settings, at: datetime, progress: Callable[[int, int], None], day: date) -> Outcome:
    """Next best actions and running loans of everybody, as one batch run each."""
    asked = [score_batch(settings, Wanted(asks, day=day.isoformat()), at, progress) for asks in USE_CASES]
    told = {each.run.use_case.name: each.outcomes for each in asked}
    found = outcome_of(told, {each.run.use_case.name: each.left_out for each in asked if each.left_out})
    total = ", ".join(f"{counts.total():,} {name.replace('_', ' ')}" for name, counts in told.items())
    left_out = [line for line in found.lines if line.startswith("left out")]
    lines = ("; ".join([f"{total}, decided and logged", *left_out]), *found.lines)
    runs = [each.run.name for each in asked]
    return Outcome(found.rows, lines, {**found.figures, "runs": runs})


def monitor(settings: Settings, day: date) -> Outcome:
    """The logged decisions against the reference frozen with the release."""
    from serving.pipeline.watching import watch_decisions

    return watch_decisions(settings)
