"""Every logged decision of BANK_HOME computes again to the same bytes, from its record alone.

Two processes share the work; each takes whole portions, so that nothing but records passes between them.
"""

import multiprocessing
import sys
from collections.abc import Iterator
from itertools import chain, islice

from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit, batch_files, decision_chains
from monitoring.batch_log import read
from monitoring.decision_log import DecisionLogs
from serving.bootstrap.releases import open_archive
from serving.deciding.archive import Archive
from serving.deciding.scoring import USE_CASES

NEWEST = 100_000
PROCESSES, PORTION = 2, 500
ARCHIVE: list[Archive] = []


def prepare() -> None:
    """What a process needs once."""
    ARCHIVE.append(open_archive(Settings()))


def differing(payloads: list[bytes]) -> tuple[int, int]:
    """How many decisions a portion has, and how many of them differ."""
    return len(payloads), sum(not ARCHIVE[0].replay(payload).same for payload in payloads)


def portions(payloads: Iterator[bytes]) -> Iterator[list[bytes]]:
    """The payloads, so many at a time."""
    while some := list(islice(payloads, PORTION)):
        yield some


def main() -> int:
    """Replay every decision with the release that made it; prints one line."""
    settings = Settings()
    logs = DecisionLogs.of(settings)
    logged = [chain(read(logs.folder, case), logs.payloads(case, NEWEST)) for case in USE_CASES]
    found = portions(chain.from_iterable(logged))
    with multiprocessing.get_context("spawn").Pool(PROCESSES, prepare) as pool:
        counts = list(pool.imap_unordered(differing, found))
    many, differ = sum(count for count, _ in counts), sum(count for _, count in counts)
    checks = audit(Evidence(settings), (decision_chains, batch_files))
    problems = [problem for check in checks for problem in check.problems]
    ok = many > 0 and not differ and not problems
    sys.stdout.write(
        f"replay: {many:,} decisions, {differ} differ, {len(problems)} chain problems: "
        f"{'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
