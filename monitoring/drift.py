"""Population stability on bins frozen at training: the one official drift figure.

PSI = sum((actual - expected) * ln(actual / expected)) over the frozen bins and the bin of
missing values (Siddiqi 2006). Below .10 stable, .10 to .25 investigate, from .25 act. The
customary limits ignore sample size, so each PSI stands beside its noise floor: the value that
95 % of quiet months stay below, chi-square(B - 1, .95) * (1/N + 1/M) (Yurdakul 2018).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from feature_repo.errors import BankError

INVESTIGATE, ACT = 0.10, 0.25
FLOOR = 1e-4
Floats = npt.NDArray[np.float64]


class Level(StrEnum):
    """What a PSI asks for."""

    STABLE = "stable"
    INVESTIGATE = "investigate"
    ACT = "act"


class BrokenReference(BankError, ValueError):
    """A frozen reference cannot be compared with."""

    def __init__(self, name: str, why: str) -> None:
        self.name = name
        super().__init__(f"The frozen reference of '{name}' {why}. Train and promote the model again.")


@dataclass(frozen=True)
class FrozenBins:
    """Inner edges (ascending), each bin's share of the known values, the share of missing ones.

    Bins are closed on the left: [edge i-1, edge i).
    """

    edges: Floats
    shares: Floats
    missing: float
    n: int

    @classmethod
    def read(cls, name: str, record: Mapping[str, object], n: int) -> "FrozenBins":
        """From a part's reference.json; BrokenReference when it does not add up."""
        edges = np.asarray(record["edges"], np.float64)
        shares = np.asarray(record["shares"], np.float64)
        missing = float(str(record["missing"]))
        if shares.size != edges.size + 1:
            raise BrokenReference(name, f"has {shares.size} shares for {edges.size} edges")
        if abs(shares.sum() - 1) > 1e-6 or not 0 <= missing <= 1:
            raise BrokenReference(name, f"has shares that sum to {shares.sum():.6f} instead of 1")
        return cls(edges, shares, missing, n)

    def expected(self) -> Floats:
        """Shares with the missing bin last; shape (bins + 1,)."""
        return np.append(self.shares * (1 - self.missing), self.missing)

    def actual(self, values: Floats) -> Floats:
        """Shares of new values in the same bins, missing last; shape (bins + 1,)."""
        known = values[~np.isnan(values)]
        counts = np.bincount(np.searchsorted(self.edges, known, side="right"), minlength=self.shares.size)
        return np.append(counts, values.size - known.size) / values.size


@dataclass(frozen=True)
class Shift:
    """How far one column or score has moved. `psi` is official; `noise` its 95 % floor."""

    part: str
    name: str
    is_score: bool
    psi: float
    noise: float
    n: int

    @property
    def level(self) -> Level:
        """What it asks for; a PSI within its noise asks for nothing."""
        if self.psi <= self.noise or self.psi < INVESTIGATE:
            return Level.STABLE
        return Level.ACT if self.psi >= ACT else Level.INVESTIGATE


def psi(expected: Floats, actual: Floats) -> float:
    """Population stability index of two share vectors over the same bins.

    >>> psi(np.array([0.5, 0.5]), np.array([0.5, 0.5]))
    0.0
    >>> round(psi(np.array([0.5, 0.5]), np.array([0.9, 0.1])), 3)
    0.879
    """
    e, a = np.maximum(expected, FLOOR), np.maximum(actual, FLOOR)
    return float(((a - e) * np.log(a / e)).sum())


def noise_floor(bins: int, reference: int, current: int) -> float:
    """The PSI that 95 of 100 unchanged samples stay below.

    >>> round(noise_floor(10, 200, 10**9), 3)
    0.085
    """
    if bins < 2:
        return 0.0
    return float(chi2.ppf(0.95, bins - 1)) * (1 / reference + 1 / current)


def shift(part: str, name: str, is_score: bool, frozen: FrozenBins, values: Floats) -> Shift:
    """Compare new values of one column, shape (n,), with its frozen bins."""
    expected = frozen.expected()
    return Shift(
        part, name, is_score,
        psi=psi(expected, frozen.actual(values)),
        noise=noise_floor(int((expected > 0).sum()), frozen.n, values.size),
        n=values.size,
    )  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What the drift run says, in one sentence a person can act on."""

    level: Level
    sentence: str


def verdict(shifts: list[Shift]) -> Verdict:
    """The worst score decides; columns decide when a fifth of them must be acted on.

    A single moved column whose scores hold is something to look into, not to act on.
    """
    scores = [s for s in shifts if s.is_score]
    columns = dict[str, Shift]()
    for each in sorted((s for s in shifts if not s.is_score), key=lambda s: s.psi):
        columns[each.name] = each  # a column of several populations counts once, where it moved most
    moved = [s for s in columns.values() if s.level is Level.ACT]
    changed = [s for s in [*scores, *columns.values()] if s.level is not Level.STABLE]
    if any(s.level is Level.ACT for s in scores) or len(moved) * 5 >= max(len(columns), 5):
        level = Level.ACT
    else:
        level = Level.INVESTIGATE if changed else Level.STABLE
    worst = max([*scores, *columns.values()], key=lambda s: s.psi)
    lead = {
        Level.STABLE: "Stable: the population is the one the models were tested on",
        Level.INVESTIGATE: "Investigate: part of the population has moved",
        Level.ACT: "Act: the population has moved; retrain, recalibrate or roll back",
    }[level]
    return Verdict(
        level,
        f"{lead}. {len(changed)} of {len(scores) + len(columns)} scores and columns beyond "
        f"{INVESTIGATE:.2f}, {len(moved)} columns beyond {ACT:.2f}; largest {worst.part}.{worst.name} "
        f"PSI {worst.psi:.3f} (noise {worst.noise:.3f}, n {worst.n:,}).",
    )
