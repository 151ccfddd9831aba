"""Every logged decision of BANK_HOME computes again to the same bytes, from its record alone."""

import sys
from itertools import chain

from feature_repo.settings import Settings
from monitoring.batch_log import read, verify_batches
from monitoring.decision_log import payloads, verify
from serving.bootstrap import open_archive
from serving.scoring import USE_CASES

NEWEST = 100_000


def main() -> int:
    """Replay every decision with the release that made it; prints one line."""
    settings = Settings()
    folder = settings.decisions
    archive = open_archive(settings)
    logged = [chain(read(folder, case), payloads(folder, case, NEWEST)) for case in USE_CASES]
    same = [archive.replay(payload).same for payload in chain.from_iterable(logged)]
    problems = (*verify(folder).problems, *verify_batches(folder))
    ok = bool(same) and all(same) and not problems
    sys.stdout.write(
        f"replay: {len(same)} decisions, {same.count(False)} differ, {len(problems)} chain problems: "
        f"{'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
