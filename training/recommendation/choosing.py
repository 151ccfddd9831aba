"""What is chosen before the test half-year is looked at: filters, the hybrid's shape, its calibration."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.learning.tuning import OneOf, Parameters, Real, Space, Whole, search
from training.recommendation.collaborative import FILTERS, Kernel, filtered
from training.recommendation.estimator import ProductRecommender
from training.recommendation.moments import Moment
from training.recommendation.ranking import rank
from training.release.content import ProductFacts
from training.release.recommendation import Recommender
from training.run import Run
from training.trained import Trial
from training.validation import F64, log_loss

FILTER_TRIALS, TRIALS = 5, 8
SOME = 20_000  # customers a trial learns from, and as many it is judged on
NO_FILTER = "none"
START: Parameters = {"bands": 7, "shared": 10.0, "own": 30.0, "filter": NO_FILTER}
SPACE: Space = {
    "bands": Whole(4, 10), "shared": Real(3, 300, log=True), "own": Real(10, 1000, log=True),
    "filter": OneOf((NO_FILTER, *FILTERS)),
}  # fmt: skip


@dataclass(frozen=True)
class Inputs:
    """What every fit is given beside its customers; `segmentation` is the digest of the part used."""

    columns: tuple[str, ...]
    products: tuple[ProductFacts, ...]
    seed: int
    segmentation: str | None = None

    def study(self, half_years: Sequence[Moment]) -> str:
        """The name of a search over these inputs: trials of other columns, products or dates are not its."""
        ids = [each.product_id for each in self.products]
        said = repr((self.columns, ids, self.segmentation, [each.at for each in half_years]))
        return f"recommendation-{hashlib.sha256(said.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Choice:
    """The shape chosen. `kernels` are the best of each filter, by name, with what they were worth alone."""

    shape: Parameters
    kernels: Mapping[str, Kernel]
    recalibrated: bool
    value: float
    trials: tuple[Trial, ...]

    @property
    def name(self) -> str:
        """The choice in words."""
        follows = self.shape["filter"]
        return "hybrid" if follows == NO_FILTER else f"hybrid following {follows}"

    def shaped(self, **shape: float | str) -> "Choice":
        """The same choice with some of its shape set otherwise."""
        return replace(self, shape={**self.shape, **shape})

    def estimator(self, seed: int, most_rows: int = 100_000) -> ProductRecommender:
        """An unfitted model of that shape."""
        return ProductRecommender(
            self.shape["bands"], self.shape["shared"], self.shape["own"],
            self.kernels.get(str(self.shape["filter"])), None, most_rows, seed,
        )  # fmt: skip


def choose(run: Run, inputs: Inputs, learn: Sequence[Moment], later: Moment) -> Choice:
    """Search on `learn`, judged by MAP@5 on the half-year `later`; trials are kept beside the study."""
    judged_on, study = some(later, inputs.seed), run.study(inputs.study([*learn, later]))
    kernels, trials = _filters(run, study, learn[-1], judged_on)
    fewer = [some(each, inputs.seed, SOME // len(learn)) for each in learn]

    def judge(asked: Parameters) -> float:
        return _ranks(_fit(Choice(asked, kernels, False, 0.0, ()), inputs, fewer), judged_on)

    started = (START, *({**START, "filter": kind} for kind in FILTERS))
    found = search("hybrid", SPACE, judge, trials=len(started) + TRIALS, seed=run.seed,
                   study=study, start=started, measure="MAP@5")  # fmt: skip
    choice = Choice(found.best, kernels, False, found.value, (*trials, *found.trials))
    return replace(choice, recalibrated=_needs_a_line(choice, inputs, fewer, judged_on))


def _filters(run: Run, study: Path, last: Moment, judged_on: Moment) -> tuple[dict[str, Kernel], list[Trial]]:
    """The best of each collaborative filter, learned from what was held, judged by what is added later."""
    popularity, kernels = last.added.mean(axis=0), {}
    trials: list[Trial] = []
    for kind, filtering in FILTERS.items():

        def judge(asked: Parameters, kind: str = kind) -> float:
            kernel = filtered(kind, last.held, asked, run.seed)
            scores = kernel.scores(judged_on.held, popularity)
            return rank(scores, judged_on.held, judged_on.added).mean["map_at_5"]

        found = search(kind, filtering.space, judge, trials=FILTER_TRIALS, seed=run.seed,
                       study=study, start=(filtering.start,), measure="MAP@5")  # fmt: skip
        kernels[kind] = filtered(kind, last.held, found.best, run.seed)
        trials += found.trials
    return kernels, trials


def learned(
    choice: Choice, inputs: Inputs, half_years: Sequence[Moment], most_rows: int = 100_000
) -> Recommender:
    """Fitted to all these half-years; where it was chosen so, the last one gives the calibration alone."""
    if not choice.recalibrated:
        return _fit(choice, inputs, half_years, most_rows)
    *earlier, last = half_years
    return _with_lines(choice, inputs, earlier, last, most_rows)


def said(model: Recommender, moment: Moment) -> F64:
    """The chance (n, P) of each product's being added, as served."""
    return model.probabilities(model.shelf, moment.held, moment.matrix, moment.segments)


def some(moment: Moment, seed: int, most: int = SOME) -> Moment:
    """At most `most` of its customers, drawn by seed."""
    if len(moment) <= most:
        return moment
    chosen: npt.NDArray[np.intp] = np.random.default_rng(seed).choice(len(moment), most, replace=False)
    return moment.rows(np.sort(chosen))


def _ranks(model: Recommender, moment: Moment) -> float:
    return rank(said(model, moment), moment.held, moment.added).mean["map_at_5"]


def _fit(
    choice: Choice, inputs: Inputs, half_years: Sequence[Moment], most_rows: int = 100_000
) -> Recommender:
    return _fitted(choice, inputs, half_years, most_rows).recommender_


def _fitted(
    choice: Choice, inputs: Inputs, half_years: Sequence[Moment], most_rows: int
) -> ProductRecommender:
    held, added = (np.concatenate([getattr(each, name) for each in half_years]) for name in ("held", "added"))
    known = [each.segments for each in half_years if each.segments is not None]
    return choice.estimator(inputs.seed, most_rows).fit(
        held, added, features=np.concatenate([each.matrix for each in half_years]), columns=inputs.columns,
        segments=np.concatenate(known) if known else None, products=inputs.products,
    )  # fmt: skip


def _with_lines(
    choice: Choice, inputs: Inputs, earlier: Sequence[Moment], last: Moment, most_rows: int
) -> Recommender:
    model = _fitted(choice, inputs, earlier, most_rows)
    lines = model.calibrate(last.held, last.added, features=last.matrix, segments=last.segments)
    found = model.recommender_
    return replace(found, calibration={**found.calibration, **lines})


def _needs_a_line(choice: Choice, inputs: Inputs, learn: Sequence[Moment], later: Moment) -> bool:
    """Whether lines from the last half-year, kept out of the fit, foretell better than fitting to it."""
    if len(learn) < 2:
        return False
    plain = _fit(choice, inputs, learn)
    lined = _with_lines(choice, inputs, learn[:-1], learn[-1], 100_000)
    return _loss(lined, later) < _loss(plain, later)


def _loss(model: Recommender, moment: Moment) -> float:
    odds = model.margins(model.shelf, moment.held, moment.matrix, moment.segments)
    there = ~moment.held & model.shelf.estimated
    return log_loss(moment.added[there].astype(np.int8), odds[there])
