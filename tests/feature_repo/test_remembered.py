"""Rows that were read are remembered for a while, for the time in which the store does not answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from feature_repo.rows.reading import Rows
from feature_repo.rows.remembered import Memory, RememberedRows, RowsLost


@dataclass
class Store:
    """Rows that can be out of reach."""

    income: dict[str, float] = field(default_factory=lambda: {"ann": 1.0, "ben": 2.0, "cat": 3.0})
    down: bool = False
    reads: int = 0
    names: tuple[str, ...] = ("income",)

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        self.reads += 1
        if self.down:
            raise ConnectionError("no answer")
        values = np.array([[self.income.get(name, np.nan)] * len(self.names) for name in customer_ids])
        found = ~np.isnan(values[:, 0])
        times = np.where(found, 7, -1)[:, None]
        return Rows(tuple(customer_ids), self.names, values, found, times, ("profile",))

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        return {"profile": self.names}


@dataclass
class World:
    """A store behind a memory, and a clock."""

    store: Store = field(default_factory=Store)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.rows = RememberedRows(self.store, lambda: self.now, Memory(2, lasts=60.0, again_after=5.0))

    def lost(self, *names: str) -> RowsLost:
        with pytest.raises(RowsLost) as caught:
            self.rows.read(names)
        return caught.value


def test_while_the_store_answers_nothing_is_changed() -> None:
    world = World()
    assert world.rows.read(["ann", "zoe"]).found.tolist() == [True, False]
    world.store.income["ann"] = 5.0
    assert world.rows.read(["ann"]).values.tolist() == [[5.0]]
    assert not world.rows.lost


def test_who_was_read_is_remembered_and_nobody_else() -> None:
    world = World()
    world.rows.read(["ann", "ben"])
    world.store.down = True
    lost = world.lost("zoe", "ben")
    assert lost.remembered.tolist() == [False, True]
    assert lost.rows is not None
    assert np.array_equal(lost.rows.values, [[np.nan], [2.0]], equal_nan=True)
    assert lost.rows.event_us.tolist() == [[-1], [7]]
    assert lost.found == "ConnectionError"


def test_nothing_is_remembered_before_anything_was_read() -> None:
    world = World(Store(down=True))
    assert world.lost("ann").rows is None


def test_memory_is_bounded_and_forgets_who_was_asked_about_longest_ago() -> None:
    world = World()
    for name in ("ann", "ben", "ann", "cat"):
        world.rows.read([name])
    world.store.down = True
    assert world.lost("ann", "ben", "cat").remembered.tolist() == [True, False, True]


def test_what_is_too_old_does_not_count() -> None:
    world = World()
    world.rows.read(["ann"])
    world.store.down, world.now = True, 160.0
    assert world.lost("ann").remembered.tolist() == [True]
    world.now = 160.1
    assert world.lost("ann").remembered.tolist() == [False]


def test_a_customer_who_is_gone_is_not_remembered() -> None:
    world = World()
    world.rows.read(["ann"])
    del world.store.income["ann"]
    world.rows.read(["ann"])
    world.store.down = True
    assert world.lost("ann").remembered.tolist() == [False]


def test_a_store_that_failed_is_left_alone_for_a_while_then_asked_by_one() -> None:
    world = World(Store(down=True))
    for _ in range(5):
        world.lost("ann")
    assert world.store.reads == 1
    world.now += 5.0
    world.lost("ann")
    assert world.store.reads == 2
    world.store.down = False
    world.lost("ann")
    world.now += 5.0
    assert world.rows.read(["ann"]).values.tolist() == [[1.0]]
    assert world.rows.read(["ann"]).found.all()


def test_a_row_of_an_earlier_layout_is_not_taken_for_one_of_today() -> None:
    world = World()
    world.rows.read(["ann"])
    world.store.names = ("income", "age")
    world.rows.read(["ben"])
    world.store.down = True
    assert world.lost("ann", "ben").remembered.tolist() == [False, True]
