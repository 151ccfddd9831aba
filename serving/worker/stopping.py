"""The stop switches one worker knows and obeys."""

from collections.abc import Callable

from crm_rules.governance.switches import Switches
from serving.worker.engine import Engine


class StopSwitches:
    """Obeys the signed file of stop switches; one that was altered or lost an order is refused.

    `read` verifies the file, given the number of the last order known. What is known goes on then.
    """

    def __init__(self, engine: Engine, read: Callable[[int], Switches], known: Switches) -> None:
        self._engine, self._read, self._known = engine, read, known

    def take(self) -> None:
        """Read the file and obey it from the next answer on."""
        found = self._read(self._known.number)
        self._engine.stop(found.stops)
        self._known = found

    def told(self) -> dict[str, object]:
        """The number of the last order, and what is stopped since when and by whom; no reasons."""
        on = [{"kind": str(o.kind), "name": o.name, "at": o.at, "by": o.by} for o in self._known.on]
        return {"number": self._known.number, "on": on}
