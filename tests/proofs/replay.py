"""Every logged decision of BANK_HOME computes again to the same bytes, from its record alone."""

import sys
from itertools import chain

from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit, batch_files, decision_chains
from monitoring.batch_log import read
from monitoring.decision_log import DecisionLogs
from serving.bootstrap import open_archive
from serving.deciding.scoring import USE_CASES

NEWEST = 100_000


def main() -> int:
    """Replay every decision with the release that made it; prints one line."""
    settings = Settings()
    logs = DecisionLogs.of(settings)
    archive = open_archive(settings)
    logged = [chain(read(logs.folder, case), logs.payloads(case, NEWEST)) for case in USE_CASES]
    same = [archive.replay(payload).same for payload in chain.from_iterable(logged)]
    checks = audit(Evidence(settings), (decision_chains, batch_files))
    problems = [problem for check in checks for problem in check.problems]
    ok = bool(same) and all(same) and not problems
    sys.stdout.write(
        f"replay: {len(same)} decisions, {same.count(False)} differ, {len(problems)} chain problems: "
        f"{'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
