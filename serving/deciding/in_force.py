"""Under which policy each case is decided: the one in force at its moment, or one on trial for its customer.

A case on trial is decided under both; one answer leaves, and the record notes what the trial said.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from crm_rules.policy import Policy
from crm_rules.trial import Trial
from serving.deciding.loaded import Loaded
from serving.deciding.records import Case, Decision, Tried

Answer = Callable[[Sequence[Case], Loaded], list[Decision]]
log = logging.getLogger("bank.serving")


@dataclass(frozen=True)
class Ruled:
    """What decides one case: the policy of its answer, and its trial where there is one."""

    policy: Policy
    trial: Trial | None = None

    @property
    def other(self) -> Policy | None:
        """The policy that decides in the shadow of the answer."""
        if self.trial is None:
            return None
        return self.trial.instead_of if self.policy is self.trial.policy else self.trial.policy


def decide_each(
    cases: Sequence[Case], loaded: Loaded, answer: Answer, tried: bool = True, shadow: bool = True
) -> list[Decision]:
    """Answer every case under its own policy, in the order asked.

    Without `tried` no trial counts here; without `shadow` the other side of a trial is not decided.
    """
    book = loaded.book
    if len(book.policies) == 1 and not book.trials:
        return answer(cases, loaded.under_policy(book.base))
    rulings = [_ruled(case, loaded, tried) for case in cases]
    found: list[Decision | None] = [None] * len(cases)
    for ruling in dict.fromkeys(_key(each) for each in rulings):
        rows = [at for at, each in enumerate(rulings) if _key(each) == ruling]
        own = cases if len(rows) == len(cases) else _taken(cases, rows)
        for at, made in zip(rows, _decided(own, loaded, answer, rulings[rows[0]], shadow), strict=True):
            found[at] = made
    return [each for each in found if each is not None]


def _ruled(case: Case, loaded: Loaded, tried: bool) -> Ruled:
    book = loaded.book
    day = book.day(datetime.fromisoformat(case.stamp.at))
    trial = book.trial_on(day) if tried else None
    if trial is None:
        return Ruled(book.on(day))
    return Ruled(trial.policy if trial.takes(case.request.customer_id) else trial.instead_of, trial)


def _key(ruling: Ruled) -> tuple[int, int]:
    return id(ruling.policy), id(ruling.trial)


def _decided(
    cases: Sequence[Case], loaded: Loaded, answer: Answer, ruling: Ruled, shadow: bool
) -> list[Decision]:
    """The answers by one ruling. A case that a trial cannot decide is decided by the policy in force."""
    trial = ruling.trial
    if trial is None:
        return answer(cases, loaded.under_policy(ruling.policy))
    returned = ruling.policy is trial.policy
    others = _outcomes(cases, loaded, answer, ruling.other) if shadow else [None] * len(cases)
    if not returned:
        return answer(_noted(cases, trial, False, others), loaded.under_policy(ruling.policy))
    made = _outcomes(_noted(cases, trial, True, others), loaded, answer, trial.policy)
    lost = [at for at, each in enumerate(made) if each is None]
    if lost:
        left = _noted(_taken(cases, lost), trial, False, [None] * len(lost))
        for at, each in zip(lost, answer(left, loaded.under_policy(trial.instead_of)), strict=True):
            made[at] = each
    return [each for each in made if each is not None]


def _noted(
    cases: Sequence[Case], trial: Trial, returned: bool, others: Sequence[Decision | None]
) -> list[Case]:
    """The cases with what their records say of the trial."""
    version = trial.policy.version
    return [
        replace(case, tried=Tried(version, returned, other))
        for case, other in zip(cases, others, strict=True)
    ]


def _outcomes(
    cases: Sequence[Case], loaded: Loaded, answer: Answer, policy: Policy | None
) -> list[Decision | None]:
    """What a policy says; None for each case it fails on, whether that came alone or among many."""
    try:
        assert policy is not None
        return [*answer(cases, loaded.under_policy(policy))]
    except Exception as error:  # noqa: BLE001  # whatever a policy on trial raises, the answer leaves
        if len(cases) > 1:
            alone = (_outcomes(_taken(cases, [at]), loaded, answer, policy) for at in range(len(cases)))
            return [each for found in alone for each in found]
        log.error("policy %s has no answer (%s)", policy and policy.version, type(error).__name__)
        return [None]


def _taken(cases: Sequence[Case], rows: Sequence[int]) -> list[Case]:
    """Some of the cases of a snapshot, as the cases of a snapshot of their own."""
    snapshot = cases[0].snapshot.rows(np.array([cases[at].row for at in rows], np.intp))
    return [replace(cases[at], snapshot=snapshot, row=row) for row, at in enumerate(rows)]
