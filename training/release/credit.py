"""Credit risk: an application or a running loan, scored by the model that was chosen to decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.release.calibration import Calibration
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.scorecard import Scorecard
from training.release.segmentation import F32Array
from training.release.trees import Trees

FILE = "model.json"
Decider = Literal["scorecard", "boosting", "blend"]


@dataclass(frozen=True)
class Boosting:
    """The tree model of a member: its margin is in the merged graph, its reasons in a graph of their own."""

    columns: tuple[str, ...]
    calibration: Calibration


@dataclass(frozen=True)
class CreditMember:
    """One of `application` and `behaviour`; `decides` says whose probability counts.

    A `blend` is the mean of the scorecard's and the boosting's calibrated log odds, calibrated again.
    """

    name: str
    decides: Decider
    grades: tuple[tuple[str, float], ...]
    boosting: Boosting | None
    scorecard: Scorecard | None
    blend: Calibration | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the deciding model, in its order: those that reasons can name."""
        scored = self.scorecard.columns if self.scorecard and self.decides != "boosting" else ()
        boosted = self.boosting.columns if self.boosting and self.decides != "scorecard" else ()
        return (*boosted, *(column for column in scored if column not in boosted))

    def grade(self, probability: F64Array) -> tuple[str, ...]:
        """The grade of each probability: the first whose upper limit is not exceeded, else the last."""
        limits = np.array([limit for _, limit in self.grades])
        index = np.searchsorted(limits, probability, side="left").clip(max=len(limits) - 1)
        return tuple(self.grades[each][0] for each in index)


@dataclass(frozen=True)
class CreditRisk:
    """The members of the part, by name."""

    members: Mapping[str, CreditMember]

    @staticmethod
    def read(files: Mapping[str, bytes]) -> "CreditRisk":
        """From the files of the part `credit_risk`."""
        fields = Fields.parse(f"parts/credit_risk/{FILE}", files[FILE])
        members = {name: _member(name, each) for name, each in sorted(fields.members("members").items())}
        for member in members.values():
            wanted = {f"{member.name}.onnx", f"{member.name}.reasons.onnx"} if member.boosting else set()
            if not wanted <= set(files):
                raise BrokenRelease(fields.path, f"'{member.name}' lacks {sorted(wanted - set(files))}")
        return CreditRisk(members)


@dataclass(frozen=True)
class Risk:
    """What a member says about n customers; `contributions` follow the member's columns, larger is worse."""

    probability: F64Array
    score: F64Array
    contributions: F64Array


@dataclass(frozen=True)
class CreditRuntime:
    """A member ready to run. Path contributions start from the average of the training population."""

    member: CreditMember
    reasons: Trees | None

    def assess(self, scorecard: F32Array, boosting: F32Array, margin: F64Array) -> Risk:
        """Risk of n customers, from the features of each model in its own order and the boosting's margin.

        `score` is the scorecard's total wherever there is a scorecard, NaN otherwise.
        """
        card = self.member.scorecard
        if card is None:
            return self._boosted(boosting, margin, np.full(len(margin), np.nan))
        points = card.points(scorecard)
        score = card.score(points)
        if self.member.decides == "scorecard":
            return Risk(card.probability(score), score, card.contributions(points))
        boosted = self._boosted(boosting, margin, score)
        if self.member.decides == "boosting":
            return boosted
        return self._blended(card, points, boosted, margin)

    def _boosted(self, boosting: F32Array, margin: F64Array, score: F64Array) -> Risk:
        assert self.member.boosting is not None  # else another would decide: checked when it was read
        assert self.reasons is not None
        contributions = self.reasons.run(boosting).astype(np.float64)
        return Risk(self.member.boosting.calibration.probability(margin), score, contributions)

    def _blended(self, card: Scorecard, points: F64Array, boosted: Risk, margin: F64Array) -> Risk:
        """The mean of two log odds. What a column adds to each adds up, both in log odds."""
        assert self.member.boosting is not None
        assert self.member.blend is not None
        line, trees = self.member.blend, self.member.boosting
        odds = (card.calibration.odds(card.margin(boosted.score)) + trees.calibration.odds(margin)) / 2
        columns = self.member.columns
        added = np.zeros((len(margin), len(columns)))
        added[:, : len(trees.columns)] = boosted.contributions * (line.a * trees.calibration.a / 2)
        lost = card.contributions(points) * (line.a * card.calibration.a / (2 * card.factor))
        for index, column in enumerate(card.columns):
            added[:, columns.index(column)] += lost[:, index]
        return Risk(line.probability(odds), boosted.score, added)


def _member(name: str, fields: Fields) -> CreditMember:
    decides = fields.text("decides")
    grades = tuple((each.text("grade"), each.number("pd_max")) for each in fields.objects("grades"))
    boosting = _boosting(fields.nested("boosting")) if fields.has("boosting") else None
    scorecard = Scorecard.read(fields.nested("scorecard")) if fields.has("scorecard") else None
    if not grades or list(grades) != sorted(grades, key=lambda each: each[1]):
        raise BrokenRelease(fields.path, f"the grades of '{name}' should be there and rise with pd_max")
    if decides == "scorecard" and scorecard is not None:
        return CreditMember(name, "scorecard", grades, boosting, scorecard)
    if decides == "boosting" and boosting is not None:
        return CreditMember(name, "boosting", grades, boosting, scorecard)
    if decides == "blend" and boosting is not None and scorecard is not None and fields.has("blend"):
        line = Calibration.read(fields.nested("blend").nested("calibration"))
        return CreditMember(name, "blend", grades, boosting, scorecard, line)
    raise BrokenRelease(fields.path, f"'{name}' says {decides!r} decides, which is not in it")


def _boosting(fields: Fields) -> Boosting:
    return Boosting(fields.columns(), Calibration.read(fields.nested("calibration")))
