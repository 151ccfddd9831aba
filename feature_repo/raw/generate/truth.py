"""What only the maker of the bank knows: which tables, which columns, what each means."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from feature_repo.raw.contracts import FAMILIES
from feature_repo.raw.generate.arrow import NULL, Array, own_identifiers, times
from feature_repo.raw.generate.economy import Economy
from feature_repo.raw.generate.files import Growing, part
from feature_repo.raw.generate.needs import EFFECT, SOLD

ID, TEXT, TIME, CHANCE, WHOLE, CENTS = "id", "text", "time", "chance", "whole", "cents"
ARROW = {
    ID: pa.string(), TEXT: pa.string(), TIME: pa.timestamp("us", tz="UTC"), CHANCE: pa.float32(),
    WHOLE: pa.int16(), CENTS: pa.int64(),
}  # fmt: skip
KEPT_BITS = np.uint32(0xFFFFF000)
"""Of a float32's 23 mantissa bits 11 are kept (0.05 %): enough to rank, and small on disk."""


@dataclass(frozen=True)
class TruthTable:
    """One table of the truth: what a row is, and each column's kind and meaning."""

    row: str
    columns: Mapping[str, tuple[str, str]]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of its files."""
        return pa.schema([(name, ARROW[kind]) for name, (kind, _) in self.columns.items()])


_CUSTOMER = (ID, "customer_id of the raw tables")
_AS_OF = (TIME, "start of a month; what is known of the customer is what happened before it")

TABLES: dict[str, TruthTable] = {
    "customers": TruthTable("one customer, hidden traits as they are when the data ends", {
        "customer_id": _CUSTOMER, "persona": (TEXT, "kind of customer at first"),
        "persona_last": (TEXT, "kind of customer at the end"),
        "stress": (CHANCE, "financial stress, drifts; 0 is average, standard deviation about 1"),
        "grievance": (CHANCE, "lasting dissatisfaction, standard normal"),
        "digital": (CHANCE, "at home with screens; 0 is average"),
        "appetite": (CHANCE, "true appetite for risk, 1-5; risk_level is its noisy assessment"),
        **{f"need_{name}": (CHANCE, f"lasting need of {name}, log odds") for name in FAMILIES},
    }),
    "hazards": TruthTable("one customer and month: the chances the month's draws were made with", {
        "customer_id": _CUSTOMER, "month": (TIME, "start of the month"),
        **{name: (CHANCE, f"to want {name} this month, offers and events of the month included")
           for name in SOLD},
        "churn": (CHANCE, "to decide this month to leave"),
        "leaves_in": (WHOLE, "months until the accounts close, null when staying"),
    }),
    "outlook": TruthTable("one customer and month's start: chances seen from the hidden state before it", {
        "customer_id": _CUSTOMER, "as_of": _AS_OF,
        **{name: (CHANCE, f"to open a holding of {name} within 3 months") for name in SOLD},
        "churn_3": (CHANCE, "to close every account within 3 months"),
        "churn_6": (CHANCE, "to close every account within 6 months"),
    }),
    "applications": TruthTable("one application of a customer", {
        "application_id": (ID, "application_id of the raw tables"),
        "pd": (CHANCE, "to be 90 days past due within 12 months of granting, were it granted"),
    }),
    "loans": TruthTable("one loan", {
        "loan_id": (ID, "loan_id of the raw tables"), "application_id": (ID, "its application"),
        "trouble": (CHANCE, "log odds a month of an instalment missed, without job loss and economy"),
        "default_at": (TIME, "when it was 90 days past due, null when never"),
    }),
    "behaviour": TruthTable("one running loan and month's start", {
        "loan_id": (ID, "loan_id of the raw tables"), "customer_id": _CUSTOMER, "as_of": _AS_OF,
        "hazard": (CHANCE, "to miss this month's instalment (when behind: to stay behind)"),
        "pd": (CHANCE, "to become 90 days past due within 12 months; null when that has happened"),
    }),
    "offers": TruthTable("one offer, treated or control: chances within the calendar month it is made in", {
        "offer_id": (ID, "offer_id of the raw tables"), "customer_id": _CUSTOMER,
        "family": (TEXT, "the family offered"), "month": (TIME, "start of the month"),
        "treated": (CHANCE, "to open a holding of the family, had the offer been shown"),
        "control": (CHANCE, "the same, had it been withheld; the difference is the true uplift"),
    }),
    "wrong_rows": TruthTable("one booking that the upstream bug reached (both its rows when corrected)", {
        "booking_id": (ID, "booking_id of the raw tables"),
        "what": (TEXT, "amount, category or recorded_at"),
        "amount": (CENTS, "true amount in cents, null when the bug left it alone"),
        "category": (TEXT, "true category, null when the bug left it alone"),
        "recorded_at": (TIME, "true recording time, null when the bug left it alone"),
    }),
}  # fmt: skip
"""Probabilities are conditional on hidden state and economy; `outlook.py` says exactly how far."""


class Truth:
    """The truth files of one partition, open while it lives; a context."""

    def __init__(self, folder: Path, partition: int, names: tuple[str, ...] = tuple(TABLES)) -> None:
        self._partition, self._stack = partition, ExitStack()
        self._files: dict[str, Growing] = {}
        self._folder, self._names = folder, names

    def __enter__(self) -> "Truth":
        for name in self._names:
            schema = TABLES[name].schema
            split = {field.name: "BYTE_STREAM_SPLIT" for field in schema if field.type == pa.float32()}
            looked_up = [field.name for field in schema if field.name not in split]
            self._files[name] = self._stack.enter_context(Growing(
                self._folder / name / part(self._partition), schema, compression="zstd",
                use_dictionary=looked_up, column_encoding=split,
            ))  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def add(self, name: str, **columns: Array) -> None:
        """Append a row group to a table; whole numbers become identifiers of the partition."""
        table = TABLES[name]
        arrays = [self._column(column, kind, columns[column]) for column, (kind, _) in table.columns.items()]
        self._files[name].add(pa.Table.from_arrays(arrays, schema=table.schema))

    def _column(self, name: str, kind: str, values: Array) -> pa.Array:
        if kind == ID:
            return own_identifiers(name, values.astype(np.int64, copy=False), self._partition)
        if kind == TIME:
            return times(values)
        if kind == TEXT:
            return pa.array(values, pa.string())
        if kind == CHANCE:
            kept = (values.astype(np.float32).view(np.uint32) & KEPT_BITS).view(np.float32)
            return pa.array(kept, mask=np.isnan(kept))
        return pa.array(values, ARROW[kind], mask=values == NULL)


def write_story(folder: Path, months: Array, economy: Economy, **told: Any) -> None:
    """Write truth.json: what was asked for, the economy by month, effects, and every column's meaning."""
    path = asdict(economy) | {"shock": str(economy.shock) if economy.shock else None}
    lines = {name: np.round(values, 6).tolist() for name, values in path.items()
             if isinstance(values, np.ndarray)}  # fmt: skip
    shock = {"name": path["shock"], "from": str(months[economy.first])[:10] if economy.shock else None}
    story = {
        **told, "shock": shock, "months": [str(month)[:10] for month in months[:-1]], "economy": lines,
        "offer_effect_log_odds": EFFECT,
        "tables": {name: {"row": table.row, "columns": {column: meaning for column, (_, meaning)
                                                        in table.columns.items()}}
                   for name, table in TABLES.items()},
    }  # fmt: skip
    (folder / "truth.json").write_text(json.dumps(story, indent=1) + "\n")
