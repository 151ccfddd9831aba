"""The search for good parameters: Optuna, and nothing else knows it.

An interrupted search goes on where it stopped and ends where an uninterrupted one would have: each
trial draws from a generator of its own number, and what a finished trial found lies in a journal.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.trained import Trial

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # deprecations of its own dependencies are not ours to act on
    import optuna

optuna.logging.set_verbosity(optuna.logging.ERROR)

Parameters = Mapping[str, Any]  # int, float or str, as the space says
RANDOM_AT_FIRST = 6


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, both included; `log` draws its logarithm evenly."""

    low: int
    high: int
    log: bool = False


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; `log` draws its logarithm evenly."""

    low: float
    high: float
    log: bool = False


@dataclass(frozen=True)
class OneOf:
    """One of a few values."""

    values: tuple[int | float | str, ...]


Space = Mapping[str, Whole | Real | OneOf]


class Pruned(Exception):
    """A trial is not worth finishing; raised by a judge."""


@dataclass(frozen=True)
class Search:
    """The best parameters found, their value, and every finished trial in the order it was tried."""

    best: Parameters
    value: float
    trials: tuple[Trial, ...]


def search(
    name: str, space: Space, judge: Callable[[Parameters], float], *, trials: int, seed: int,
    study: Path | None = None, start: Sequence[Parameters] = (), measure: str = "value",
) -> Search:  # fmt: skip
    """Try `trials` parameter sets, those of `start` first; the largest value of `judge` wins.

    With `study` finished trials are kept in a file beside it, named after the search, and are not tried
    again. A judge that raises Pruned, or answers NaN, loses. ValueError when every trial was lost.

    >>> found = search("x", {"x": Real(-1, 1)}, lambda p: -(p["x"] - 0.5) ** 2, trials=12, seed=7)
    >>> abs(found.best["x"] - 0.5) < 0.2, len(found.trials)
    (True, 12)
    """
    journal = _Journal(
        study and study.with_name(f"{study.stem}-{name}.jsonl"), _fingerprint(space, seed, start)
    )
    known, kept = journal.read(), optuna.create_study(direction="maximize")
    asked = {key: _distribution(choice) for key, choice in space.items()}
    tried: list[Trial] = []
    for number in range(trials):
        kept.sampler = optuna.samplers.TPESampler(n_startup_trials=RANDOM_AT_FIRST, seed=seed + number)
        drawn: Parameters = start[number] if number < len(start) else kept.ask(asked).params
        if number < len(known) and known[number][0] == drawn:
            value = known[number][1]
        else:
            value = _judged(judge, drawn)
            journal.append(number, drawn, value)
        if value is not None:
            kept.add_trial(optuna.create_trial(params=dict(drawn), distributions=asked, value=value))
            tried.append(Trial(f"{name} {number}", dict(drawn), measure, value))
    if not tried:
        raise ValueError(f"None of the {trials} trials of '{name}' gave a value.")
    best = max(tried, key=lambda trial: trial.value)
    return Search(best.parameters, best.value, tuple(tried))


def _judged(judge: Callable[[Parameters], float], drawn: Parameters) -> float | None:
    try:
        value = float(judge(drawn))
    except Pruned:
        return None
    return value if value == value else None


def _distribution(choice: Whole | Real | OneOf) -> "optuna.distributions.BaseDistribution":
    if isinstance(choice, Whole):
        return optuna.distributions.IntDistribution(choice.low, choice.high, log=choice.log)
    if isinstance(choice, Real):
        return optuna.distributions.FloatDistribution(choice.low, choice.high, log=choice.log)
    return optuna.distributions.CategoricalDistribution(choice.values)


def _fingerprint(space: Space, seed: int, start: Sequence[Parameters]) -> str:
    """What a journal belongs to: trials of another space, seed or start are none of this search."""
    said = f"{seed} {sorted((key, repr(choice)) for key, choice in space.items())} {list(start)}"
    return hashlib.sha256(said.encode()).hexdigest()


@dataclass(frozen=True)
class _Journal:
    """A file of finished trials, a line each; nowhere when `path` is None."""

    path: Path | None
    fingerprint: str

    def read(self) -> list[tuple[Parameters, float | None]]:
        """Parameters and value of the trials in order, up to the first line that was not finished."""
        found: list[tuple[Parameters, float | None]] = []
        lines = self.path.read_text().splitlines() if self.path and self.path.exists() else []
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:  # the last line of a killed run
                break
            if told["of"] != self.fingerprint or told["number"] != len(found):
                break
            found.append((told["parameters"], told["value"]))
        self._keep(lines[: len(found)], of=lines)
        return found

    def _keep(self, lines: Sequence[str], of: Sequence[str]) -> None:
        if self.path and len(lines) < len(of):
            self.path.write_text("".join(f"{line}\n" for line in lines))

    def append(self, number: int, parameters: Parameters, value: float | None) -> None:
        """Keep a finished trial."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        told = {"of": self.fingerprint, "number": number, "parameters": dict(parameters), "value": value}
        with self.path.open("a") as file:
            file.write(json.dumps(told) + "\n")
