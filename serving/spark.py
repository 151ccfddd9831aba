"""The Scorer inside Spark: the same bits as the batch of one machine, a partition at a time (`mapInArrow`).

Every executor verifies the signed release before it parses it, as the service does, and holds it once a
process. It must see the same folders: releases and trust file are read there.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from crm_rules.governance.people import Profile, Trust
from crm_rules.governance.stops import Stops
from crm_rules.offers.uses import Counted
from feature_repo.rows.reading import NO_ROW, Rows
from serving.batch.chunks import CHUNK, in_chunks
from serving.batch.run import BatchRun
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows, RowReader
from serving.deciding.scoring import Scorer
from training.release.manifest import Origin
from training.release.verify import verify

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Doubles and microseconds as bytes, little-endian, in the order of the release's columns and views.
FEATURES = pa.schema([("customer_id", pa.string()), ("values", pa.binary()), ("event_us", pa.binary())])
DECIDED = "customer_id string, decision_id string, at string, use_case string, answer binary, payload binary"
ARROW = pa.schema(
    [
        ("customer_id", pa.string()),
        ("decision_id", pa.string()),
        ("at", pa.string()),
        ("use_case", pa.string()),
        ("answer", pa.binary()),
        ("payload", pa.binary()),
    ]
)


@dataclass(frozen=True)
class Task:
    """What an executor needs to know: where the signed release lies, which run, what is stopped and used.

    Plain values only, so that it travels as JSON.
    """

    releases: str
    trust_file: str
    trust_root: str
    profile: Profile
    run: Mapping[str, object]
    stops: Sequence[str] = ()
    mine: Mapping[str, Mapping[str, int]] | None = None
    everybodys: Mapping[str, int] | None = None


def packed(reader: RowReader, origin: Origin, customer_ids: Sequence[str]) -> pa.Table:
    """The online rows of these customers in the layout of a release, as `decide_in_spark` takes them."""
    snapshot = OnlineRows(reader, origin, "").read(customer_ids)
    values = [row.tobytes() for row in np.ascontiguousarray(snapshot.values, "<f8")]
    times = [row.tobytes() for row in np.ascontiguousarray(snapshot.event_us, "<i8")]
    return pa.table([list(customer_ids), values, times], schema=FEATURES)


def decide_in_spark(features: "DataFrame", task: Task) -> "DataFrame":
    """The decisions of a run about these customers, of the columns FEATURES; who has no row is left out.

    Each row has the answer and the record's payload: nothing is logged here. A BankError of an executor
    (a release that does not verify, a model that is stopped) ends the job.
    """
    return features.mapInArrow(_worker(json.dumps(task.__dict__)), DECIDED)


def _worker(told: str) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """What Spark ships: it imports this module where it runs."""

    def work(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        from serving.spark import decided

        for batch in batches:
            yield from decided(batch, told)

    return work


def decided(batch: pa.RecordBatch, told: str) -> Iterator[pa.RecordBatch]:
    """The decisions about one Arrow batch of customers, CHUNK at a time."""
    task = Task(**json.loads(told))
    run, loaded = BatchRun(**task.run), _loaded(told)  # type: ignore[arg-type]  # fields of a BatchRun
    names = batch.column("customer_id").to_pylist()
    scorer = _scorer(batch, names, loaded, task)
    asked, stamps = [run.use_case.request(name) for name in names], run.stamps(names)
    for made in in_chunks(scorer, run.use_case.decide, asked, stamps, lambda: scorer.loaded.stops, CHUNK):
        rows = [
            (r.customer_id, r.decision_id, r.at, r.use_case, each.body, r.payload)
            for each in made
            if (r := each.record)
        ]
        if rows:
            columns = zip(zip(*rows, strict=True), ARROW.types, strict=True)
            yield pa.RecordBatch.from_arrays([pa.array(c, kind) for c, kind in columns], schema=ARROW)


@lru_cache(maxsize=1)
def _loaded(told: str) -> Loaded:
    """The release, verified in this process and held for its other partitions."""
    task = Task(**json.loads(told))
    trust = Trust.load(Path(task.trust_file), task.profile, task.trust_root or None)
    release = verify(Path(task.releases), str(task.run["release"]), trust)
    return Loaded.of(release).under(Stops.from_record(list(task.stops)))


def _scorer(batch: pa.RecordBatch, names: list[str], loaded: Loaded, task: Task) -> Scorer:
    origin = loaded.runtime.manifest.origin
    online = OnlineRows(ArrowRows.of(batch, names, origin), origin, loaded.runtime.digest)
    return Scorer(loaded, online, SaidUses(Counted(task.mine or {}, task.everybodys or {})))


@dataclass(frozen=True)
class SaidUses:
    """How often offers were used, as the driver counted."""

    told: Counted

    def counted(self, customer_ids: Sequence[str]) -> Counted:
        """What was told."""
        return self.told


@dataclass(frozen=True)
class ArrowRows:
    """A `RowReader` over one Arrow batch in the layout of a release."""

    origin: Origin
    place: Mapping[str, int]
    rows: Rows

    @staticmethod
    def of(batch: pa.RecordBatch, names: list[str], origin: Origin) -> "ArrowRows":
        """The rows of a batch; ValueError when their bytes are not of that layout."""
        values = _matrix(batch.column("values"), "<f8", len(origin.columns)).astype(np.float64)
        times = _matrix(batch.column("event_us"), "<i8", len(origin.views)).astype(np.int64)
        found = (times != NO_ROW).any(axis=1)
        rows = Rows(tuple(names), origin.columns, values, found, times, origin.views)
        return ArrowRows(origin, {name: at for at, name in enumerate(names)}, rows)

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each view."""
        return {view: tuple(columns) for view, columns in self.origin.feature_views.items()}

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        """The rows of these customers, all of whom are in the batch; every view of the release."""
        at = np.array([self.place[name] for name in customer_ids], np.intp)
        whole = self.rows
        return Rows(
            tuple(customer_ids), whole.columns, whole.values[at], whole.found[at], whole.event_us[at],
            whole.views,
        )  # fmt: skip


def _matrix(column: pa.Array, kind: str, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    return np.frombuffer(b"".join(column.to_pylist()), kind).reshape(len(column), width)
