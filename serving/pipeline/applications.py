"""The last applications, each with what was known about the applicant when it was made."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
import pyarrow as pa

from feature_repo import build
from feature_repo.features.columns import VIEWS
from feature_repo.packed_rows import PackedRows
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from feature_repo.wide import OWNED
from serving.deciding.asking import CreditRequest

DAYS = 180

LATEST = """
WITH known AS (
  SELECT * FROM read_parquet($files) WHERE recorded_at < $end AND "at" >= $start AND "at" < $end
  QUALIFY row_number() OVER (PARTITION BY application_id ORDER BY recorded_at DESC) = 1)
SELECT customer_id, "at" AS as_of, CAST(amount AS DOUBLE) AS amount, term_months,
       CAST(declared_income AS DOUBLE) AS declared_income, co_applicant, purpose
FROM known QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY "at" DESC, application_id DESC) = 1
ORDER BY customer_id
"""


@dataclass(frozen=True)
class Applications:
    """Each applicant's last application: the requests, and (customer_id, as_of) of the same rows."""

    requests: Sequence[CreditRequest]
    spine: pa.Table


def last_applications(raw: Path, source: Source) -> Applications:
    """Of the last 180 days; newcomers included, whose customer_id no table knows."""
    if not source.has("applications"):
        return Applications([], pa.table({"customer_id": [], "as_of": []}))
    window = {"start": source.end - timedelta(days=DAYS), "end": source.end}
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        asked_for = {"files": str(raw / "applications" / "*.parquet"), **window}
        table = connection.sql(LATEST, params=asked_for).to_arrow_table()
    asked = table.drop_columns(["as_of"]).to_pylist()
    return Applications([CreditRequest(**row) for row in asked], table.select(["customer_id", "as_of"]))


@contextmanager
def rows_as_of(
    settings: Settings, applications: Applications, products: Sequence[str]
) -> Iterator[PackedRows]:
    """Packed rows of the applicants as of their applications, from the offline features."""
    with (
        TemporaryDirectory(prefix="bank-applications-") as scratch,
        PackedRows.open(Path(scratch) / "rows.db", read_only=False) as rows,
    ):
        views = {view: _view(settings.features, view, applications.spine) for view in VIEWS}
        held = build.held_products(settings.raw, applications.spine, settings.machine)
        rows.load({**views, OWNED: _owned(views["profile"], held, products)})
        yield rows


def _view(features: Path, view: str, spine: pa.Table) -> pa.Table:
    with duckdb.connect() as connection:
        connection.register("spine", spine)
        return connection.sql(
            "SELECT f.* EXCLUDE (created_timestamp) FROM read_parquet($path) f JOIN spine s "
            "ON f.customer_id = s.customer_id AND f.event_timestamp = s.as_of",
            params={"path": str(features / view / build.PART)},
        ).to_arrow_table()


def _owned(known: pa.Table, held: pa.Table, products: Sequence[str]) -> pa.Table:
    row = {customer: at for at, customer in enumerate(known["customer_id"].to_pylist())}
    column = {product: at for at, product in enumerate(products)}
    matrix = np.zeros((len(row), len(products)))
    for customer, product in zip(
        held["customer_id"].to_pylist(), held["product_id"].to_pylist(), strict=True
    ):
        if customer in row and product in column:
            matrix[row[customer], column[product]] = 1.0
    columns: Mapping[str, object] = dict(zip(products, matrix.T, strict=True))
    return pa.table(
        {"customer_id": known["customer_id"], "event_timestamp": known["event_timestamp"], **columns}
    )
