"""A store of uses that failed is left alone for a while: limited offers are closed, and nobody waits."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from crm_rules.errors import DatabaseUnavailable
from crm_rules.offers.uses import Counted
from serving.worker.rested import REST, RestedUses


@dataclass
class Store:
    """Uses that can be away."""

    down: bool = False
    asked: int = 0

    def counted(self, customer_ids: Sequence[str]) -> Counted:
        self.asked += 1
        if self.down:
            raise DatabaseUnavailable("PostgreSQL", "it says nothing")
        return Counted({name: {"gold": 1} for name in customer_ids}, {"gold": 7})


def test_a_store_that_failed_rests_and_is_then_asked_again() -> None:
    store, now = Store(), [0.0]
    uses = RestedUses(store, lambda: now[0])
    assert uses.counted(["ann"]).everybodys == {"gold": 7}
    store.down = True
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            uses.counted(["ann"])
    assert store.asked == 2
    store.down, now[0] = False, REST - 0.1
    with pytest.raises(DatabaseUnavailable, match="a moment ago"):
        uses.counted(["ann"])
    now[0] = REST
    assert uses.counted(["ann"]).mine == {"ann": {"gold": 1}}
    assert uses.counted(["ben"]).mine == {"ben": {"gold": 1}}
