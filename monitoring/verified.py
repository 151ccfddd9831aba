"""Logged decisions that are as they were written: what may leave the log for analysts and for learning.

Every entry is walked from the beginning of its chain, or from one that was walked before, and every row is
held against its entry. What is not as it was written is counted and told, and never passed on.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from crm_rules.database import Database
from crm_rules.errors import BrokenHead
from crm_rules.governance.append_only import NEWEST, ONE, Walker, chains
from crm_rules.governance.heads import Anchors, Head
from monitoring.batch_check import seen_rows
from monitoring.batch_log import ENTRY, FOLDER
from monitoring.decision_log import BATCHES, ERASED, PREFIX, DecisionLogs
from monitoring.log_check import ROWS, linked

Ends = Mapping[str, Head]
LATER = "SELECT MIN(seq) FROM chain WHERE chain = ? AND seq > ? AND at >= ?"


@dataclass(frozen=True)
class Logged:
    """A decision's record as it was written; `at` is ISO 8601 in UTC."""

    at: str
    use_case: str
    payload: bytes


@dataclass
class VerifiedLog:
    """Reads what is as it was written; counts what was erased, and says what was altered."""

    logs: DecisionLogs
    rows: int = 0
    erased: int = 0
    unverified: int = 0
    problems: list[str] = field(default_factory=list)

    def ends(self, before: str | None = None, after: Ends | None = None) -> dict[str, Head]:
        """The last entry of each chain, or the last before the first one that came at a moment or later.

        `after` are entries that are known to lie before it.
        """
        found = dict[str, Head]()
        with self.logs.reading() as databases:
            for _, database in databases:
                for chain in _ours(database):
                    start = (after or {}).get(chain, Head())
                    found[chain] = (
                        _last(database, chain) if before is None else _before(database, chain, before, start)
                    )
        return found

    def read(self, wanted: Callable[[str], bool], until: Ends, after: Ends | None = None) -> Iterator[Logged]:
        """The decisions whose moment is wanted, up to those `until`, by chain; of a batch by its own.

        `after` are entries that were walked before.
        """
        with self.logs.reading() as databases:
            for _, database in databases:
                for chain in sorted(set(_ours(database)) & set(until)):
                    yield from self._chain(database, chain, wanted, until[chain], (after or {}).get(chain))

    def _chain(
        self, database: Database, chain: str, wanted: Callable[[str], bool], until: Head, after: Head | None
    ) -> Iterator[Logged]:
        start, heads = after or Head(), tuple[Head, ...]()
        with suppress(BrokenHead):
            heads = Anchors([self.logs.heads]).of(chain)
        walker = Walker(chain, [head for head in (*heads, until) if start.seq < head.seq <= until.seq], start)
        for row in database.stream(ROWS, (chain, start.seq)):
            if row[0] > until.seq:
                break
            before = walker.found
            walker.take(*next(linked([row], chain)))
            good, (_, name, at, *_, use_case, _, _, payload, _, _) = walker.found == before, row
            if chain == BATCHES:
                if good and str(name).startswith(ENTRY) and wanted(at) and payload is not None:
                    yield from self._batch(database, str(name), payload)
            elif wanted(at) and not str(name).startswith(ERASED):
                yield from self._counted(at, use_case, payload, good)
        walker.end(bool(heads))
        self.problems += walker.problems

    def _batch(self, database: Database, name: str, entry: bytes) -> Iterator[Logged]:
        path = self.logs.folder / FOLDER / f"{name.removeprefix(ENTRY)}.parquet"
        if not path.exists():
            self.problems.append(f"{path.name}: the file is gone, but has an entry")
        for row, good in seen_rows(path, entry, database):
            yield from self._counted(row["at"], row["use_case"], row["payload"], good)

    def _counted(self, at: object, use_case: object, payload: object, good: bool) -> Iterator[Logged]:
        if not good:
            self.unverified += 1
        elif payload is None:
            self.erased += 1
        else:
            assert isinstance(payload, bytes | memoryview)
            self.rows += 1
            yield Logged(str(at), str(use_case), bytes(payload))


def _last(database: Database, chain: str) -> Head:
    seq, _, last = database.ask(NEWEST, (chain,))[0]
    return Head(int(seq), bytes(last).hex())


def _before(database: Database, chain: str, moment: str, start: Head) -> Head:
    later = database.ask(LATER, (chain, start.seq, moment))[0][0]
    if later is None:
        return _last(database, chain)
    if int(later) <= start.seq + 1:
        return start
    return Head(int(later) - 1, bytes(database.ask(ONE, (chain, int(later) - 1))[0][0]).hex())


def _ours(database: Database) -> tuple[str, ...]:
    """The chains of decisions in a database, by name."""
    if not database.has("payloads"):
        return ()
    return tuple(name for name in chains(database) if name.startswith(PREFIX) or name == BATCHES)
