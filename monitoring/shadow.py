"""What a release in the shadow would have decided, beside what was: how often and by how much they differ.

Shadow records lie in logs of their own, with chains of their own: nothing that reads decisions meets them.
Each names the decision it shadows (`shadows`), which is looked up in the decision log.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_rules.governance.append_only import chains
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from monitoring.intervals import Averaged, Counted

PREFIX = "shadow-"  # begins the chain of every worker's shadow log
SCHEMA = "bank_shadows"
USE_CASES = (
    "next_best_action", "credit", "suitability", "score_segment", "score_propensity", "score_credit",
    "score_recommendation",
)  # fmt: skip
NEWEST = 100_000  # shadow records read of each worker and use case
AT_ONCE = 500  # decisions looked up in one query


def shadow_logs(settings: Settings) -> DecisionLogs:
    """Where shadow records lie."""
    url = settings.database.get_secret_value()
    return DecisionLogs(settings.shadows, settings.heads, url, SCHEMA, PREFIX)


@dataclass(frozen=True)
class Compared:
    """One use case: of so many shadowed decisions how many differ, and each score's mean difference.

    A difference is the shadow's score minus the decision's. `first` counts the same first offer, None where
    no offers are made; `lost` are shadows whose decision is not in the log, or was erased.
    """

    use_case: str
    differs: Counted
    first: Counted | None
    scores: Mapping[str, Averaged]
    lost: int

    def as_json(self) -> dict[str, object]:
        """The same as data."""
        return {
            "use_case": self.use_case, "differs": self.differs.as_json(),
            "same_first_offer": self.first.as_json() if self.first else None,
            "scores": {name: each.as_json() for name, each in self.scores.items()}, "lost": self.lost,
        }  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The same for a person."""
        yield f"{self.use_case}: the outcome differs in {self.differs}"
        if self.first is not None:
            yield f"  the first offer is the same in {self.first}"
        for name, each in self.scores.items():
            yield f"  {name:<28}{each}"
        if self.lost:
            yield f"  {self.lost:,} shadows without their decision in the log"


def compare(shadows: DecisionLogs, decisions: DecisionLogs, release: str) -> Iterator[Compared]:
    """Each use case that the release was asked about in the shadow."""
    for use_case in USE_CASES:
        told = (json.loads(each) for each in shadows.payloads(use_case, NEWEST))
        found = {str(each["shadows"]): _said(each) for each in told if each["release"] == release}
        if found:
            yield _compared(use_case, found, _looked_up(decisions, list(found)))


def newest_release(shadows: DecisionLogs) -> str | None:
    """The release that was in the shadow last; None where none was."""
    newest = (json.loads(each) for case in USE_CASES for each in shadows.payloads(case, 1))
    return max(((str(each["at"]), str(each["release"])) for each in newest), default=("", ""))[1] or None


@dataclass(frozen=True)
class _Said:
    outcome: object
    scores: Mapping[str, float]


def _said(record: Mapping[str, Any]) -> _Said:
    scores = {
        name: float(value)
        for name, value in (record.get("scores") or {}).items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    outcome = record.get("outcome")
    return _Said((record.get("scores") or {}).get("segment") if outcome is None else outcome, scores)


def _looked_up(logs: DecisionLogs, ids: Sequence[str]) -> dict[str, _Said]:
    found: dict[str, _Said] = {}
    with logs.reading() as databases:
        for _, database in databases:
            for chain in chains(database):
                for start in range(0, len(ids), AT_ONCE):
                    some = ids[start : start + AT_ONCE]
                    sql = (
                        "SELECT p.payload FROM chain c JOIN payloads p ON p.chain = c.chain AND p.seq = c.seq"  # noqa: S608  # only marks
                        f" WHERE c.chain = ? AND c.id IN ({', '.join('?' * len(some))})"
                    )
                    for row in database.stream(sql, (chain, *some)):
                        record = json.loads(bytes(row[0]))
                        found[str(record["decision_id"])] = _said(record)
    return found


def _compared(use_case: str, shadows: Mapping[str, _Said], decisions: Mapping[str, _Said]) -> Compared:
    pairs = [(said, decisions[name]) for name, said in shadows.items() if name in decisions]
    offers = [(mine.outcome, theirs.outcome) for mine, theirs in pairs if isinstance(mine.outcome, list)]
    first = sum(isinstance(theirs, list) and mine[:1] == theirs[:1] for mine, theirs in offers)
    names = sorted({name for mine, theirs in pairs for name in mine.scores.keys() & theirs.scores.keys()})
    return Compared(
        use_case,
        Counted(sum(mine.outcome != theirs.outcome for mine, theirs in pairs), len(pairs)),
        Counted(first, len(offers)) if offers else None,
        {
            name: Averaged.of(
                [mine.scores[name] - theirs.scores[name] for mine, theirs in pairs
                 if name in mine.scores and name in theirs.scores]
            )
            for name in names
        },
        len(shadows) - len(pairs),
    )  # fmt: skip
