"""Whether a decision log is as it was written: chain, rows and erasures, in memory that does not grow."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as joined
from itertools import islice
from typing import Any

from crm_rules.database import Database, Row
from crm_rules.governance.append_only import GONE, MOST_PROBLEMS, Linked, Verified, walk
from crm_rules.governance.heads import Head
from monitoring.decision_log import ERASED, digest_of, digest_of_erasure

ROWS = """
SELECT c.seq, c.id, c.at, c.digest, c.link, p.decision_id, p.use_case, p.customer_id, p.salt, p.payload,
  CASE WHEN p.seq IS NULL THEN
    (SELECT 1 FROM chain e WHERE e.chain = c.chain AND e.id = 'erased:' || c.id) END,
  c.chain
FROM chain c LEFT JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq
WHERE c.chain = ? AND c.seq > ? ORDER BY c.seq
"""
TYPES = {(str, str, str, bytes, bytes), (str, str, type(None), bytes, bytes)}
WITHOUT_ENTRY = (
    "SELECT p.chain, p.seq, p.decision_id FROM payloads p"
    " LEFT JOIN chain c ON c.chain = p.chain AND c.seq = p.seq"
    " WHERE c.seq IS NULL OR c.id <> p.decision_id"
)
BACK_AGAIN = (
    "SELECT c.chain, c.seq, c.id FROM chain e JOIN chain c ON c.chain = e.chain AND c.id = SUBSTR(e.id, 8)"
    " JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq WHERE e.id >= 'erased:' AND e.id < 'erased;'"
)


def verify_log(database: Database, chain: str, heads: Sequence[Head]) -> Verified:
    """Recompute one worker's chain, hold it against its heads, and every row against its entry.

    Read the heads before: a log that goes on being written is then never behind them.
    """
    return walk(chain, linked(database.stream(ROWS, (chain, 0)), chain), heads, bool(heads))


def misplaced(database: Database) -> tuple[str, ...]:
    """Rows that no entry tells of, and rows that were erased and are there again, of every chain."""
    found = joined(
        _named(database, WITHOUT_ENTRY, "its row has no entry in the chain"),
        _named(database, BACK_AGAIN, "it was erased, but its content is there again"),
    )
    return tuple(islice(found, MOST_PROBLEMS))


def linked(rows: Iterable[Row], chain: str) -> Iterator[Linked]:
    """Rows of the join as the walk takes them: each entry with the digest of the content found."""
    for seq, name, at, digest, link, *content, erased, found_in in rows:
        found = _digest(name, content, erased) if found_in == chain else "of another chain"
        yield seq, name, at, digest, link, found


def _digest(name: object, content: Sequence[Any], erased: object) -> str | None:
    decision_id, use_case, customer_id, salt, payload = content
    if decision_id is None and payload is None:
        if isinstance(name, str) and name.startswith(ERASED):
            return digest_of_erasure(name.removeprefix(ERASED))
        return None if erased else GONE
    if decision_id != name or tuple(map(type, content)) not in TYPES:
        return "of another type"
    return digest_of(salt, decision_id, use_case, customer_id, payload)


def _named(database: Database, sql: str, sentence: str) -> Iterator[str]:
    for chain, seq, decision_id in database.stream(sql):
        said = f"{chain} entry {seq} ({decision_id})".encode(errors="replace").decode()
        yield f"{said}: {sentence}"
