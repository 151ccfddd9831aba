"""How the nights went: `daily.json`, and a line a step that anyone can read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path

FILE = "daily.json"
KEPT = 31  # nights
AGAIN = "bank daily"


class State(StrEnum):
    """Where a step is."""

    TODO = "to do"
    RUNNING = "running"
    DONE = "done"
    WITHOUT = "went on without"
    WAITS = "waits for"
    FAILED = "failed"


SETTLED = (State.DONE, State.WITHOUT)


@dataclass(frozen=True)
class StepStatus:
    """One step of a night. `says` is what it found, waits for or failed of; `next` what a person can do."""

    name: str
    title: str
    state: State = State.TODO
    says: str = ""
    next: str = ""
    at: str = ""
    seconds: float = 0.0
    optional: bool = False

    @property
    def line(self) -> str:
        """As a person reads it.

        >>> StepStatus("batch", "Decide for everybody", State.DONE, "7,412 decided", seconds=3.2).line
        'Decide for everybody        done             7,412 decided (3.2 s)'
        >>> StepStatus("ingest", "Take in", State.WAITS, "2026-03-01 until 06:00 UTC", "bank daily").line
        'Take in                     waits for        2026-03-01 until 06:00 UTC. Next: bank daily'
        >>> StepStatus("tables", "Reconcile", State.FAILED, "The table is not there.", "bank daily").line
        'Reconcile                   failed           The table is not there. Next: bank daily'
        """
        took = f" ({self.seconds:.1f} s)" if self.seconds and self.state in SETTLED else ""
        following = f"{'' if self.says.endswith('.') else '.'} Next: {self.next}" if self.next else ""
        return f"{self.title:<27} {self.state:<16} {self.says}{took}{following}".rstrip()


@dataclass(frozen=True)
class Night:
    """The night after a day (ISO 8601), step by step."""

    day: str
    steps: tuple[StepStatus, ...]

    @property
    def decided(self) -> bool:
        """Whether everything is done that the next night builds on."""
        return all(step.state in SETTLED for step in self.steps if not step.optional)

    @property
    def state(self) -> State:
        """The state of the whole: that of the first step that is not settled."""
        return next((step.state for step in self.steps if step.state not in SETTLED), State.DONE)

    def step(self, name: str) -> StepStatus:
        """A step by its name."""
        return next(step for step in self.steps if step.name == name)

    def told(self, name: str, **said: object) -> "Night":
        """The same night with something new about one step."""
        return replace(
            self,
            steps=tuple(replace(each, **said) if each.name == name else each for each in self.steps),  # type: ignore[arg-type]  # fields of StepStatus
        )

    def broken_off(self) -> "Night":
        """The same when no process takes it any more."""
        says = "it was broken off"
        steps = (
            replace(each, state=State.FAILED, says=says, next=AGAIN) if each.state is State.RUNNING else each
            for each in self.steps
        )
        return replace(self, steps=tuple(steps))

    @property
    def lines(self) -> list[str]:
        """As a person reads it."""
        return [f"Night of {self.day}: {self.state}", *(f"  {step.line}" for step in self.steps)]


@dataclass
class Nights:
    """The nights that are remembered, oldest first; written whole after each change."""

    path: Path
    nights: dict[str, Night] = field(default_factory=dict)

    @staticmethod
    def read(path: Path) -> "Nights":
        """The nights of that file; none where there is no file."""
        if not path.exists():
            return Nights(path)
        told = json.loads(path.read_text())["nights"]
        return Nights(path, {each["day"]: _night(each) for each in told})

    def keep(self, night: Night) -> None:
        """Remember a night."""
        self.nights[night.day] = night
        for old in sorted(self.nights)[:-KEPT]:
            del self.nights[old]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps({"nights": as_data(self.sorted)}, indent=1) + "\n")
        draft.replace(self.path)

    @property
    def sorted(self) -> list[Night]:
        """Oldest first."""
        return [self.nights[day] for day in sorted(self.nights)]

    def last_decided(self) -> date | None:
        """The last day whose night is through; None before the first."""
        days = [night.day for night in self.sorted if night.decided]
        return date.fromisoformat(days[-1]) if days else None


def as_data(nights: Sequence[Night]) -> list[dict[str, object]]:
    """The same for a program."""
    return [
        {"day": night.day, "state": night.state, "steps": [asdict(step) for step in night.steps]}
        for night in nights
    ]


def _night(told: Mapping[str, object]) -> Night:
    steps = told["steps"]
    assert isinstance(steps, list)
    read = (StepStatus(**{**each, "state": State(each["state"])}) for each in steps)
    return Night(str(told["day"]), tuple(read))
