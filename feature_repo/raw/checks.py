"""The contracts as pandera schemas: what any frame of a raw table must keep."""

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa

from feature_repo.raw.contracts import Column, Kind, Table

DTYPE = {Kind.NUMBER: "float64", Kind.INTEGER: "Int64", Kind.FLAG: "boolean"}


def schema(contract: Table) -> pandera.DataFrameSchema:
    """The pandera schema of a raw table as `frame` reads it; exactly its columns, in order."""
    columns = {column.name: _column(column) for column in contract.columns}
    return pandera.DataFrameSchema(columns, name=contract.name, strict=True, ordered=True)


def frame(rows: pa.Table) -> pd.DataFrame:
    """Rows of a raw table as pandas holds them: money as Decimal, whole numbers and flags nullable."""
    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    read: pd.DataFrame = rows.to_pandas(types_mapper=nullable.get)
    return read


def _column(column: Column) -> pandera.Column:
    checks = []
    if column.allowed:
        checks.append(pandera.Check.isin(column.allowed))
    if column.least is not None:
        checks.append(pandera.Check(lambda values, least=column.least: values.dropna() >= least))
    if column.most is not None:
        checks.append(pandera.Check(lambda values, most=column.most: values.dropna() <= most))
    if column.kind is Kind.TIME:
        return pandera.Column("datetime64[us, UTC]", checks, nullable=not column.required)
    return pandera.Column(DTYPE.get(column.kind, "object"), checks, nullable=not column.required)
