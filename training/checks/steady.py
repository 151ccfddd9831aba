"""Do the scores of later rows lie where those of earlier ones lay?"""

import json
from collections.abc import Iterator, Mapping

import numpy as np
from scipy.special import chdtri

from training.checks.limits import ACT, INVESTIGATE
from training.checks.subject import Candidate, Subject
from training.gates import Gate, at_most
from training.validation import F64

FLOOR = 1e-4  # an empty bin counts as this share


def stability(candidate: Candidate, subject: Subject) -> Iterator[Gate]:
    """PSI of the test rows' scores, .25 or its noise at most.

    It is measured on the frozen bins of the training rows' scores, else of the part's own reference: that
    may be of other people (everybody who can be scored, whether or not an outcome will be known).
    """
    before, (population, score) = subject.proof.before, subject.member.watched
    beside = "training rows" if before else "the part's reference"
    title = f"{subject.name}: PSI of the scores of the test rows against {beside}"
    bins = _read(before) if before else _bins(candidate.reference, population, score)
    if isinstance(bins, str) or not len(subject.said):
        why = bins if isinstance(bins, str) else "there are no test rows"
        yield at_most("stability", title, float("nan"), ACT, note=why)
        return
    edges, shares, n = bins
    said = subject.member.told(subject.test, subject.said)
    value, noise = psi(edges, shares, said, subject.test.weight, n)
    note = f"{INVESTIGATE:g} is worth a look; noise {noise:.4f}" if value >= INVESTIGATE else ""
    yield at_most("stability", title, value, max(ACT, noise), note=note)


def psi(edges: F64, shares: F64, said: F64, weight: F64, n: float) -> tuple[float, float]:
    """PSI of scores beside frozen bins, and the value that 95 % of quiet periods stay below.

    >>> value, noise = psi(np.array([0.5]), np.array([0.5, 0.5]), np.array([0.1, 0.9]), np.ones(2), 100)
    >>> value, noise > 1
    (0.0, True)
    """
    place = np.searchsorted(edges, said, side="right")
    seen = np.bincount(place, weight, len(edges) + 1) / weight.sum()
    expected, actual = np.maximum(shares, FLOOR), np.maximum(seen, FLOOR)
    value = float(((actual - expected) * np.log(actual / expected)).sum())
    rows = float(weight.sum() ** 2 / (weight**2).sum())
    return value, float(chdtri(max(1, len(edges)), 0.05)) * (1 / max(n, 1.0) + 1 / rows)


def _bins(reference: bytes, population: str, score: str) -> tuple[F64, F64, float] | str:
    """Edges, shares and rows of the frozen bins, or what is missing."""
    held = json.loads(reference).get(population)
    found = held.get("scores", {}).get(score) if isinstance(held, dict) else None
    if not found:
        return f"reference.json has no bins of '{score}' in '{population}'"
    return _read({**found, "n": held.get("n", 0)})


def _read(held: Mapping[str, object]) -> tuple[F64, F64, float] | str:
    edges, shares = (np.array(held.get(key, ()), np.float64) for key in ("edges", "shares"))
    if len(shares) != len(edges) + 1 or (np.diff(edges) <= 0).any():
        return "the frozen bins of the scores are broken"
    return edges, shares, float(str(held["n"]))
