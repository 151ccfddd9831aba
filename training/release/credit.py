"""Credit risk: an application or a running loan, scored by the model that was chosen to decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import numpy as np
import numpy.typing as npt

from training.release.calibration import Calibration, sigmoid
from training.release.confirmed import confirmed
from training.release.errors import BrokenRelease
from training.release.fields import F64Array, Fields
from training.release.scorecard import Scorecard
from training.release.segmentation import F32Array
from training.release.trees import Trees

FILE = "model.json"
Places = npt.NDArray[np.intp]
Decider = Literal["scorecard", "boosting", "blend"]


@dataclass(frozen=True)
class Boosting:
    """The tree model of a member: its margin is in the merged graph, its reasons in a graph of their own."""

    columns: tuple[str, ...]
    calibration: Calibration


@dataclass(frozen=True)
class CreditMember:
    """One of `application` and `behaviour`; `decides` says whose probability counts.

    `blend` is the line over the mean of both models' log odds, where they decide together. `reference`
    holds, for each of `columns`, the declared value that reasons are measured against.
    """

    name: str
    decides: Decider
    grades: tuple[tuple[str, float], ...]
    boosting: Boosting | None
    scorecard: Scorecard | None
    blend: Calibration | None
    reference: F64Array

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of its models, sorted: the order of the rows it is given."""
        return _columns(self.scorecard, self.boosting)

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
    """What a member says about n customers; larger is worse in both arrays, log odds their unit.

    `contributions` (n, columns) of the deciding model add up, from the reference of the scorecard and the
    average of the trees. `raised` (n, columns + 1) is what the log odds fall by once a column is moved to
    its reference, all unknown columns together last: the reasons.
    """

    probability: F64Array
    score: F64Array
    contributions: F64Array
    raised: F64Array


@dataclass(frozen=True)
class CreditRuntime:
    """A member ready to run; `trees` gives the boosting's margin alone, `reasons` its path contributions."""

    member: CreditMember
    trees: Trees | None
    reasons: Trees | None

    def assess(self, rows: F32Array) -> Risk:
        """Risk of n customers from (n, member.columns); `score` is NaN where there is no scorecard."""
        card, score = self.member.scorecard, np.full(len(rows), np.nan)
        if card is not None:
            score = card.score(card.points(rows[:, self._card]))
        log_odds, contributions = self.log_odds(rows), self.contributions(rows)
        raised = confirmed(rows, log_odds, contributions, self.member.reference, self.log_odds)
        return Risk(sigmoid(log_odds), score, contributions, raised)

    def log_odds(self, rows: F32Array) -> F64Array:
        """The deciding model's calibrated log odds of default, (n,)."""
        decides, blend = self.member.decides, self.member.blend
        if decides == "scorecard":
            return self._carded(rows)
        if decides == "boosting":
            return self._boosted(rows)
        assert blend is not None  # checked when it was read
        return blend.odds((self._carded(rows) + self._boosted(rows)) / 2)

    def probability(self, rows: F32Array) -> F64Array:
        """The probability of default, (n,); no reasons."""
        return sigmoid(self.log_odds(rows))

    def _carded(self, rows: F32Array) -> F64Array:
        card = self.member.scorecard
        assert card is not None
        return card.calibration.odds(card.margin(card.score(card.points(rows[:, self._card]))))

    def _boosted(self, rows: F32Array) -> F64Array:
        boosting = self.member.boosting
        assert boosting is not None
        assert self.trees is not None
        margin = self.trees.run(np.ascontiguousarray(rows[:, self._grown]))[:, 0]
        return boosting.calibration.odds(margin.astype(np.float64))

    def contributions(self, rows: F32Array) -> F64Array:
        """What each column adds to the log odds, (n, columns); see `Risk`."""
        member, found = self.member, np.zeros(rows.shape)
        scale = 1.0 if member.blend is None or member.decides != "blend" else member.blend.a / 2
        if member.decides != "boosting" and member.scorecard is not None:
            card = member.scorecard
            lost = card.contributions(card.points(rows[:, self._card])) / card.factor
            found[:, self._card] += scale * card.calibration.a * lost
        if member.decides != "scorecard" and member.boosting is not None and self.reasons is not None:
            path = self.reasons.run(np.ascontiguousarray(rows[:, self._grown])).astype(np.float64)
            found[:, self._grown] += scale * member.boosting.calibration.a * path
        return found

    @cached_property
    def _card(self) -> Places:
        return self._places(self.member.scorecard.columns if self.member.scorecard else ())

    @cached_property
    def _grown(self) -> Places:
        return self._places(self.member.boosting.columns if self.member.boosting else ())

    def _places(self, columns: tuple[str, ...]) -> Places:
        return np.array([self.member.columns.index(column) for column in columns], np.intp)


def _member(name: str, fields: Fields) -> CreditMember:
    decides = fields.text("decides")
    grades = tuple((each.text("grade"), each.number("pd_max")) for each in fields.objects("grades"))
    boosting = _boosting(fields.nested("boosting")) if fields.has("boosting") else None
    scorecard = Scorecard.read(fields.nested("scorecard")) if fields.has("scorecard") else None
    if not grades or list(grades) != sorted(grades, key=lambda each: each[1]):
        raise BrokenRelease(fields.path, f"the grades of '{name}' should be there and rise with pd_max")
    has = {
        "scorecard": scorecard is not None,
        "boosting": boosting is not None,
        "blend": scorecard is not None and boosting is not None and fields.has("blend"),
    }
    if not has.get(decides):
        raise BrokenRelease(fields.path, f"'{name}' says {decides!r} decides, which is not in it")
    blend = Calibration.read(fields.nested("blend").nested("calibration")) if fields.has("blend") else None
    declared, columns = fields.nested("reference"), _columns(scorecard, boosting)
    reference = np.array([declared.number(column) for column in columns], np.float64)
    return CreditMember(name, cast(Decider, decides), grades, boosting, scorecard, blend, reference)


def _columns(scorecard: Scorecard | None, boosting: Boosting | None) -> tuple[str, ...]:
    models = (scorecard, boosting)
    return tuple(sorted({column for model in models if model is not None for column in model.columns}))


def _boosting(fields: Fields) -> Boosting:
    return Boosting(fields.columns(), Calibration.read(fields.nested("calibration")))
