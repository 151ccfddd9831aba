"""Ways to a yes for applications that were not approved, each decided again before it is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_rules.lending.limits import Lending
from crm_rules.lending.policy import Decisions
from crm_rules.lending.reasons import Catalogue
from crm_rules.lending.recourse import (
    FEATURES,
    REQUEST,
    Candidates,
    Change,
    candidates,
    changes,
    ways,
)
from crm_rules.rules import UNAVAILABLE
from serving.deciding.online import F64Array, Snapshot

Indices = npt.NDArray[np.intp]
Redecide = Callable[[Snapshot, Mapping[str, F64Array], Indices], Decisions]
HOPELESS = (
    "LEND-05", "LEND-08", "LEND-09", "LEND-10", "LEND-18", "LEND-19", "LEND-20", "LEND-21", UNAVAILABLE,
)  # fmt: skip
"""Age, what is unknown, degraded or stopped, what happened before: nothing the applicant changes helps."""
NOTE = {
    "en": "With these changes, and nothing else different, today's decision would be to approve.",
    "zh": "在其他条件不变的情况下，如作出上述调整，今天的审批结果将为通过。",
}


@dataclass(frozen=True)
class Way:
    """One way to an approval: what would have to change."""

    changes: tuple[Change, ...]

    def as_answer(self, texts: Catalogue) -> list[dict[str, object]]:
        """As an answer gives it: code, texts and figures of each change."""
        return [
            {"code": code, "en": texts[code].en, "zh": texts[code].zh, "from": each.before, "to": each.after}
            for each in self.changes
            for code in (f"WAY-{each.lever}",)
        ]

    def as_record(self) -> list[list[object]]:
        """As the decision record keeps it."""
        return [[each.lever, each.before, each.after] for each in self.changes]


def recourse(
    decided: Decisions, request: Mapping[str, F64Array], snapshot: Snapshot, policy: Lending,
    redecide: Redecide,
) -> list[Sequence[Way]]:  # fmt: skip
    """For each of n cases the ways to an approval; none for what is approved, or hopeless.

    `redecide(snapshot, request, cases)` decides m changed applications of the given cases.
    """
    told: list[Sequence[Way]] = [()] * len(decided.outcome)
    helpless = decided.rules[:, [decided.rule_codes.index(code) for code in HOPELESS]].any(axis=1)
    open_cases = np.flatnonzero((decided.outcome != "approve") & ~helpless)
    if not len(open_cases):
        return told
    asked = {name: request[name][open_cases] for name in REQUEST}
    known = {name: snapshot.column(name)[open_cases] for name in FEATURES}
    limit = decided.terms.limit[open_cases]
    largest = np.where(np.isnan(limit), policy.application.amount_max, limit)
    tried = candidates(asked, known, largest, policy.recourse)
    if not len(tried):
        return told
    cases = open_cases[tried.case]
    changed = {name: values[cases] for name, values in request.items()} | dict(tried.request)
    again = redecide(_changed(snapshot, cases, tried), changed, cases)
    found = ways(tried, again.outcome == "approve", len(open_cases), policy.recourse)
    for at, case in enumerate(open_cases.tolist()):
        told[case] = [Way(changes(tried, number, asked, known)) for number in found[at].tolist()]
    return told


def _changed(snapshot: Snapshot, cases: Indices, tried: Candidates) -> Snapshot:
    values = snapshot.values[cases]
    for name, column in tried.features.items():
        values[:, snapshot.origin.position[name]] = column
    return Snapshot(snapshot.origin, values, snapshot.event_us[cases])
