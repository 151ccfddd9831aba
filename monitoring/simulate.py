"""What another policy would change on logged decisions: counted, with intervals, by rule, outcome and group.

It tells where a rule would fire, never how often it would be right: nothing here knows who would have paid.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from monitoring.intervals import Counted

NOTHING = "(no offer)"
FAVOURABLE_IN_CREDIT = "approve"
CREDIT = "credit"
ENOUGH = 30  # of a group, for its share to be held against another's
UNKNOWN = "unknown"  # the group of those of whom an attribute is not known; held against no other


@dataclass(frozen=True)
class Ruling:
    """One decision under one policy: outcome or first offer, what it shows, rules that fire, credit given."""

    outcome: str
    shown: tuple[str, ...] = ()
    rules: frozenset[str] = frozenset()
    amount: float = 0.0


@dataclass(frozen=True)
class Compared:
    """One logged decision under the policy in force and under the other; `groups` by attribute."""

    use_case: str
    groups: Mapping[str, str]
    old: Ruling
    new: Ruling


class Redecides(Protocol):
    """Decides logged decisions again under both policies."""

    def compared(self) -> Iterator[Compared]:
        """Each decision that could be decided again."""

    @property
    def left_out(self) -> Mapping[str, int]:
        """Why others could not, with how many; whole once `compared` is through."""


@dataclass
class _Group:
    n: int = 0
    changed: int = 0
    favourable_old: int = 0
    favourable_new: int = 0


@dataclass(frozen=True)
class Group:
    """One group: how many of it are decided otherwise, and how many favourably before and after."""

    name: str
    changed: Counted
    favourable: tuple[Counted, Counted]


@dataclass(frozen=True)
class RuleChange:
    """How often a rule would fire under each policy."""

    code: str
    old: Counted
    new: Counted


@dataclass(frozen=True)
class Attribute:
    """The groups of one attribute. `ratio` is the largest share decided otherwise over the smallest.

    It is infinite where one group is not touched at all, None with fewer than two groups of `ENOUGH`, or
    where nothing changes.
    """

    name: str
    groups: tuple[Group, ...]
    ratio: float | None


@dataclass(frozen=True)
class Simulated:
    """One use case under both policies. `moves` are (before, after, how many) of what changes, most first."""

    use_case: str
    changed: Counted
    shown_changed: Counted
    outcomes: Mapping[str, tuple[int, int]]
    moves: tuple[tuple[str, str, int], ...]
    rules: tuple[RuleChange, ...]
    amounts: tuple[float, float]
    attributes: tuple[Attribute, ...]


@dataclass
class Tally:
    """Counts the decisions of one use case, one after another."""

    use_case: str
    n: int = 0
    shown_changed: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    fired: tuple[Counter[str], Counter[str]] = field(default_factory=lambda: (Counter(), Counter()))
    amounts: list[float] = field(default_factory=lambda: [0.0, 0.0])
    groups: dict[str, dict[str, _Group]] = field(default_factory=dict)

    def add(self, each: Compared) -> None:
        """Count one."""
        self.n += 1
        self.pairs[each.old.outcome, each.new.outcome] += 1
        self.shown_changed += each.old.shown != each.new.shown or each.old.outcome != each.new.outcome
        for side, ruling in enumerate((each.old, each.new)):
            self.fired[side].update(ruling.rules)
            self.amounts[side] += ruling.amount
        for attribute, name in each.groups.items():
            group = self.groups.setdefault(attribute, {}).setdefault(name, _Group())
            group.n += 1
            group.changed += each.old.outcome != each.new.outcome
            group.favourable_old += self._favourable(each.old)
            group.favourable_new += self._favourable(each.new)

    def _favourable(self, ruling: Ruling) -> bool:
        if self.use_case == CREDIT:
            return ruling.outcome == FAVOURABLE_IN_CREDIT
        return ruling.outcome != NOTHING

    def simulated(self) -> Simulated:
        """What was counted."""
        moves = [(old, new, n) for (old, new), n in self.pairs.most_common() if old != new]
        outcomes: dict[str, list[int]] = {}
        for (old, new), n in sorted(self.pairs.items()):
            outcomes.setdefault(old, [0, 0])[0] += n
            outcomes.setdefault(new, [0, 0])[1] += n
        codes = sorted({*self.fired[0], *self.fired[1]})
        return Simulated(
            self.use_case,
            Counted(sum(n for _, _, n in moves), self.n),
            Counted(self.shown_changed, self.n),
            {name: (old, new) for name, (old, new) in sorted(outcomes.items())},
            tuple(moves),
            tuple(RuleChange(code, *(Counted(side[code], self.n) for side in self.fired)) for code in codes),
            (self.amounts[0], self.amounts[1]),
            tuple(_attribute(name, found) for name, found in sorted(self.groups.items())),
        )


def _attribute(name: str, groups: Mapping[str, _Group]) -> Attribute:
    told = tuple(
        Group(
            group,
            Counted(found.changed, found.n),
            (Counted(found.favourable_old, found.n), Counted(found.favourable_new, found.n)),
        )
        for group, found in sorted(groups.items())
    )
    shares = [each.changed.share for each in told if each.changed.of >= ENOUGH and each.name != UNKNOWN]
    return Attribute(name, told, _ratio(shares))


def _ratio(shares: Sequence[float]) -> float | None:
    if len(shares) < 2 or max(shares) == 0:
        return None
    return max(shares) / min(shares) if min(shares) > 0 else inf


def simulate(compared: Iterable[Compared]) -> tuple[Simulated, ...]:
    """Count every decision, by use case."""
    tallies: dict[str, Tally] = {}
    for each in compared:
        tallies.setdefault(each.use_case, Tally(each.use_case)).add(each)
    return tuple(tally.simulated() for _, tally in sorted(tallies.items()))
