"""How a process that works in a loop is asked to end: by a signal, after the step it is in."""

from types import FrameType


class Ending:
    """Whether to go on; the first `ask` lets the loop end well."""

    def __init__(self) -> None:
        self._asked, self._looped = False, False

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """A handler of signals; before the loop has begun it ends the process at once."""
        self._asked = True
        if not self._looped:
            raise SystemExit(0)

    def go_on(self) -> bool:
        """Whether nobody has asked yet."""
        self._looped = True
        return not self._asked
