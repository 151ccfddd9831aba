"""The first steps: raw tables, then features offline and online."""

import pyarrow as pa

from feature_repo import build, store
from feature_repo.features.catalogue import FEATURES
from feature_repo.packed_rows import open_rows
from feature_repo.raw import generate
from feature_repo.raw.ingest import ingest
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome, Wanted
from training.dataset import spine


def load_tables(settings: Settings, wanted: Wanted) -> Outcome:
    """Generate or ingest the raw tables."""
    if wanted.data is None:
        source = generate.make(
            wanted.customers, wanted.seed, settings.raw, settings.truth, threads=settings.threads
        )
    else:
        key = settings.keys / "pseudonym.key"
        limit, threads = settings.quarantine_limit, settings.threads
        source = ingest(wanted.data, settings.raw, wanted.mapping, limit, now(), key, threads)
    return outcome_of(source)


def outcome_of(source: Source) -> Outcome:
    """What is known about a loaded bank."""
    rows = sum(source.rows.values())
    bad = sum(source.quarantined.values())
    lines = [
        f"{source.rows['customers']:,} customer rows, {source.rows['accounts']:,} accounts, "
        f"{source.rows['bookings']:,} bookings, {source.rows.get('loans', 0):,} loans; "
        f"{source.starts[:10]} to {source.ends[:10]}, {source.base_currency}",
        f"{bad:,} of {rows:,} rows in quarantine ({bad / max(rows, 1):.2%})",
    ]
    if source.selection:
        lines.append(
            f"bookings complete until {str(source.bookings_complete_until)[:10]}: {source.selection}"
        )
    figures: dict[str, object] = {"source": source.digest, "rows": source.rows, "quarantined": bad}
    return Outcome(rows, tuple(lines), figures)


def build_features(settings: Settings, source: Source) -> Outcome:
    """Features offline for training, registered with Feast, and one packed row a customer online."""
    wanted = spine(settings.raw, source)
    views = build.build(settings.raw, wanted, settings.features, settings.machine)
    store.apply(settings)
    online = build.online_rows(settings.raw, source.end, settings.machine)
    customers = write_online(settings, online)
    dates = len(set(wanted["as_of"].to_pylist()))
    lines = (
        f"{len(FEATURES)} features in {len(views)} views at {dates:,} dates: {wanted.num_rows:,} rows, "
        f"each from what was known strictly before its date",
        f"online: {customers:,} customers as of {source.ends[:10]}, one packed row a view",
    )
    return Outcome(wanted.num_rows, lines, {"features": len(FEATURES), "online_customers": customers})


def write_online(settings: Settings, views: dict[str, pa.Table]) -> int:
    """Replace the online rows in one transaction; returns the customers written."""
    with open_rows(settings, read_only=False) as rows:
        rows.load(views)
    return int(views["profile"].num_rows)
