"""A million bookings, late, corrected, moved and out of order: no feature knows what came later."""

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from feature_repo.settings import Settings
from tests.feature_repo.clerk import replayed
from tests.feature_repo.late_bank import LateBank
from tests.feature_repo.test_point_in_time import computed, differing, pairs

BOOKINGS = 1_000_000  # rows of the raw table, corrections among them


def main() -> int:
    """Compute every feature twice, by the platform and by replay; prints one line."""
    bank = LateBank(seed=20, customers=2_000, facts=310)
    with TemporaryDirectory(prefix="late-bank-") as folder:
        bank.write(Path(folder))
        found = computed(Path(folder), bank.spine(), Settings().machine)
    wrong: Counter[str] = Counter()
    for who, at, wanted in replayed(bank.rows, pairs(bank)):
        given = found.get((who, at))
        if given is None or wanted is None:
            wrong.update(["unknown"] if given is not wanted else [])
        else:
            wrong.update(differing(given, wanted))
    rows, spine = len(bank.rows["bookings"]), len(pairs(bank))
    ok = not wrong and rows >= BOOKINGS
    sys.stdout.write(
        f"point in time: {rows:,} bookings, {spine:,} dates of customers, {len(found):,} known, "
        f"{wrong.total()} values differ: {'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
