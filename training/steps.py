"""What a person sees while a model is trained: each step as it ends, with its time."""

import time
from collections.abc import Callable


class Steps:
    """Told of each step, it prints a line: the step, the seconds since the one before, what was found."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.perf_counter) -> None:
        self._say, self._clock = say, clock
        self._before, self._last = clock(), ""

    def __call__(self, step: str, found: str) -> None:
        """Print a line; a step that tells more than once is named once.

        >>> steps = Steps(print, iter([0.0, 1.5, 63.0]).__next__)
        >>> steps("tune", "card: 20 trials"); steps("tune", "fund: 20 trials")
        tune         1.5 s  card: 20 trials
                    61.5 s  fund: 20 trials
        """
        now = self._clock()
        named = step if step != self._last else ""
        self._say(f"{named:<10} {now - self._before:>5.1f} s  {found}")
        self._before, self._last = now, step
