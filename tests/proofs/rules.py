"""A million random cases decided as the reference decides them, and as many answers with nothing unsuitable.

`python -m tests.proofs.rules 20000` does as many of each. Two processes; every case has a seed.
"""

import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

from tests.proofs.unsuitable import unsuitable
from tests.reference.running import CUSTOMERS, credit_of_world, offers_of_world

MILLION, WORKERS, FIRST = 1_000_000, 2, 1_000  # the tests take the worlds before FIRST
SHARE_OF_CREDIT = 5  # every fifth world is of applications


def differing(seed: int) -> list[str]:
    """Whom of one world the product decides otherwise."""
    found = credit_of_world(seed) if seed % SHARE_OF_CREDIT == 0 else offers_of_world(seed)
    return [str(each) for each in found]


def main(arguments: Sequence[str]) -> int:
    """Compare and draw; differences on stderr, then one line."""
    cases = int(arguments[0]) if arguments else MILLION
    seeds = range(FIRST, FIRST + cases // CUSTOMERS)
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        different = _told(pool.map(differing, seeds, chunksize=8))
        unfit = _told(pool.map(unsuitable, seeds, chunksize=8))
    ok = different == unfit == 0
    sys.stdout.write(
        f"rules: {len(seeds) * CUSTOMERS:,} random cases, {different} decided unlike the reference; "
        f"{len(seeds) * CUSTOMERS:,} answers, {unfit} with an unsuitable product: {'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


def _told(found: Iterable[list[str]], say: Callable[[str], object] = sys.stderr.write) -> int:
    """How many lines there are; the first twenty are said."""
    lines = [line for each in found for line in each]
    for line in islice(lines, 20):
        say(f"{line}\n")
    return len(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
