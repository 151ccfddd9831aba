"""Counting what another policy changes: moves, rules, amounts and groups."""

import math
from collections.abc import Iterable

import pytest

from monitoring.intervals import Counted
from monitoring.simulate import ENOUGH, NOTHING, Compared, Ruling, Simulated, simulate
from monitoring.simulated import Simulation


def credit(old: str, new: str, gender: str = "female", amount: float = 100.0) -> Compared:
    def ruled(outcome: str) -> Ruling:
        rules = {"approve": (), "refer": ("LEND-02",), "decline": ("LEND-01",)}[outcome]
        return Ruling(outcome, (), frozenset(rules), amount if outcome == "approve" else 0.0)

    return Compared("credit", {"gender": gender}, ruled(old), ruled(new))


def offer(old: Iterable[str], new: Iterable[str]) -> Compared:
    def ruled(shown: Iterable[str]) -> Ruling:
        every = tuple(shown)
        return Ruling(every[0] if every else NOTHING, every)

    return Compared("next_best_action", {}, ruled(old), ruled(new))


def only(compared: Iterable[Compared]) -> Simulated:
    [found] = simulate(compared)
    return found


def test_outcomes_moves_rules_and_amounts_are_counted_on_both_sides() -> None:
    found = only([
        *[credit("approve", "approve")] * 5, *[credit("approve", "refer")] * 3, credit("approve", "decline"),
        credit("refer", "refer"),
    ])  # fmt: skip
    assert (found.changed.some, found.changed.of) == (4, 10)
    assert found.outcomes == {"approve": (9, 5), "decline": (0, 1), "refer": (1, 4)}
    assert found.moves == (("approve", "refer", 3), ("approve", "decline", 1))
    assert {each.code: (each.old.some, each.new.some) for each in found.rules} == {
        "LEND-01": (0, 1), "LEND-02": (1, 4),
    }  # fmt: skip
    assert found.amounts == (900.0, 500.0)


def test_a_winner_changes_or_only_what_stands_behind_it_or_nothing_is_left() -> None:
    found = only([
        offer("ab", "ab"), offer("ab", "ba"), offer("ab", "ac"), offer("ab", "a"), offer("a", ""),
        offer("", ""),
    ])  # fmt: skip
    assert (found.changed.some, found.shown_changed.some) == (2, 4)
    assert set(found.moves) == {("a", "b", 1), ("a", NOTHING, 1)}
    assert found.outcomes[NOTHING] == (1, 2)


def test_the_ratio_between_groups_is_of_the_shares_decided_otherwise() -> None:
    def group(name: str, changed: int, n: int = 100) -> list[Compared]:
        moved = [credit("approve", "refer", name)] * changed
        return [*moved, *[credit("approve", "approve", name)] * (n - changed)]

    [gender] = only([*group("female", 20), *group("not female", 10)]).attributes
    assert gender.ratio == pytest.approx(2.0)
    assert [each.name for each in gender.groups] == ["female", "not female"]
    assert gender.groups[0].favourable[0].share == 1.0
    assert gender.groups[0].favourable[1].share == 0.8
    few = only([*group("female", 20), *group("not female", 1, ENOUGH - 1)]).attributes[0]
    untouched = only([*group("female", 20), *group("not female", 0)]).attributes[0]
    unknown = only([*group("female", 20), *group("unknown", 40)]).attributes[0]
    same = only([*group("female", 0), *group("not female", 0)]).attributes[0]
    assert (few.ratio, unknown.ratio, same.ratio, untouched.ratio) == (None, None, None, math.inf)


@pytest.mark.parametrize(("some", "of", "low", "high"), [
    pytest.param(0, 10, 0.0, 0.27754, id="none-of-ten"),
    pytest.param(10, 10, 0.72246, 1.0, id="all-of-ten"),
    pytest.param(81, 263, 0.25532, 0.36621, id="newcombe-1998-table-1"),
    pytest.param(0, 0, 0.0, 1.0, id="nothing-counted"),
])  # fmt: skip
def test_the_interval_is_wilsons(some: int, of: int, low: float, high: float) -> None:
    found = Counted(some, of).interval
    assert found == pytest.approx((low, high), abs=5e-5)


def simulation(same: int = 3) -> Simulation:
    found = simulate([credit("approve", "refer"), credit("refer", "refer"), offer("ab", "ba")])
    return Simulation("1", "2", "f" * 64, found, {"its release is gone": 7}, Counted(2, 2), Counted(same, 3))


def test_a_person_reads_every_figure_and_no_rate_nobody_can_know() -> None:
    told = "\n".join(simulation().lines())
    assert "Policy 1 (in force) and 2: 3 logged decisions decided again" in told
    assert "credit: 1 of 2 (50.0%, 95 % 9.5% to 90.5%) decided otherwise" in told
    assert "credit given 100 -> 0 (-100)" in told
    assert "not decided again: 7, its release is gone" in told
    assert "check: 1 against itself changes 0 of 3" in told
    assert "would fire" in told
    assert "false positive" not in told


def test_a_simulation_that_contradicts_itself_is_not_sound() -> None:
    assert simulation().sound
    assert not simulation(same=2).sound
    assert simulation().as_json()["n"] == 3
