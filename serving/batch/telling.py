"""What a person sees of a batch while it runs, and what it came to."""

import sys
import time
from types import TracebackType

from serving.batch.score import Scored

EVERY = 5.0  # seconds between two lines where nobody watches


class Telling:
    """Tells on stderr how many are decided, how fast, and how long it still takes."""

    def __init__(self) -> None:
        self._began = self._last = time.perf_counter()
        self._first: int | None = None
        self._watched = sys.stderr.isatty()
        self.decided = 0

    def __enter__(self) -> "Telling":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watched and self._first is not None:
            sys.stderr.write("\n")

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self._began

    def tell(self, done: int, of: int) -> None:
        """So many of so many are decided."""
        if self._first is None:
            self._first, self._began = done, time.perf_counter()
        self.decided = done - self._first
        if done < of and time.perf_counter() - self._last < (0.2 if self._watched else EVERY):
            return
        self._last = time.perf_counter()
        text = progress(done, of, self.decided, self.seconds)
        sys.stderr.write(f"\r{text}\033[K" if self._watched else f"{text}\n")
        sys.stderr.flush()


def progress(done: int, of: int, decided: int, seconds: float) -> str:
    """How far it is.

    >>> progress(500_000, 1_000_000, 300_000, 60.0)
    '  500,000 of 1,000,000 customers, 5,000 a second, 1:40 left'
    >>> progress(0, 10, 0, 0.0)
    '  0 of 10 customers'
    """
    told = f"  {done:,} of {of:,} customers"
    if not decided or seconds <= 0:
        return told
    rate = decided / seconds
    minutes, rest = divmod(round((of - done) / rate), 60)
    return f"{told}, {rate:,.0f} a second, {minutes}:{rest:02} left"


def as_lines(scored: Scored, telling: Telling) -> list[str]:
    """What the run came to: counts, where the answers are, the next step last."""
    run, total = scored.run, scored.outcomes.total()
    found = ", ".join(
        f"{name} {number:,} ({number / total:.0%})" for name, number in scored.outcomes.most_common()
    )
    lines = [f"{run.asks}: {total:,} of {run.customers:,} customers decided and logged: {found or 'nobody'}"]
    if run.ended and not telling.decided:
        lines.append(f"decided before, {run.at[:16].replace('T', ' ')} UTC; --again decides anew")
    elif scored.before:
        lines.append(f"{scored.before:,} of {run.partitions:,} partitions were whole already")
    if scored.left_out:
        return [*lines, f"left out: {scored.left_out}", "Next: the same command, once it may be used again"]
    return [
        *lines,
        f"answers: {run.out}",
        f"run {run.name}, release {run.release[:16]}. Next: bank monitor run",
    ]


def as_data(scored: Scored, telling: Telling) -> dict[str, object]:
    """The same as data."""
    run = scored.run
    return {
        "run": run.name, "use_case": run.asks, "release": run.release, "at": run.at, "ended": run.ended,
        "customers": run.customers, "decided": scored.outcomes.total(), "now": telling.decided,
        "seconds": round(telling.seconds, 3), "partitions": run.partitions, "before": scored.before,
        "outcomes": dict(sorted(scored.outcomes.items())), "left_out": scored.left_out, "answers": run.out,
    }  # fmt: skip
