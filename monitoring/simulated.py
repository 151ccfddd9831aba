"""A simulation as people and programs read it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isinf

from monitoring.intervals import Counted
from monitoring.simulate import CREDIT, ENOUGH, Attribute, Simulated

MOST_MOVES = 10
WOULD_FIRE = "Rules are counted where they would fire; whether rightly nobody can tell from these records."


@dataclass(frozen=True)
class Simulation:
    """Everything a simulation found. `as_logged` and `with_itself` are checks of its own arithmetic.

    The first counts the decisions of this very release and policy that come out as they were logged, the
    second those that come out the same twice under one policy.
    """

    old: str
    new: str
    release: str
    found: tuple[Simulated, ...]
    left_out: Mapping[str, int]
    as_logged: Counted
    with_itself: Counted

    @property
    def sound(self) -> bool:
        """Whether one policy said the same twice."""
        return self.with_itself.some == self.with_itself.of

    def lines(self) -> Iterator[str]:
        """For a person."""
        n, same = sum(each.changed.of for each in self.found), self.with_itself
        yield f"Policy {self.old} (in force) and {self.new}: {n:,} logged decisions decided again"
        for each in self.found:
            yield ""
            yield from _use_case(each)
        yield ""
        yield from (f"not decided again: {count:,}, {why}" for why, count in sorted(self.left_out.items()))
        yield f"check: {self.old} against itself changes {same.of - same.some:,} of {same.of:,}"
        if self.as_logged.of:
            yield f"check: made under {self.old} by this release, come out as logged: {self.as_logged}"
        yield WOULD_FIRE

    def as_json(self) -> dict[str, object]:
        """For a program."""
        return {
            "old": self.old,
            "new": self.new,
            "release": self.release,
            "n": sum(each.changed.of for each in self.found),
            "use_cases": {each.use_case: _as_json(each) for each in self.found},
            "not_decided_again": dict(sorted(self.left_out.items())),
            "as_logged": {"some": self.as_logged.some, "of": self.as_logged.of},
            "with_itself": {"some": self.with_itself.some, "of": self.with_itself.of},
            "note": WOULD_FIRE,
        }


def _use_case(found: Simulated) -> Iterator[str]:
    what = "decided otherwise" if found.use_case == CREDIT else "with another first offer"
    yield f"{found.use_case.replace('_', ' ')}: {found.changed} {what}"
    if found.use_case == CREDIT:
        before, after = found.amounts
        yield f"  credit given {before:,.0f} -> {after:,.0f} ({after - before:+,.0f})"
    else:
        yield f"  other offers shown, or in another order: {found.shown_changed}"
    yield from _outcomes(found)
    yield from _moves(found.moves, found.changed)
    yield from _rules(found)
    if found.changed.some:
        for attribute in found.attributes:
            yield from _groups(attribute)


def _outcomes(found: Simulated) -> Iterator[str]:
    yield f"  {'outcome':<28}{'now':>10}{'then':>10}{'':>10}"
    for name, (old, new) in found.outcomes.items():
        yield f"  {name:<28}{old:>10,}{new:>10,}{new - old:>+10,}"


def _moves(moves: Sequence[tuple[str, str, int]], changed: Counted) -> Iterator[str]:
    for old, new, count in moves[:MOST_MOVES]:
        yield f"  {count:>7,}  {old} -> {new}"
    rest = changed.some - sum(count for _, _, count in moves[:MOST_MOVES])
    if rest:
        yield f"  {rest:>7,}  other changes"


def _rules(found: Simulated) -> Iterator[str]:
    yield f"  {'rule':<22}{'would fire':>12}{'then':>10}{'hit rate':>12}{'then':>8}"
    for rule in found.rules:
        yield (
            f"  {rule.code:<22}{rule.old.some:>12,}{rule.new.some:>10,}"
            f"{rule.old.share:>12.1%}{rule.new.share:>8.1%}"
        )


def _groups(attribute: Attribute) -> Iterator[str]:
    if len(attribute.groups) < 2:
        return
    yield f"  by {attribute.name}, {_told(attribute.ratio)}"
    for group in attribute.groups:
        before, after = group.favourable
        yield f"    {group.name:<16}{group.changed!s:<44} favourable {before.share:.1%} -> {after.share:.1%}"


def _told(ratio: float | None) -> str:
    if ratio is None:
        return f"held against each other from groups of {ENOUGH} on"
    if isinf(ratio):
        return "one group is not touched at all"
    return f"the largest share changed is {ratio:.2f} times the smallest"


def _as_json(found: Simulated) -> dict[str, object]:
    return {
        "changed": found.changed.as_json(),
        "shown_changed": found.shown_changed.as_json(),
        "outcomes": {name: {"old": old, "new": new} for name, (old, new) in found.outcomes.items()},
        "moves": [{"old": old, "new": new, "n": n} for old, new, n in found.moves],
        "rules": {each.code: {"old": each.old.as_json(), "new": each.new.as_json()} for each in found.rules},
        "amount": {"old": found.amounts[0], "new": found.amounts[1]},
        "groups": {
            each.name: {
                "ratio": None if each.ratio is None or isinf(each.ratio) else each.ratio,
                "one_untouched": each.ratio is not None and isinf(each.ratio),
                "groups": {
                    group.name: {
                        "changed": group.changed.as_json(),
                        "favourable_old": group.favourable[0].as_json(),
                        "favourable_new": group.favourable[1].as_json(),
                    }
                    for group in each.groups
                },
            }
            for each in found.attributes
        },
    }
