"""A made-up shelf whose rules are known: what is held and how rich somebody is decide what is added."""

from dataclasses import replace

import numpy as np
import pytest

from training.recommendation.moments import Moment
from training.release.content import ProductFacts

FAMILIES = ("card", "fund", "loan")
COLUMNS = ("income", "noise")
FACTS = tuple(
    ProductFacts(f"{family}-{at}", family, float(1 + at), 0.01 * (at + 1), 1000.0 * at)
    for family in FAMILIES
    for at in range(3)
)


def moment(seed: int, n: int = 3_000, at: int = 0) -> Moment:
    """Holders of card-i add fund-i; the rich add what is riskier, segment 1 adds cards more often."""
    rng = np.random.default_rng(seed)
    income = rng.normal(size=n).astype(np.float32)
    held = np.zeros((n, 9), bool)
    held[np.arange(n), rng.integers(0, 3, n)] = True
    segments = rng.integers(0, 2, n)
    odds = np.full((n, 9), -3.0)
    odds[:, 0:3] += 2.0 * segments[:, None]
    odds[:, 3:6] += 2.5 * held[:, 0:3]
    odds += income[:, None] * np.tile([-1.2, 0.0, 1.2], 3)
    added = (rng.random((n, 9)) < 1 / (1 + np.exp(-odds))) & ~held
    matrix = np.stack([income, rng.normal(size=n).astype(np.float32)], axis=1)
    matrix[rng.random(n) < 0.05, 0] = np.nan
    return Moment(at, matrix, held, added, held.argmax(axis=1), segments)


@pytest.fixture(scope="session")
def half_years() -> list[Moment]:
    return [replace(moment(seed), at=seed) for seed in range(4)]
