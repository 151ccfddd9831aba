"""Uses of offers from a store that may be away: one that failed is left alone for a while."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from crm_rules.errors import DatabaseUnavailable
from crm_rules.offers.uses import Counted
from serving.deciding.uses import UsesReader

REST = 5.0  # seconds


@dataclass
class RestedUses:
    """A reader whose store, once it failed, is asked again only after a rest: nobody waits for it twice.

    `clock` gives seconds that only rise. Used by one thread at a time.
    """

    reader: UsesReader
    clock: Callable[[], float]
    _failed: float | None = field(default=None, init=False)

    def counted(self, customer_ids: Sequence[str]) -> Counted:
        """The uses of these customers, and of everybody together; DatabaseUnavailable, at once in a rest."""
        if self._failed is not None and self.clock() < self._failed + REST:
            raise DatabaseUnavailable("uses of offers", "it failed a moment ago")
        try:
            found = self.reader.counted(customer_ids)
        except DatabaseUnavailable:
            self._failed = self.clock()
            raise
        self._failed = None
        return found
