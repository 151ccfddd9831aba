"""A hundred thousand cases made of the OpenAPI and as many raw bodies: each answered as it is described.

`python -m tests.proofs.api 3000` does as many of each. One process over a tiny bank; every case has a seed.
"""

import resource
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monitoring.decision_log import Record
from tests.conftest import make_scorer, make_tiny
from tests.serving.api.driver import Driver
from tests.serving.api.fuzzing import Fuzz
from tests.serving.conftest import Kept, open_bank

HUNDRED_THOUSAND, PIECE, FIRST = 100_000, 5_000, 1_000  # the tests take the seeds before FIRST
MOST_KEPT, MOST_TOLD, MOST_MB = 1_000, 20, 50
ASKED = b'{"customer_id":"ann","amount":15e4,"term_months":36}'


@dataclass
class Forgetful(Kept):
    """A log that keeps the first decisions alone, so that memory tells of the service."""

    def append(self, records: Sequence[Record]) -> None:
        if len(self.records) < MOST_KEPT:
            super().append(records)


def main(arguments: Sequence[str]) -> int:
    """Fuzz; what went wrong on stderr, then one line."""
    count = int(arguments[0]) if arguments else HUNDRED_THOUSAND
    with tempfile.TemporaryDirectory() as folder:
        described, raw, grown = _fuzzed(Path(folder), count)
    for line in (*described.found, *raw.found)[:MOST_TOLD]:
        sys.stderr.write(f"{line}\n")
    wrong = len(described.found) + len(raw.found)
    ok = not wrong and grown < MOST_MB
    sys.stdout.write(
        f"api: {described.cases:,} cases of the description, {raw.cases:,} raw bodies, {wrong} not answered "
        f"as described; {described.accepted + raw.accepted:,} accepted; memory grew by {grown:.0f} MB: "
        f"{'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


def _fuzzed(folder: Path, count: int) -> tuple[Fuzz, Fuzz, float]:
    """Both kinds in turn, and by how many MB the process grew since its first raw piece.

    Cases made of the description come last: what their maker keeps of them is its own.
    """
    tiny, kept = make_tiny(folder / "tiny"), Forgetful()
    stores = folder / "stores"
    stores.mkdir()
    with (
        open_bank(make_scorer(tiny), tiny, stores, kept) as bank,
        Driver(bank.app, bank.token(hours=24)) as driver,
    ):
        driver.post("/v1/decisions/credit", ASKED)
        known = {"customer_id": ["ann", "ben", "cat", "dan"], "decision_id": [next(iter(kept.records))]}
        raw, described = Fuzz(driver, known, []), Fuzz(driver, known, [])
        raw.raw(min(count, PIECE), FIRST)
        before = _megabytes()
        for piece in range(1, -(-count // PIECE)):
            raw.raw(min(count - piece * PIECE, PIECE), FIRST + piece)
        grown = _megabytes() - before
        for piece in range(-(-count // PIECE)):
            described.by_description(min(count - piece * PIECE, PIECE), FIRST + piece)
    return described, raw, grown


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
