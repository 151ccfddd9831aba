"""A partition's answers as a table for users; in its place only once the decisions are in the log."""

import json
import os
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from serving.batch.run import DRAFT
from serving.batch.use_cases import UseCase
from serving.deciding.records import Decision

OUTCOMES = b"outcomes"


class Answers:
    """Writes one file of answers; a context manager that leaves a whole draft, forced to disk.

    `place` gives it its name. The file's metadata counts the outcomes.
    """

    def __init__(self, path: Path, use_case: UseCase) -> None:
        self.path, self._use_case = path, use_case
        self._draft = path.with_suffix(DRAFT)
        self.outcomes: Counter[str] = Counter()

    def __enter__(self) -> "Answers":
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._writer = pq.ParquetWriter(
            self._draft, self._use_case.schema, compression="zstd", write_statistics=["customer_id"]
        )
        return self

    def add(self, decisions: Sequence[Decision]) -> None:
        """Add the rows of these decisions, as one group."""
        use_case, schema = self._use_case, self._use_case.schema
        told = [use_case.rows(decision) for decision in decisions]
        self.outcomes.update(map(use_case.outcome, told))
        rows = list(chain.from_iterable(told))
        if rows:
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(zip(*rows, strict=True), schema, strict=True)
            ]
            self._writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._writer.add_key_value_metadata({OUTCOMES: json.dumps(self.outcomes).encode()})
        self._writer.close()
        if kind is not None:
            self._draft.unlink(missing_ok=True)
            return
        with self._draft.open("rb") as file:
            os.fsync(file.fileno())

    def place(self) -> None:
        """Give the file its name; once, however often asked."""
        if self._draft.exists():
            self._draft.replace(self.path)


def outcomes_of(path: Path) -> Counter[str]:
    """How the decisions of a file of answers came out."""
    metadata = pq.read_metadata(path).metadata or {}
    return Counter(json.loads(metadata.get(OUTCOMES, b"{}")))
