"""Every customer of BANK_HOME gets the same bytes alone as among a thousand."""

import sys

from feature_repo.packed_rows import open_rows
from feature_repo.settings import Settings
from serving.batch.planning import asked
from serving.bootstrap.releases import current_release, open_scorer
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.scoring import Scorer

AT = "2026-01-01T00:00:00+00:00"


def main() -> int:
    """Decide everybody twice, alone and in thousands; prints one line."""
    settings = Settings()
    with open_rows(settings) as rows:
        scorer = open_scorer(current_release(settings), rows)
        ids = list(asked(rows, "accounts_open"))
        same = [
            each for start in range(0, len(ids), 1_000) for each in _same(scorer, ids[start : start + 1_000])
        ]
    ok = bool(same) and all(same)
    sys.stdout.write(
        f"alone: {len(same)} customers, {same.count(False)} differ from their batch: "
        f"{'ok' if ok else 'MISS'}\n"
    )
    return 0 if ok else 1


def _same(scorer: Scorer, ids: list[str]) -> list[bool]:
    requests = [OfferRequest(name) for name in ids]
    stamps = [Stamp(name, "proof", AT, "proof") for name in ids]
    together = scorer.next_best_action(requests, stamps)
    alone = [scorer.next_best_action([a], [s])[0] for a, s in zip(requests, stamps, strict=True)]
    return [one == among for one, among in zip(alone, together, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
