"""The newest logged decisions of one use case, live and of batches, one after another in bounded memory."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.parquet as pq

from crm_rules.database import Row
from crm_rules.governance.append_only import chains
from monitoring.batch_log import files
from monitoring.decision_log import DecisionLogs

AT_ONCE = 1_000
LIVE = (
    "SELECT c.at, p.payload FROM chain c JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq"
    " WHERE c.chain = ? AND p.use_case = ?"
)
TIMES = (
    "SELECT c.at FROM chain c JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq"
    " WHERE c.chain = ? AND p.use_case = ?"
)


@dataclass(frozen=True)
class Logged:
    """Where to read, and how much: decisions `since` a moment (ISO 8601, UTC), at most the `newest`."""

    logs: DecisionLogs
    newest: int | None = None
    since: str = ""

    def payloads(self, use_case: str) -> Iterator[bytes]:
        """The records of a use case that were not erased; of those of one moment any, where not all fit."""
        if self.newest is None:
            yield from (payload for at, payload in self._every(use_case) if at >= self.since)
            return
        kept = heapq.nlargest(self.newest, (at for at in self._times(use_case) if at >= self.since))
        if not kept:
            return
        oldest = kept[-1]
        left = kept.count(oldest)
        for at, payload in self._every(use_case):
            if at == oldest and left:
                left -= 1
                yield payload
            elif at > oldest:
                yield payload

    def _times(self, use_case: str) -> Iterator[str]:
        for row in self._live(TIMES, use_case):
            yield str(row[0])
        for at, _ in self._batches(use_case, ("at", "use_case")):
            yield at

    def _every(self, use_case: str) -> Iterator[tuple[str, bytes]]:
        for at, payload in self._live(LIVE, use_case):
            yield str(at), bytes(payload)
        for at, content in self._batches(use_case, ("at", "use_case", "payload")):
            if content is not None:
                yield at, content

    def _live(self, sql: str, use_case: str) -> Iterator[Row]:
        with self.logs.reading() as databases:
            for _, database in databases:
                if database.has("payloads"):
                    for chain in chains(database):
                        yield from database.stream(sql, (chain, use_case))

    def _batches(self, use_case: str, columns: tuple[str, ...]) -> Iterator[tuple[str, bytes | None]]:
        for path in files(self.logs.folder):
            with pq.ParquetFile(path) as parquet:
                for batch in parquet.iter_batches(AT_ONCE, columns=list(columns)):
                    for row in batch.to_pylist():
                        if row["use_case"] == use_case:
                            yield str(row["at"]), row.get("payload")
