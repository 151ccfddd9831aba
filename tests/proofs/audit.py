"""Whatever is changed in a decision log or a ledger is found and named; nothing acknowledged is lost.

Every bit of every value of every row, each row deleted, neighbours swapped, the tail cut at every length, the
whole rewritten: in memory, over the rows the audit reads, each from the entry before it on, which is all that
a walk remembers. Values that only join a row to its entry (names of chains, numbers of parts) are covered by
deleting the row: with another value it is no longer read there. Then random bytes of the database files
themselves, and writers killed (SIGKILL) at random moments.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from crm_rules.database import Row, Sqlite
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.append_only import Linked, Walker, walk
from crm_rules.governance.chain import GENESIS, link
from crm_rules.governance.heads import Anchors, Head, Heads
from crm_rules.loyalty import check
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.schema import CHAIN
from crm_rules.policy import STANDARD, Policy
from monitoring import log_check
from monitoring.decision_log import DecisionLogs, Record, chain_of

ROWS, FILE_FLIPS, KILLS, QUICK_KILLS, SEED = 1_000, 300, 50, 5, 7
AT = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = Policy.load(STANDARD).loyalty
LOG = chain_of("w")
# What orders a table by itself, so that no copy in an index is read.
KEYS = {"chain": "chain, seq", "entries": "transfer_id, account", "lot_lines": "lot_id, transfer_id"}
Group = list[Row]  # the rows that the audit reads of one entry


class Chained(NamedTuple):
    """A chain as the audit reads it: the rows of each entry, and how they are linked."""

    name: str
    groups: list[Group]
    linked: Callable[[Iterable[Row]], Iterator[Linked]]

    def before(self, at: int) -> Head:
        """The state of a walk in front of entry `at` (from 0)."""
        return Head(at, next(self.linked(self.groups[at - 1]))[4].hex() if at else GENESIS)

    def problems(self, at: int, rows: Iterable[Row]) -> list[str]:
        """What a walk says of these rows where entry `at` is expected."""
        walker = Walker(self.name, (), self.before(at))
        for entry in self.linked(rows):
            walker.take(*entry)
        return walker.problems


def make_log(home: Path, rows: int) -> Chained:
    """A log of small decisions."""
    log = DecisionLogs(home, home / "heads").open("w")
    log.append([record(number) for number in range(rows)])
    log.close()
    database = Sqlite(home / "w.db", read_only=True)
    read = list(database.stream(log_check.ROWS, (LOG, 0)))
    database.close()
    return Chained(LOG, [[row] for row in read], partial(log_check.linked, chain=LOG))


def record(number: int) -> Record:
    payload = f'{{"pd": 0.{number % 97:02}, "outcome": "approved"}}'.encode()
    return Record(f"d{number:07}", AT.isoformat(), "credit", f"c{number % 9}", payload)


def booking(number: int) -> Booking:
    amount = -(200_000 + 7 * number) if number % 10 else 90_000
    return Booking(f"b{number}", f"c{number % 9}", AT + timedelta(hours=number), amount, "card_payment")


def _ledger_linked(rows: Iterable[Row]) -> Iterator[Linked]:
    return check.linked(rows, [])


def make_ledger(home: Path, rows: int) -> Chained:
    """A ledger of awards, refunds and redemptions."""
    database = Sqlite(home / "l.db")
    ledger = Ledger.open(database, Heads(home / "heads"))
    ledger.earn([booking(number) for number in range(1, rows - 9)], TERMS)
    for number in range(10):
        ledger.redeem(f"c{number % 9}", 100, f"k{number}", AT + timedelta(days=300), TERMS)
    read = list(database.stream(check.ROWS, (CHAIN,)))
    ledger.close()
    return Chained(CHAIN, [list(group) for _, group in groupby(read, lambda row: row[0])], _ledger_linked)


def flips(value: object) -> Iterator[object]:
    """The value with each of its bits flipped."""
    if isinstance(value, int):
        yield from ((value ^ (1 << bit) if bit < 63 else value - (1 << 63)) for bit in range(64))
    elif isinstance(value, str | bytes):
        whole = value.encode() if isinstance(value, str) else value
        for bit in range(8 * len(whole)):
            changed = bytearray(whole)
            changed[bit // 8] ^= 1 << bit % 8
            yield changed.decode(errors="surrogateescape") if isinstance(value, str) else bytes(changed)


def tampered(group: Group) -> Iterator[Group]:
    """The rows of one entry with every bit of every value flipped, and with each row but the entry's gone."""
    for at, row in enumerate(group):
        is_part = len(group) > 1 and row[1] != check.LINK
        if is_part:
            yield [*group[:at], *group[at + 1 :]]
        for column, value in enumerate(row):
            joins = (is_part and column == 0) or (len(group) > 1 and column == 1)
            for changed in () if joins else flips(value):
                yield [*group[:at], (*row[:column], changed, *row[column + 1 :]), *group[at + 1 :]]


