"""How well a score ranks by what an offer changes: the Qini, one definition, said in full.

Rows are offers with a treated and a control arm chosen by chance. Ranked by the score, best first,
the *gain* of the best share s is

    g(s) = sum(y w t) / sum(w t) - sum(y w (1 - t)) / sum(w (1 - t)),

upper sums over the best share, lower sums over everybody, w = 1 / chance of the arm the row is in.
It is the number of further purchases, for each offer that could be made, if only the best share got
one. The *Qini* is the area between the gain and the straight line of a random ranking,

    Q = integral over s in [0, 1] of g(s) - s g(1),

in purchases an offer. Equal scores are spread evenly. The curve is Radcliffe's (2007, "Using control
groups to target on predicted lift") with the sizes of the whole arms in the denominators instead of
those in the best share: it is what Gutierrez and Gerardy (2017, PMLR 67, "Causal inference and uplift
modelling") call the cumulative gain, unbiased at any share and defined where a share holds no control.
Nothing is divided by a best possible area: on real offers that area is unknown.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.validation import F64, Interval, Labels

Flags = npt.NDArray[np.bool_]
DRAWS = 200


@dataclass(frozen=True)
class Arms:
    """n offers: `y` int8 whether it was bought, `treated` whether the offer was shown, `chance` of that.

    `who` (n,) numbers the customers: the bootstrap draws customers, not offers.
    """

    y: Labels
    treated: Flags
    chance: F64
    who: npt.NDArray[np.int64]

    @staticmethod
    def of(
        y: npt.ArrayLike, treated: npt.ArrayLike, chance: npt.ArrayLike | None = None,
        who: npt.ArrayLike | None = None,
    ) -> "Arms":  # fmt: skip
        """Without chances the treated share is everybody's; without customers each offer is its own."""
        shown, n = np.asarray(treated, np.bool_), len(np.asarray(y))
        known = np.full(n, shown.mean() if n else 0.5) if chance is None else np.asarray(chance, np.float64)
        return Arms(np.asarray(y, np.int8), shown, known, np.arange(n) if who is None else np.asarray(who))

    def rows(self, chosen: npt.NDArray[np.generic]) -> "Arms":
        """The chosen offers."""
        return Arms(self.y[chosen], self.treated[chosen], self.chance[chosen], self.who[chosen])

    @property
    def both(self) -> bool:
        """Whether either arm holds anybody."""
        return bool(self.treated.any() and not self.treated.all())

    def worth(self, times: F64 | None = None) -> F64:
        """What each row adds to g(1), (n,); `times` counts how often a row was drawn."""
        drawn = np.ones(len(self.y)) if times is None else times
        shown = drawn * self.treated / np.clip(self.chance, 1e-3, 1)
        kept = drawn * ~self.treated / np.clip(1 - self.chance, 1e-3, 1)
        out: F64 = self.y * (shown / max(shown.sum(), 1e-12) - kept / max(kept.sum(), 1e-12))
        return out


@dataclass(frozen=True)
class Ranked:
    """Rows best first: their order, and where each run of equal scores ends."""

    order: npt.NDArray[np.intp]
    ends: npt.NDArray[np.intp]

    @staticmethod
    def by(score: F64) -> "Ranked":
        """Rank by a score, the largest first."""
        order = np.argsort(-score, kind="stable")
        return Ranked(order, np.flatnonzero(np.r_[score[order][1:] != score[order][:-1], True]))

    def curve(self, worth: F64, times: F64 | None = None) -> tuple[F64, F64]:
        """Shares and gains, both from 0; `times` counts how often each row was drawn.

        >>> shares, gains = Ranked.by(np.array([3.0, 2.0, 1.0, 1.0])).curve(np.array([0.5, 0.0, 0.25, 0.0]))
        >>> shares.tolist(), gains.tolist()
        ([0.0, 0.25, 0.5, 1.0], [0.0, 0.5, 0.5, 0.75])
        """
        drawn = np.ones(len(worth)) if times is None else times[self.order]
        share = np.cumsum(drawn)[self.ends] / drawn.sum()
        return np.r_[0.0, share], np.r_[0.0, np.cumsum(worth[self.order])[self.ends]]

    def area(self, worth: F64, times: F64 | None = None) -> float:
        """The area between the gain curve and the line to its end."""
        shares, gains = self.curve(worth, times)
        return float(np.trapezoid(gains, shares) - gains[-1] / 2)


def qini(score: F64, arms: Arms) -> float:
    """The Qini of a score; 0 for one that ranks at random, NaN without both arms.

    >>> y, treated = np.array([1, 0, 0, 0]), np.array([True, False, True, False])
    >>> qini(np.array([4.0, 3.0, 2.0, 1.0]), Arms.of(y, treated)) > 0
    True
    """
    return Ranked.by(score).area(arms.worth()) if arms.both else float("nan")


def known_qini(score: F64, uplift: F64) -> float:
    """The Qini a ranking is expected to have where the true uplift of every row is known."""
    return Ranked.by(score).area(uplift / len(uplift))


def qini_interval(score: F64, arms: Arms, seed: int, other: F64 | None = None) -> Interval:
    """The Qini, or how much larger it is than that of `other`, with a 95 % bootstrap over customers."""
    if not arms.both:
        return Interval(float("nan"), float("nan"), float("nan"))
    ranked, against = Ranked.by(score), None if other is None else Ranked.by(other)

    def measure(times: F64 | None) -> float:
        worth = arms.worth(times)
        return ranked.area(worth, times) - (against.area(worth, times) if against else 0.0)

    rng, (_, who) = np.random.default_rng(seed), np.unique(arms.who, return_inverse=True)
    drawn = [measure(rng.poisson(1.0, who.max() + 1)[who].astype(np.float64)) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(measure(None), float(low), float(high))


def random_qini(arms: Arms, seed: int) -> Interval:
    """The Qini of rankings at random on these offers: their mean, and where 95 % of them lie."""
    rng, worth = np.random.default_rng(seed), arms.worth()
    drawn = [Ranked(rng.permutation(len(worth)), np.arange(len(worth))).area(worth) for _ in range(DRAWS)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(float(np.mean(drawn)), float(low), float(high))


@dataclass(frozen=True)
class Tenth:
    """A tenth of the offers by predicted uplift: what was said and what the arms measured."""

    n: int
    said: float
    treated: float
    control: float
    low: float
    high: float

    @property
    def measured(self) -> float:
        """The difference between the arms' purchase rates."""
        return self.treated - self.control


def by_tenth(uplift: F64, arms: Arms, tenths: int = 10) -> list[Tenth]:
    """Predicted and measured uplift by tenths of the prediction, best first, with 95 % intervals."""
    order = np.argsort(-uplift, kind="stable")
    return [_tenth(uplift[rows], arms.rows(rows)) for rows in np.array_split(order, tenths) if len(rows)]


def _tenth(said: F64, arms: Arms) -> Tenth:
    rates, spread = [], 0.0
    for side in (arms.treated, ~arms.treated):
        rate = float(arms.y[side].mean()) if side.any() else float("nan")
        spread += rate * (1 - rate) / max(1, int(side.sum()))
        rates.append(rate)
    reach = 1.96 * float(np.sqrt(spread))
    middle = rates[0] - rates[1]
    return Tenth(len(said), float(said.mean()), rates[0], rates[1], middle - reach, middle + reach)
