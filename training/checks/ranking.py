"""Does it rank well out of time, and at least about as well as the champion on the same rows?"""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from training.checks.limits import (
    LEAST_AUC,
    LEAST_AUC_ELSEWHERE,
    LEAST_CASES,
    LEAST_KS,
    WORSE_AUC,
    WORSE_MAP,
)
from training.checks.subject import Candidate, Subject
from training.gates import Gate, held_to
from training.recommendation.ranking import Ranked, rank
from training.validation import F64, Labels, auc, auc_difference, auc_interval, ks

SEED = 7  # of the bootstrap over customers
Mask = npt.NDArray[np.bool_]


def discrimination(candidate: Candidate, subject: Subject) -> Iterator[Gate]:
    """AUC with DeLong's interval against the limit, KS; for a list of products its gain over popularity."""
    if subject.said.ndim == 2:
        yield _over_popularity(subject)
        return
    limit, name = LEAST_AUC.get(candidate.model, LEAST_AUC_ELSEWHERE), subject.name
    rows = outcome(subject)
    reach = "" if rows.all() else f"among the {int(rows.sum()):,} rows of those in reach"
    title = f"{name}: AUC out of time (its lower bound counts)"
    y, p = subject.test.labels[rows].astype(np.int8), subject.said[rows]
    if few := too_few(y):
        yield held_to("discrimination", title, float("nan"), limit, False, note=few)
        return
    found = auc_interval(y, p)
    other = subject.champion.said
    served = None if other is None else auc(y, other[rows])
    yield held_to("discrimination", title, found.value, limit, found.low >= limit, found.low, found.high,
                  served, reach)  # fmt: skip
    if candidate.model in LEAST_KS:
        least, value = LEAST_KS[candidate.model], ks(y, p)
        served = None if other is None else ks(y, other[rows])
        yield held_to(
            "discrimination", f"{name}: KS out of time", value, least, value >= least, champion=served
        )


def champion(candidate: Candidate, subject: Subject) -> Iterator[Gate]:
    """Not worse than the champion by more than a margin: the lower bound of the paired difference."""
    listed = subject.said.ndim == 2
    margin, measure = (-WORSE_MAP, "MAP@5") if listed else (-WORSE_AUC, "AUC")
    title = f"{subject.name}: {measure} above the champion's on the same rows (its lower bound counts)"
    beside = subject.champion
    if not beside.version:
        yield held_to("champion", title, 0.0, margin, True, note="no champion yet")
        return
    if beside.said is None and not beside.why:
        said = f"champion {beside.version} has no such member"
        yield held_to("champion", title, 0.0, margin, True, note=said)
        return
    yield (_paired_lists if listed else _paired)(candidate, subject, title, margin)


def lost(candidate: Candidate) -> Iterator[Gate]:
    """What the champion answers and this part would no longer, where there is such a member."""
    if candidate.lost:
        title = "members of the champion that the part does not have"
        yield held_to("champion", title, float(len(candidate.lost)), 0.0, False,
                      note=", ".join(candidate.lost))  # fmt: skip


def outcome(subject: Subject) -> Mask:
    """The test rows whose outcome counts: it is known and, where that was recorded, within reach."""
    known: Mask = ~np.isnan(subject.test.labels)
    within = subject.test.given.get("in_reach")
    return known if within is None else known & within.astype(bool)


def too_few(y: Labels) -> str:
    """Why outcomes allow no verdict; empty where they do.

    >>> too_few(np.array([0, 1, 1], np.int8))
    '2 of 3 outcomes are cases, 15 of either are needed'
    """
    cases, n = int(y.sum()), len(y)
    enough = min(cases, n - cases) >= LEAST_CASES
    return "" if enough else f"{cases} of {n:,} outcomes are cases, {LEAST_CASES} of either are needed"


def _paired(candidate: Candidate, subject: Subject, title: str, margin: float) -> Gate:
    rows, beside = outcome(subject), subject.champion
    y, p = subject.test.labels[rows].astype(np.int8), subject.said[rows]
    if few := too_few(y):
        return held_to("champion", title, float("nan"), margin, False, note=few)
    if beside.said is None:
        return _recorded(candidate, subject.name, title, margin, auc(y, p), "auc_out_of_time", beside.why)
    found = auc_difference(y, p, beside.said[rows])
    return held_to("champion", title, found.value, margin, found.low > margin, found.low, found.high,
                   auc(y, beside.said[rows]), f"champion {beside.version}")  # fmt: skip


def _recorded(
    candidate: Candidate, name: str, title: str, margin: float, ours: float, figure: str, why: str
) -> Gate:
    """Beside the figure that the champion's own training recorded, on other rows: without an interval."""
    served = _figure(candidate, name, figure)
    note = f"{why}; held to its recorded {figure}, on rows of its own"
    if served is None:
        return held_to("champion", title, float("nan"), margin, False, note=f"{why}; no {figure} recorded")
    return held_to("champion", title, ours - served, margin, ours - served > margin, None, None, served, note)


def _figure(candidate: Candidate, name: str, figure: str) -> float | None:
    served = candidate.champion
    if served is None or not served.documented:
        return None
    metrics = served.record.metrics
    members = metrics.get("members")
    held = members.get(name) if isinstance(members, Mapping) else metrics
    value = held.get(figure) if isinstance(held, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def _over_popularity(subject: Subject) -> Gate:
    title = f"{subject.name}: MAP@5 above popularity's (its lower bound counts)"
    popular = subject.member.popular
    assert popular is not None  # every part that lists products says how popular they are
    lists = ranked(subject, subject.said)
    if len(lists) < LEAST_CASES:
        few = f"{len(lists)} customers added anything, {LEAST_CASES} are needed"
        return held_to("discrimination", title, float("nan"), 0.0, False, note=few)
    known = popular if len(popular) == subject.said.shape[1] else np.zeros(subject.said.shape[1])
    found = lists.over(ranked(subject, np.tile(known, (len(subject.said), 1))), SEED)
    note = f"MAP@5 {lists.mean['map_at_5']:.4f} of {len(lists):,} customers who added something"
    return held_to("discrimination", title, found.value, 0.0, found.low >= 0, found.low, found.high,
                   note=note)  # fmt: skip


def _paired_lists(candidate: Candidate, subject: Subject, title: str, margin: float) -> Gate:
    lists, beside = ranked(subject, subject.said), subject.champion
    if len(lists) < LEAST_CASES:
        few = f"{len(lists)} customers added anything, {LEAST_CASES} are needed"
        return held_to("champion", title, float("nan"), margin, False, note=few)
    if beside.said is None:
        ours = lists.mean["map_at_5"]
        return _recorded(candidate, subject.name, title, margin, ours, "map_at_5", beside.why)
    served = ranked(subject, beside.said)
    found = lists.over(served, SEED)
    return held_to("champion", title, found.value, margin, found.low > margin, found.low, found.high,
                   served.mean["map_at_5"], f"champion {beside.version}")  # fmt: skip


def ranked(subject: Subject, said: F64) -> Ranked:
    """The lists that these chances make, judged by what was added."""
    test = subject.test
    held = test.given["held"].astype(bool)
    return rank(said, held, np.nan_to_num(test.labels).astype(bool) & ~held)
