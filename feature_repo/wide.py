"""All features side by side: one expression for a snapshot, and the views made of what it gives."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.features.catalogue import FEATURES, VIEWS, Feature, left_out, view_columns
from feature_repo.snapshot import TIME
from feature_repo.sources import SOURCES, Snapshot

OWNED = "owned"  # the view of products held, one column each


def wide(snapshot: Snapshot, features: Sequence[Feature]) -> ir.Table:
    """customer_id, as_of and these features, a row for each spine row whose customer is known.

    A feature made of others needs them among `features`.
    """
    opened = snapshot.engine
    absent = left_out(opened.has)
    present = [feature for feature in features if feature.name not in absent]
    rows = opened.keep(snapshot.see("customers").table.select("row", "customer_id", "as_of"))
    for source in SOURCES:
        read = [feature for feature in present if feature.reads == (source,)]
        if read:
            rows = _beside(rows, opened.keep(_values(snapshot, source, read)), read)
    rows = opened.keep(rows)
    derived = {
        feature.name: feature.build(*(rows[name] for name in feature.reads)).cast("float64")
        for feature in present
        if feature.name not in rows.columns
    }
    unknown = {feature.name: ibis.null("float64") for feature in features if feature.name in absent}
    return rows.mutate(**derived, **unknown).order_by("customer_id", "as_of")


def online(snapshot: Snapshot) -> tuple[ir.Table, ...]:
    """What online rows are made of, for `online_views`: features, products, who holds what."""
    asked = wide(snapshot, FEATURES)
    if not (snapshot.engine.has("products") and snapshot.engine.has("holdings")):
        return (asked,)
    known = snapshot.rows("products").cross_join(snapshot.spine.select("as_of").distinct())
    known = known.filter((known.recorded_at < known.as_of) & (known.valid_from < known.as_of))
    products = known.select("product_id").distinct().order_by("product_id")
    return asked, products, snapshot.see("held_products").table.select("customer_id", "product_id")


def online_views(computed: Sequence[pa.Table]) -> dict[str, pa.Table]:
    """Every view of what `online` asked for, and `owned`: a column a product, 1.0 held, 0.0 not."""
    features, *holdings = computed
    found = views(features)
    if holdings:
        found[OWNED] = _owned(found[VIEWS[0]], *holdings)
    return found


def _values(snapshot: Snapshot, source: str, features: list[Feature]) -> ir.Table:
    """These features of one source, a row for each spine row that sees any of its rows."""
    seen = snapshot.see(source)
    values = {feature.name: feature.build(seen).cast("float64") for feature in features}
    if seen.single:
        return seen.table.select("row", **values)
    return seen.table.group_by("row").agg(**values)


def _beside(rows: ir.Table, values: ir.Table, features: list[Feature]) -> ir.Table:
    joined = rows.left_join(values, "row", rname="{name}_right")
    return joined.select(*rows.columns, **{f.name: f.or_nothing(joined[f.name]) for f in features})


def views(rows: pa.Table) -> dict[str, pa.Table]:
    """What `wide` gave, by view: customer_id, event_timestamp, created_timestamp, features."""
    at = rows["as_of"].cast(TIME)
    keys = {"customer_id": rows["customer_id"], "event_timestamp": at, "created_timestamp": at}
    return {view: pa.table({**keys, **{name: rows[name] for name in view_columns(view)}}) for view in VIEWS}


def _owned(profile: pa.Table, known: pa.Table, held: pa.Table) -> pa.Table:
    table, products = (
        profile.select(["customer_id", "event_timestamp", "created_timestamp"]),
        known["product_id"],
    )
    matrix = np.zeros((table.num_rows, len(products)))
    rows = pc.index_in(held["customer_id"], value_set=table["customer_id"]).to_numpy()
    matrix[rows, pc.index_in(held["product_id"], value_set=products).to_numpy()] = 1.0
    for at, name in enumerate(products.to_pylist()):
        table = table.append_column(name, pa.array(matrix[:, at]))
    return table
