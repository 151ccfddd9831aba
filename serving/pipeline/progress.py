"""What a person sees while the steps run: each step, its time, its numbers beside a limit."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from serving.pipeline.journal import Done


class Progress:
    """Prints to stderr when the result goes to stdout as JSON, else to stdout."""

    def __init__(self, to_stderr: bool) -> None:
        self._console = Console(stderr=to_stderr, highlight=False, soft_wrap=True)

    @contextmanager
    def running(self, title: str) -> Iterator[None]:
        """Show that a step is under way; only where somebody watches."""
        if not self._console.is_terminal:
            yield
            return
        with self._console.status(f"{title} ..."):
            yield

    def step(self, number: int, of: int, title: str, done: Done, again: bool) -> None:
        """Print a finished step with its lines."""
        took = "done before" if again else f"{done.seconds:.1f} s"
        self._console.print(f"[bold]{number:>2}/{of}  {title:<42}[/bold] {took:>11}")
        for line in done.lines:
            self._console.print("       " + line, markup=False)

    def say(self, text: str = "") -> None:
        """Print a line as it is."""
        self._console.print(text, markup=False)

    def heading(self, text: str) -> None:
        """Print a heading."""
        self._console.print(f"\n[bold]{text}[/bold]")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds, to the millisecond."""
        return round(time.perf_counter() - self._started, 3)
