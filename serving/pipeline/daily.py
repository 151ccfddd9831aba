"""`bank daily`: the nights that are due, in order, each step once.

A step that was finished with the same inputs is not done again, so a night that was killed, that waited or
that failed goes on where it was. What comes after a night is through, an event for example, waits for the
next night. Nothing here knows what the steps do (`daily_steps`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from textwrap import shorten

from feature_repo.errors import BankError
from serving.pipeline.daily_status import AGAIN, Night, Nights, State, StepStatus
from serving.pipeline.journal import Done, Journal, digest
from serving.pipeline.progress import Stopwatch
from serving.pipeline.step import Outcome

MOST_DAYS = 31  # nights made up for
WIDTH = 160  # letters of what a step says
Tell = Callable[[Night], None]


class Waits(Exception):  # no error: what a step waits for
    """A step cannot be done yet; `what` it waits for, until when."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(what)


class GoesOnWithout(Exception):  # no error: what a step does without
    """A step was waited for long enough; the night goes on without it."""


@dataclass(frozen=True)
class NightStep:
    """One step of a night. `inputs` says what it depends on; an `optional` one stops nothing by failing."""

    name: str
    title: str
    inputs: Callable[[date], dict[str, object]]
    work: Callable[[date], Outcome]
    optional: bool = False


def days_due(nights: Nights, day: date) -> list[date]:
    """The days up to `day` whose nights are not through, oldest first: at most the last 31.

    The first night ever begins with `day`; a night that is through is due again only by itself, for what an
    optional step still owes.
    """
    last = nights.last_decided()
    if last is None or last >= day:
        return [day]
    first = max(last + timedelta(days=1), day - timedelta(days=MOST_DAYS - 1))
    return [first + timedelta(days=at) for at in range((day - first).days + 1)]


class Nightly:
    """Takes nights, and tells after each step how it stands. `clock` says what time a step ended."""

    def __init__(
        self,
        folder: Path,
        nights: Nights,
        steps: Sequence[NightStep],
        clock: Callable[[], datetime],
        tell: Tell,
    ) -> None:
        self._folder, self._nights, self._steps = folder, nights, steps
        self._clock, self._tell = clock, tell

    def run(self, day: date) -> list[Night]:
        """The nights that are due up to a day; the last of them says where it stopped."""
        done = []
        for each in days_due(self._nights, day):
            done.append(self._night(each))
            if not done[-1].decided:
                break
        return done

    def _night(self, day: date) -> Night:
        told = self._nights.nights.get(day.isoformat())
        through = told is not None and told.decided
        night = Night(
            day.isoformat(), tuple(StepStatus(s.name, s.title, optional=s.optional) for s in self._steps)
        )
        if told is not None and through:
            night = told
        journal, before = Journal(self._folder / f"{day}.json"), ""
        for step in self._steps:
            night = self._told(night, step.name, state=State.RUNNING)
            night, before = self._take(night, step, journal, day, before, through)
            if night.step(step.name).state not in (State.DONE, State.WITHOUT) and not step.optional:
                break
        return night

    def _take(
        self, night: Night, step: NightStep, journal: Journal, day: date, before: str, through: bool
    ) -> tuple[Night, str]:
        """Take one step; what the next builds on is `before` and this."""
        try:
            done, state = self._done(step, journal, day, before, through)
        except Waits as waits:
            return self._told(night, step.name, state=State.WAITS, says=waits.what, next=AGAIN), before
        except (BankError, OSError) as error:
            says = " ".join(str(error).split())
            return self._told(night, step.name, state=State.FAILED, says=says, next=AGAIN), before
        except Exception as error:
            if not step.optional:
                self._told(night, step.name, state=State.FAILED, says=type(error).__name__, next=AGAIN)
                raise
            says = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            return self._told(night, step.name, state=State.FAILED, says=says, next=AGAIN), before
        said = shorten(" ".join(done.lines[:1]), WIDTH, placeholder=" ...")
        return self._told(night, step.name, state=state, says=said, seconds=done.seconds), done.digest

    def _done(
        self, step: NightStep, journal: Journal, day: date, before: str, through: bool
    ) -> tuple[Done, State]:
        inputs = digest({"before": before, **step.inputs(day)})
        found = journal.finished(step.name, inputs)
        if found is None and through and not step.optional:
            found = journal.last(step.name)
        if found is None:
            watch = Stopwatch()
            try:
                outcome = step.work(day)
            except GoesOnWithout as reason:
                outcome = Outcome(0, (str(reason),), {"without": str(reason)})
            found = Done(inputs, watch.seconds, outcome.rows, outcome.lines, outcome.figures)
            journal.finish(step.name, found)
        return found, State.WITHOUT if "without" in found.figures else State.DONE

    def _told(self, night: Night, name: str, **said: object) -> Night:
        night = night.told(name, at=self._clock().isoformat(timespec="seconds"), **said)
        self._nights.keep(night)
        self._tell(night)
        return night
