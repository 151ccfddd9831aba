"""Whether the ledger is as it was booked: each transfer with its entries and lots against its chain entry."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from crm_rules.database import Database, Row
from crm_rules.errors import NotCanonical
from crm_rules.governance.append_only import GONE, MOST_PROBLEMS, Linked, Verified, walk
from crm_rules.governance.heads import Head
from crm_rules.loyalty.journal import Parts
from crm_rules.loyalty.schema import CHAIN

# One stream by number: what an entry of the chain, its transfer and the transfer's parts say, each read from
# its table and not from a copy in an index. B, T and N stand for no bytes, no text, no number.
LINK, TRANSFER, ENTRY, LOT, LINE = range(5)
B, T, N = "CAST(NULL AS BYTEA)", "CAST(NULL AS TEXT)", "CAST(NULL AS BIGINT)"
ROWS = f"""
SELECT seq, 0, id, at, chain, {N}, {N}, digest, link FROM chain WHERE chain = ?
UNION ALL SELECT transfer_id, 1, reference, kind, body, at_us, {N}, salt, {B} FROM transfers NOT INDEXED
UNION ALL SELECT transfer_id, 2, account, {T}, {T}, points, {N}, {B}, {B} FROM entries NOT INDEXED
UNION ALL SELECT lot_id, 3, customer_id, {T}, {T}, earned_us, expires_us, {B}, {B} FROM lots NOT INDEXED
UNION ALL SELECT transfer_id, 4, {T}, {T}, {T}, lot_id, points, {B}, {B} FROM lot_lines NOT INDEXED
ORDER BY 1, 2
"""  # noqa: S608 -- constants of this file


def verify_ledger(database: Database, heads: Sequence[Head]) -> Verified:
    """Recompute the chain of transfers, hold it against its heads, and every row against its entry."""
    return verify_rows(database.stream(ROWS, (CHAIN,)), heads)


def verify_rows(rows: Iterable[Row], heads: Sequence[Head]) -> Verified:
    """The same over the rows of that stream, ordered by number and part."""
    without: list[str] = []
    found = walk(CHAIN, linked(rows, without), heads, bool(heads))
    return Verified(found.entries, 0, (*found.problems, *without))


def linked(rows: Iterable[Row], without: list[str]) -> Iterator[Linked]:
    """Each chain entry with the digest of its transfer; what has no entry is added to `without`."""
    for number, group in groupby(rows, key=lambda row: row[0]):
        parts: dict[int, list[Row]] = {kind: [] for kind in range(5)}
        for row in group:
            parts[row[1]].append(row)
        if parts[LINK]:
            _, _, name, at, chain, _, _, digest, link = parts[LINK][0]
            content = _digest(number, name, parts) if chain == CHAIN else "of another chain"
            yield number, name, at, digest, link, content
        elif len(without) < MOST_PROBLEMS:
            without.append(_without_entry(number, parts))


def _digest(number: int, name: str, parts: dict[int, list[Row]]) -> str:
    if not parts[TRANSFER]:
        return GONE
    _, _, reference, kind, body, at_us, _, salt, _ = parts[TRANSFER][0]
    if reference != name or type(salt) is not bytes:
        return "of another transfer"
    told = Parts(
        [(row[2], row[5]) for row in parts[ENTRY]],
        [(number, row[2], row[5], row[6]) for row in parts[LOT]],
        [(row[5], row[6]) for row in parts[LINE]],
    )
    try:
        return told.digest(number, (reference, kind, at_us, body), salt)
    except (NotCanonical, TypeError):  # values that no ledger writes, or of types that cannot be sorted
        return "of other values"


def _without_entry(number: object, parts: dict[int, list[Row]]) -> str:
    reference = str(parts[TRANSFER][0][2]) if parts[TRANSFER] else "its parts only"
    said = f"transfer {number} ({reference})".encode(errors="replace").decode()
    return f"{CHAIN}: {said}: it has no entry in the chain"
