"""The test half-year, read once: ranking beside its baselines, calibration, what each input is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.recommendation.choosing import Choice, Inputs, learned, said, some
from training.recommendation.collaborative import Kernel, added_after
from training.recommendation.moments import Moment
from training.recommendation.new_products import held_back
from training.recommendation.ranking import Ranked, rank
from training.release.recommendation import Recommender
from training.validation import F64, Interval, Labels, calibration_error, calibration_noise

QUICK = 30_000  # customers learned from where a refit only shows what an input is worth
MODEL, POPULARITY, LAST = "hybrid", "popularity", "last purchase"
CONTENT, COLD = "content alone", "nothing held"


@dataclass(frozen=True)
class Fit:
    """One family's chances on the test half-year beside what happened: pairs of customer and product."""

    family: str
    said: F64
    seen: Labels

    @property
    def error(self) -> float:
        """The expected calibration error."""
        return calibration_error(self.seen, self.said)

    @property
    def limit(self) -> float:
        """What a good model may show: a quarter of the base rate, and what chance alone would show."""
        return 0.25 * float(self.seen.mean()) + 1.5 * calibration_noise(self.said)


@dataclass(frozen=True)
class Verdict:
    """What the test half-year says."""

    ranked: Mapping[str, Ranked]
    intervals: Mapping[str, Mapping[str, Interval]]  # by name as `ranked`, by figure
    families: tuple[Fit, ...]
    shares: Fit | None  # None where every family has one product
    without: Mapping[str, Ranked]
    half_years: Sequence[tuple[int, Ranked, Ranked]]
    new: Mapping[str, tuple[float, float]]


def judged(choice: Choice, final: Recommender, inputs: Inputs, half_years: Sequence[Moment]) -> Verdict:
    """Everything that is read off the last half-year; the model learned from those before it."""
    *before, test = half_years
    last, popularity = before[-1], before[-1].added.mean(axis=0)
    after, chance = added_after(last.held, last.added), said(final, test)
    earlier = learned(choice, inputs, before[:-1])
    found = {
        MODEL: chance, CONTENT: _content(choice, inputs, before, test),
        COLD: said(final, replace(test, held=np.zeros_like(test.held))),
        "added after what is held": Kernel("", after).scores(test.held, popularity),
        **{kind: kernel.scores(test.held, popularity) for kind, kernel in choice.kernels.items()},
        LAST: np.where(test.last[:, None] >= 0, after[np.maximum(test.last, 0)], popularity),
        POPULARITY: np.tile(popularity, (len(test), 1)),
    }  # fmt: skip
    then = before[-2].added.mean(axis=0)
    ranked = {name: _rank(scores, test, popularity) for name, scores in found.items()}
    return Verdict(
        ranked, {name: each.intervals(inputs.seed) for name, each in ranked.items()},
        _families(final, chance, test), _shares(final, chance, test),
        _without(choice, inputs, before, test),
        ((last.at, _rank(said(earlier, last), last, then), _rank(np.tile(then, (len(last), 1)), last, then)),
         (test.at, _rank(chance, test, popularity), _rank(found[POPULARITY], test, popularity))),
        held_back(choice, inputs, [some(each, inputs.seed, QUICK // len(before)) for each in before], test),
    )  # fmt: skip


def _rank(scores: F64, moment: Moment, popularity: F64) -> Ranked:
    return rank(scores, moment.held, moment.added, popularity)


def _content(choice: Choice, inputs: Inputs, before: Sequence[Moment], test: Moment) -> F64:
    """Attributes of products and bands of customers alone: nothing of what is held."""
    fewer = [_blank(some(each, inputs.seed, QUICK // len(before)), held=True) for each in before]
    model = learned(choice.shaped(own=1e6), inputs, fewer)
    return said(replace(model, effects=_by_attribute(model)), _blank(test, held=True))


def _by_attribute(model: Recommender) -> F64:
    found: F64 = model.by_attribute @ model.encoding.matrix(model.products)
    return found


def _blank(moment: Moment, *, held: bool = False, segment: bool = False, features: bool = False) -> Moment:
    """The same customers with some of what is known of them hidden; what they may add stays the same."""
    return replace(
        moment,
        held=np.zeros_like(moment.held) if held else moment.held,
        segments=None if segment else moment.segments,
        matrix=np.full_like(moment.matrix, np.nan) if features else moment.matrix,
    )


def _without(choice: Choice, inputs: Inputs, before: Sequence[Moment], test: Moment) -> dict[str, Ranked]:
    """Fitted anew without one kind of input, on fewer customers; "nothing" leaves out none."""
    fewer = [some(each, inputs.seed, QUICK // len(before)) for each in before]
    hidden = {"nothing": {}, "content": {"features": True}, "held": {"held": True}}
    if test.segments is not None:
        hidden["segment"] = {"segment": True}
    found = {}
    for name, hides in hidden.items():
        model = learned(choice, inputs, [_blank(each, **hides) for each in fewer], QUICK)
        found[name] = rank(said(model, _blank(test, **hides)), test.held, test.added)
    return found


def _families(model: Recommender, chance: F64, test: Moment) -> tuple[Fit, ...]:
    found = []
    for family in model.calibration:
        mine = [each.family == family for each in model.products]
        there = ~test.held[:, mine]
        found.append(Fit(family, chance[:, mine][there], test.added[:, mine][there].astype(np.int8)))
    return tuple(found)


def _shares(model: Recommender, chance: F64, test: Moment) -> Fit | None:
    """Of those who added exactly one product of a family: each product's share of it, and which it was."""
    said_all, seen_all = [], []
    for family in model.calibration:
        mine = [each.family == family for each in model.products]
        left = np.where(test.held[:, mine], 0.0, chance[:, mine])
        one = test.added[:, mine].sum(axis=1) == 1
        there = one[:, None] & ~test.held[:, mine] & ((left > 0).sum(axis=1) > 1)[:, None]
        share = left / np.maximum(left.sum(axis=1, keepdims=True), 1e-300)
        said_all.append(share[there])
        seen_all.append(test.added[:, mine][there].astype(np.int8))
    if not sum(len(each) for each in said_all):
        return None
    return Fit("shares", np.concatenate(said_all), np.concatenate(seen_all))
