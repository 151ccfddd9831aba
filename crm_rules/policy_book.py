"""A policy through time: what is in force on a day, what will change, and what is being tried.

A policy file holds one complete policy. `[[changes]]` say from which day on other numbers hold, and `[trial]`
tries other numbers on a share of the customers for some days. Every policy the file can give is checked when
it is read.

>>> book = PolicyBook.parse(STANDARD.read_bytes() + b'''
... [[changes]]
... from = 2026-12-01
... version = "2026.2"
... set = {"lending.application.approve_below_pd" = 0.05}
... ''')
>>> book.on(date(2026, 11, 30)).version, book.on(date(2026, 12, 1)).version
('2026.1', '2026.2')
>>> book.latest.lending.application.approve_below_pd
0.05
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy
from crm_rules.policy import STANDARD, Policy
from crm_rules.trial import Trial
from crm_rules.vocabulary import Share

__all__ = ["STANDARD", "PolicyBook"]
MOST_CHANGES = 100
Table = dict[str, Any]


@dataclass(frozen=True)
class _Change:
    """Other numbers from a day on."""

    from_: date
    version: str
    set: Mapping[str, Any]


@dataclass(frozen=True)
class _Trial:
    """Other numbers for a share of the customers, both days included; a share of 0 is a shadow."""

    version: str
    share: Share
    salt: str
    from_: date
    until: date
    set: Mapping[str, Any]


@dataclass(frozen=True)
class _Plan:
    """What a policy file says of other days than today."""

    changes: tuple[_Change, ...] = ()
    trial: _Trial | None = None


@dataclass(frozen=True)
class PolicyBook:
    """`policies` by the day they hold from, the first one for every earlier day as well.

    `trials` are one trial over those policies: the complete policy tried while each of them holds.
    """

    policies: tuple[Policy, ...]
    trials: tuple[Trial, ...] = ()

    @staticmethod
    def parse(data: bytes) -> "PolicyBook":
        """Read a policy file, the same bytes a release digests; InvalidPolicy names the key that is wrong."""
        try:
            return _book(strict_toml.table_of(data))
        except RecursionError as error:
            raise InvalidPolicy("", "is nested too deep") from error

    @staticmethod
    def load(path: Path) -> "PolicyBook":
        """Read a policy file; InvalidPolicy when it cannot be read."""
        return strict_toml.load(path, PolicyBook.parse)

    @property
    def base(self) -> Policy:
        """The complete policy the file begins with."""
        return self.policies[0]

    @property
    def latest(self) -> Policy:
        """The policy after the last change."""
        return self.policies[-1]

    @property
    def every(self) -> tuple[Policy, ...]:
        """Every policy a decision can be made under."""
        return (*self.policies, *(trial.policy for trial in self.trials))

    @property
    def told(self) -> str:
        """The versions it holds, as people read them."""
        later = [f"{each.version} from {each.effective_from}" for each in self.policies[1:]]
        tried = [f"trial {self.trials[0].policy.version}"] if self.trials else []
        return ", then ".join([self.base.version, *later]) + "".join(f", {each}" for each in tried)

    def day(self, at: datetime) -> date:
        """The bank's local day at a moment."""
        return at.astimezone(ZoneInfo(self.base.calendar.zone)).date()

    def at(self, at: datetime) -> Policy:
        """The policy in force at a moment."""
        return self.on(self.day(at))

    def on(self, day: date) -> Policy:
        """The policy in force on a local day of the bank."""
        in_force = [each for each in self.policies if each.effective_from <= day]
        return in_force[-1] if in_force else self.base

    def trial_on(self, day: date) -> Trial | None:
        """What is tried on a day, over the policy in force then."""
        policy = self.on(day)
        for trial in self.trials:
            if trial.instead_of is policy and trial.since <= day <= trial.until:
                return trial
        return None


def _book(table: Table) -> PolicyBook:
    plan = {key: table.pop(key) for key in ("changes", "trial") if key in table}
    written = strict_toml.read_table(_Plan, plan)
    policies = list(_changed(table, written.changes))
    trials = _tried(policies, written.trial) if written.trial else ()
    return PolicyBook(tuple(policy for policy, _ in policies), tuple(trials))


def _changed(base: Table, changes: Sequence[_Change]) -> Iterator[tuple[Policy, Table]]:
    """The base and what each change makes of it, with the table it was read from."""
    policy, table, versions = Policy.of(base), base, {base["version"]}
    yield policy, table
    if len(changes) > MOST_CHANGES:
        raise InvalidPolicy("changes", f"are {len(changes)}, more than {MOST_CHANGES}")
    for number, change in enumerate(changes, start=1):
        where = f"changes.{number}"
        if change.from_ <= policy.effective_from:
            raise InvalidPolicy(
                f"{where}.from", f"is {change.from_}, not after {policy.effective_from}, the one before"
            )
        if change.version in versions:
            raise InvalidPolicy(f"{where}.version", f"is '{change.version}', which another one has")
        versions.add(change.version)
        policy, table = _with(table, change.set, change.version, change.from_, where)
        yield policy, table


def _tried(policies: Sequence[tuple[Policy, Table]], trial: _Trial) -> Iterator[Trial]:
    """The trial over each policy that holds on one of its days."""
    if trial.until < trial.from_:
        raise InvalidPolicy("trial.until", f"is {trial.until}, before its first day {trial.from_}")
    if trial.version in {policy.version for policy, _ in policies}:
        raise InvalidPolicy("trial.version", f"is '{trial.version}', which another one has")
    ends = [policy.effective_from for policy, _ in policies[1:]] + [date.max]
    for at, ((policy, table), end) in enumerate(zip(policies, ends, strict=True)):
        begins = date.min if at == 0 else policy.effective_from
        if begins <= trial.until and trial.from_ < end:
            tried, _ = _with(table, trial.set, trial.version, max(trial.from_, begins), "trial")
            yield Trial(tried, policy, trial.share, trial.salt, trial.from_, trial.until)


def _with(
    table: Table, told: Mapping[str, Any], version: str, since: date, where: str
) -> tuple[Policy, Table]:
    """A policy with other values at dotted paths; InvalidPolicy names the path and what is wrong with it."""
    if not told:
        raise InvalidPolicy(f"{where}.set", "sets nothing")
    changed = copy.deepcopy(table) | {"version": version, "effective_from": since}
    for path, value in told.items():
        _put(changed, path, value, f"{where}.set.{path}")
    try:
        policy = Policy.of(changed)
    except InvalidPolicy as error:
        raise InvalidPolicy(f"{where}.set.{error.key}", error.problem) from error
    if policy.calendar.zone != table["calendar"]["zone"]:  # set with the whole table
        raise InvalidPolicy(f"{where}.set.calendar", FIXED["calendar.zone"])
    return policy, changed


def _put(table: Table, path: str, value: object, where: str) -> None:
    *folders, last = path.split(".")
    place: Any = table
    for name in folders:
        place = place.get(name) if isinstance(place, dict) else None
    if path in FIXED:
        raise InvalidPolicy(where, FIXED[path])
    if not isinstance(place, dict) or last not in place:
        raise InvalidPolicy(
            where, "is no key of the policy; a new key of a table is set with the whole table"
        )
    if place[last] == value and isinstance(place[last], bool) is isinstance(value, bool):
        raise InvalidPolicy(where, f"is {value!r} already")
    place[last] = copy.deepcopy(value)


FIXED = {
    "version": "has a key of its own",
    "effective_from": "has a key of its own, from",
    "calendar.zone": "says which day it is, so it changes with a file of its own, not on a day",
}
