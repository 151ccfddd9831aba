"""Logged decisions decided again, by the policy in force and by another: from their records alone.

Both policies are asked of the release that is served, at each decision's own moment and under the stop
switches of then. Records are decided in stacks of a thousand; a model runs once for both policies.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import orjson

from crm_rules.governance.stops import Stops
from crm_rules.policy import Policy
from feature_repo.errors import BankError
from monitoring.simulate import Compared
from serving.deciding.loaded import Loaded
from serving.deciding.online import Snapshot
from serving.deciding.records import Case, Decision
from serving.deciding.ruled import groups_of, ruling
from serving.deciding.scoring import USE_CASES, case_of
from training.release.manifest import Origin
from training.release.once import run_once

STACK = 1_000
Record = Mapping[str, object]
Key = tuple[str, str, tuple[str, ...]]
UNREADABLE = (BankError, TypeError, KeyError, ValueError)


@dataclass(frozen=True)
class Question:
    """The release that decides, the policy in force, and the other one."""

    loaded: Loaded
    old: Policy
    new: Policy


@dataclass
class Redeciding:
    """Decides records again under both policies; `origin_of` tells what another release read."""

    question: Question
    payloads: Iterable[bytes]
    origin_of: Callable[[str], Origin]
    same_policy: Policy
    left_out: Counter[str] = field(default_factory=Counter)
    as_logged: Counter[bool] = field(default_factory=Counter)
    with_itself: Counter[bool] = field(default_factory=Counter)
    _places: dict[str, "Places | Exception"] = field(default_factory=dict)
    _checked: set[str] = field(default_factory=set)

    def compared(self) -> Iterator[Compared]:
        """Each decision that can be decided again, stack after stack."""
        stacks: defaultdict[Key, list[Record]] = defaultdict(list)
        for payload in self.payloads:
            try:
                record = orjson.loads(payload)
                key = (str(record["use_case"]), str(record["release"]), tuple(record["stops"]))
            except UNREADABLE as error:
                self.left_out[_why(error)] += 1
                continue
            stacks[key].append(record)
            if len(stacks[key]) == STACK:
                yield from self._stack(key, stacks.pop(key))
        for key, records in stacks.items():
            yield from self._stack(key, records)

    def _stack(self, key: Key, records: Sequence[Record]) -> Iterator[Compared]:
        """Decide a stack; where one record spoils it, its halves, down to that record."""
        use_case, release, stops = key
        places = self._placed(release)
        if isinstance(places, Exception):
            self.left_out[_why(places)] += len(records)
            return
        try:
            cases = _cases(records, places, self.question.loaded.runtime.manifest.origin)
            old, new, again = self._both(use_case, cases, Stops.from_record(stops))
        except UNREADABLE as error:
            if len(records) == 1:
                self.left_out[_why(error)] += 1
                return
            middle = len(records) // 2
            yield from self._stack(key, records[:middle])
            yield from self._stack(key, records[middle:])
            return
        groups = groups_of(cases, self.question.loaded)
        self._check(records, old, again)
        for at, (before, after) in enumerate(zip(old, new, strict=True)):
            request = cases[at].request
            yield Compared(use_case, groups[at], ruling(before, request), ruling(after, request))

    def _both(
        self, use_case: str, cases: Sequence[Case], stops: Stops
    ) -> tuple[list[Decision], list[Decision], list[Decision]]:
        """By the policy in force, by the other, and the first of a use case by the one in force once more."""
        answer, loaded = USE_CASES[use_case][0], self.question.loaded.under(stops)
        loaded = replace(loaded, runtime=run_once(loaded.runtime))
        old, new = (
            answer(cases, loaded.under_policy(policy)) for policy in (self.question.old, self.question.new)
        )
        if use_case in self._checked:
            return old, new, []
        self._checked.add(use_case)
        return old, new, answer(cases, loaded.under_policy(self.same_policy))

    def _check(self, records: Sequence[Record], old: Sequence[Decision], again: Sequence[Decision]) -> None:
        """Count whether what is decided again is what was logged, and what the same policy says twice."""
        release, version = self.question.loaded.runtime.digest, self.question.old.version
        for record, made in zip(records, old, strict=True):
            if record["release"] == release and record["policy"] == version:
                self.as_logged[record["outcome"] == made.outcome] += 1
        for first, second in zip(old, again, strict=False):
            self.with_itself[first.body == second.body] += 1

    def _placed(self, release: str) -> "Places | Exception":
        """Where a release's records keep what the served one reads, or why not; each is looked up once."""
        if release not in self._places:
            own = self.question.loaded.runtime
            try:
                origin = own.manifest.origin if release == own.digest else self.origin_of(release)
                self._places[release] = Places.between(origin, own.manifest.origin)
            except (BankError, OSError) as error:
                self._places[release] = error
        return self._places[release]


@dataclass(frozen=True)
class Places:
    """Where a record keeps each column and view that the served release reads."""

    origin: Origin
    columns: np.ndarray[tuple[int], np.dtype[np.intp]]
    views: np.ndarray[tuple[int], np.dtype[np.intp]]

    @staticmethod
    def between(kept: Origin, read: Origin) -> "Places":
        """OtherColumns when a record lacks a column."""
        if missing := sorted(set(read.columns) - set(kept.columns)):
            raise OtherColumns(missing)
        columns = [kept.position[name] for name in read.columns]
        return Places(kept, np.array(columns, np.intp), np.array([kept.views.index(v) for v in read.views]))


class OtherColumns(BankError, ValueError):
    """A record lacks columns that the served release reads."""

    def __init__(self, missing: Sequence[str]) -> None:
        self.missing = list(missing)
        super().__init__(f"The record lacks {self.missing[:5]}, which the served release reads.")


def _cases(records: Sequence[Record], places: Places, origin: Origin) -> list[Case]:
    each = [Snapshot.from_record(record["features"], places.origin) for record in records]  # type: ignore[arg-type]  # a record's shape is checked by what reads it
    values = np.concatenate([one.values for one in each])[:, places.columns]
    times = np.concatenate([one.event_us for one in each])[:, places.views]
    snapshot = Snapshot(origin, np.ascontiguousarray(values), np.ascontiguousarray(times))
    return [case_of(record, snapshot, row) for row, record in enumerate(records)]


def _why(error: Exception) -> str:
    """Why a stack cannot be decided again, without a path of this machine."""
    if isinstance(error, OtherColumns):
        return str(error)
    return f"{type(error).__name__}: the record, its model or its release is not there any more"