def missed_flips(chained: Chained, entries: Iterable[int]) -> tuple[int, int]:
    """How many changes of these entries were made, and how many were not found or not named."""
    made = missed = 0
    for at in entries:
        named = f"{chained.name} entry {at + 1} ("
        name = next(chained.linked(chained.groups[at]))[1]
        for rows in tampered(chained.groups[at]):
            found = chained.problems(at, sorted(rows, key=lambda row: row[1]) if len(rows) > 1 else rows)
            made += 1
            missed += not any(named in problem or f"({name})" in problem for problem in found)
    return made, missed


def missed_moves(chained: Chained) -> tuple[int, int]:
    """Each entry deleted, swapped with the next, and the tail cut before it; then all of it rewritten."""
    last, missed = len(chained.groups), 0
    anchored = chained.before(last)
    for at in range(last):
        after = [row for group in chained.groups[at + 1 : at + 3] for row in group]
        if at + 1 < last:
            missed += not chained.problems(at, after)
            one, two = chained.groups[at], chained.groups[at + 1]
            other = [(a[0], *b[1:]) for a, b in ((one[0], two[0]), (two[0], one[0]))]
            missed += not chained.problems(at, [*other[:1], *two[1:], *other[1:], *one[1:]])
        walker = Walker(chained.name, [anchored], chained.before(at))
        walker.end(known=True)
        missed += not walker.problems
    rewritten = walk(chained.name, _rewritten(chained), [anchored])
    old_copy = walk(chained.name, _rewritten(chained), [chained.before(last // 2)])
    missed += rewritten.intact + old_copy.intact
    return 3 * last, missed


def _rewritten(chained: Chained) -> Iterator[Linked]:
    """A chain of the same entries at another time, consistent in itself."""
    head = GENESIS
    for group in chained.groups:
        seq, name, _, digest, _, content = next(chained.linked(group))
        head = link(head, seq, name, "2026-01-02", digest.hex())
        yield seq, name, "2026-01-02", digest, bytes.fromhex(head), content


def file_flips(
    path: Path, verify: Callable[[Sqlite], Sequence[str]], count: int, dice: random.Random
) -> Counter[str]:
    """Random bytes changed, one at a time: refused, named, no content (an index, free), MISSED."""
    whole, found = path.read_bytes(), Counter[str]()
    contents = _contents(path)
    for _ in range(count):
        at, changed = dice.randrange(len(whole)), bytearray(whole)
        changed[at] ^= 1 << dice.randrange(8)
        other = path.with_name("flipped.db")
        other.write_bytes(changed)
        try:
            database = Sqlite(other, read_only=True)
            try:
                named = bool(verify(database))
            finally:
                database.close()
            found["named" if named else "no content" if _contents(other) == contents else "MISSED"] += 1
        except DatabaseUnavailable:
            found["refused"] += 1
        for left in path.parent.glob("flipped.db*"):
            left.unlink()
    return found


def _contents(path: Path) -> list[list[Row]]:
    database = Sqlite(path, read_only=True)
    try:
        tables = [row[0] for row in database.ask("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return [
            database.ask(f"SELECT * FROM {table} NOT INDEXED ORDER BY {KEYS.get(table, 'rowid')}")
            for table in sorted(tables)
        ]
    finally:
        database.close()


def log_problems(home: Path, database: Sqlite) -> Sequence[str]:
    found = log_check.verify_log(database, LOG, Anchors([home / "heads"]).of(LOG))
    return (*found.problems, *log_check.misplaced(database))


def ledger_problems(home: Path, database: Sqlite) -> Sequence[str]:
    return check.verify_ledger(database, Anchors([home / "heads"]).of(CHAIN)).problems


def kills(home: Path, times: int, write: Callable[[Path, int, int], None], dice: random.Random) -> list[str]:
    """Kill a writer at random moments; the ids of all appends that were acknowledged."""
    acknowledged: list[str] = []
    for generation in range(times):
        reader, writer = os.pipe()
        if not (child := os.fork()):
            try:
                write(home, generation, writer)
            finally:
                os._exit(1)
        os.close(writer)
        first = os.read(reader, 1 << 16)
        time.sleep(dice.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        with os.fdopen(reader, "rb") as rest:
            acknowledged += (first + rest.read()).decode().split("\n")[:-1]
    return acknowledged


def write_log(home: Path, generation: int, acknowledge: int) -> None:
    """Append until killed, one and eight at a time; each id is told once its append returned."""
    log, number = DecisionLogs(home, home / "heads").open("w"), 0
    while number < 400:
        names = [f"g{generation}-{number + more}" for more in range(8 if number % 16 else 1)]
        log.append([Record(name, AT.isoformat(), "credit", None, b"{}") for name in names])
        os.write(acknowledge, "".join(f"{name}\n" for name in names).encode())
        number += len(names)
    time.sleep(60)


def write_ledger(home: Path, generation: int, acknowledge: int) -> None:
    """The same with bookings."""
    ledger, number = Ledger.open(Sqlite(home / "l.db"), Heads(home / "heads")), 0
    while number < 400:
        name = f"g{generation}-{number}"
        ledger.earn([Booking(name, "ann", AT, -10_000, "card_payment")], TERMS)
        os.write(acknowledge, f"booking:{name}\n".encode())
        number += 1
    time.sleep(60)


def lost(path: Path, chain: str, acknowledged: Sequence[str]) -> int:
    """How many acknowledged appends are not in the chain exactly once."""
    database = Sqlite(path, read_only=True)
    there = Counter(row[0] for row in database.ask("SELECT id FROM chain WHERE chain = ?", (chain,)))
    database.close()
    return sum(there[name] != 1 for name in acknowledged) + (not acknowledged)


class Proof(NamedTuple):
    """What was done, and what of it went unnoticed."""

    flips: int
    missed: int
    files: Counter[str]
    acknowledged: int
    lost: int

    @property
    def ok(self) -> bool:
        return not (self.missed or self.files["MISSED"] or self.lost)


KINDS = (
    ("w.db", LOG, make_log, log_problems, write_log),
    ("l.db", CHAIN, make_ledger, ledger_problems, write_ledger),
)


def prove(home: Path, rows: int, flipped: int, killed: int, every: int = 1) -> Proof:
    """All of it on small files under `home`; of the entries' bits every `every`th entry's are flipped."""
    dice, total = random.Random(SEED), Proof(0, 0, Counter(), 0, 0)
    for file, chain, make, problems, write in KINDS:
        quiet, written = home / f"quiet-{chain}", home / f"killed-{chain}"
        quiet.mkdir()
        written.mkdir()
        chained = make(quiet, rows)
        parts = [range(first * every, len(chained.groups), 8 * every) for first in range(8)]
        with ProcessPoolExecutor(2) as pool:
            done = [*pool.map(partial(missed_flips, chained), parts), missed_moves(chained)]
        files = file_flips(quiet / file, partial(problems, quiet), flipped // 2, dice)
        acknowledged = kills(written, killed, write, dice)
        database = Sqlite(written / file)
        unsound = len(problems(written, database))
        database.close()
        total = Proof(
            total.flips + sum(made for made, _ in done),
            total.missed + sum(missed for _, missed in done),
            total.files + files,
            total.acknowledged + len(acknowledged),
            total.lost + unsound + lost(written / file, chain, acknowledged),
        )
    return total


def main(quick: bool = False) -> int:
    """Prove it; prints one line."""
    killed = QUICK_KILLS if quick else KILLS
    with tempfile.TemporaryDirectory() as home:
        if quick:
            found = prove(Path(home), 60, 60, killed, every=6)
        else:
            found = prove(Path(home), ROWS, FILE_FLIPS, killed)
    sys.stdout.write(
        f"audit: {found.flips:,} changes of rows, {found.missed} missed; bytes of the files: "
        f"{dict(sorted(found.files.items()))}; {2 * killed} kills, {found.acknowledged:,} acknowledged, "
        f"{found.lost} lost or unsound: {'ok' if found.ok else 'MISS'}\n"
    )
    return 0 if found.ok else 1


if __name__ == "__main__":
    sys.exit(main(quick=sys.argv[1:] == ["quick"]))
