"""The contracts as pandera schemas: what any frame of a raw table must keep."""

import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
from pandera.errors import SchemaErrors

from feature_repo.errors import BankError
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


class Checked:
    """Holds rows on their way to disk against the contract; by then none may break it.

    The row checks that set rows aside are SQL; pandera, derived from the same contract, sees their result.
    Of a batch of 200,000 rows it sees a sample of `most`, evenly spread: all would add a third to a load.
    """

    def __init__(self, contract: Table, most: int = 2_000) -> None:
        self._schema, self._most = schema(contract), most

    def __call__(self, rows: pa.Table) -> None:
        """ContractBroken when a row of the sample breaks the contract."""
        step = max(1, rows.num_rows // self._most)
        sample = rows.take(list(range(0, rows.num_rows, step))) if step > 1 else rows
        try:
            self._schema.validate(frame(sample), lazy=True)
        except SchemaErrors as error:
            first = error.failure_cases.iloc[0]
            raise ContractBroken(str(self._schema.name), str(first["column"]), str(first["check"])) from None


class ContractBroken(BankError, AssertionError):
    """Rows that passed the row checks break their contract: the two have come apart."""

    def __init__(self, table: str, column: str, check: str) -> None:
        super().__init__(
            f"Column '{column}' of table '{table}' breaks its contract ({check}) after its rows passed. "
            f"Nothing was loaded; report this as a defect of the loader."
        )


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
