"""One member with everything a validator asks of it, measured as it will be served."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from crm_rules.policy import STANDARD, Policy
from training.credit_risk import alternatives, fairness, grades, points, selection, swaps
from training.credit_risk.alternatives import Alternative, Part
from training.credit_risk.champion import scored
from training.credit_risk.fairness import GroupFigures, Groups
from training.credit_risk.faithfulness import Faithfulness, faithfulness
from training.credit_risk.member import Member
from training.credit_risk.reference import reference_values, with_reference
from training.credit_risk.selection import Selection
from training.credit_risk.served import served
from training.credit_risk.situations import IN_CHINESE, Situation
from training.evidence.binary import binary_exhibits
from training.evidence.exhibit import Exhibit
from training.evidence.sensitivity import sensitivity
from training.learning.trees import F32
from training.release.credit import CreditRuntime
from training.run import Run
from training.trained import Note
from training.validation import F64

FAITHFUL_CASES = 10_000


@dataclass(frozen=True)
class Validated:
    """A member, its JSON and files as released, its runtime, and what was found."""

    name: str
    situation: Situation
    member: Member
    json: Mapping[str, object]
    files: Mapping[str, bytes]
    runtime: CreditRuntime
    faithful: Mapping[str, Faithfulness]
    groups: tuple[GroupFigures, ...]
    alternative: Alternative
    grades: tuple[grades.GradeTest, ...]
    swaps: swaps.Swaps
    champion: str
    selection: Selection | None
    cut_off: float
    masks: Groups

    @property
    def p(self) -> F64:
        """The deciding model's PD of the test rows, as trained."""
        return self.member.test_probability

    @property
    def metrics(self) -> dict[str, object]:
        """The member's figures with those of the validation."""
        return {
            **self.member.metrics,
            "faithfulness": {name: each.as_json() for name, each in self.faithful.items()},
            "fairness": fairness.as_metrics(self.groups) | {"alternative": self.alternative.as_json()},
            "calibration": grades.as_metrics(self.grades, self.situation.y_test, self.p),
            "swap_set": {"champion": self.champion, **self.swaps.as_json()},
            "selection": self.selection.as_json() if self.selection else None,
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What does not stop the model and has to be looked at."""
        found = []
        least = fairness.worst(self.groups)
        if least and least.impact.value < fairness.FOUR_FIFTHS:
            found.append(
                f"{self.name}: {least.attribute} {least.group} is approved {least.impact.value:.2f} times as "
                f"often as the group approved most, limit {fairness.FOUR_FIFTHS}"
            )
        low = [each.grade for each in self.grades if each.p_value < grades.REJECTED]
        if low:
            found.append(f"{self.name}: the PD of grade {', '.join(low)} is too low (Jeffreys' test)")
        return tuple(found)

    @property
    def note(self) -> tuple[Note, ...]:
        """Whom the data leaves out, in figures."""
        if self.selection is None:
            return ()
        share, n = self.selection.approved_share, sum(self.selection.n.values())
        return (Note(
            f"Of {n:,} applications in the test window {share:.0%} were approved; what became of the others "
            f"is not known, and {self.selection.strangers:,} came from people the bank has no record of.",
            f"测试期内共 {n:,} 笔申请，其中 {share:.0%} 获批；其余申请的结果未知，另有 "
            f"{self.selection.strangers:,} 笔来自本行没有记录的申请人。",
        ),)  # fmt: skip


def validated(
    run: Run, name: str, situation: Situation, member: Member, champion: CreditRuntime | None
) -> Validated:
    """Measure one fitted member on its test rows, as the release will serve it."""
    columns = situation.rows.informative(situation.train)
    matrix = situation.rows.only(columns)
    train = matrix[situation.train]
    described = with_reference(member.as_json(), reference_values(train, situation.y, columns))
    files = member.files(name)
    runtime = served({name: described}, files)[name]
    own = situation.rows.only(runtime.member.columns)
    groups = fairness.groups_of(run.settings, situation.rows)
    cut_off = Policy.load(STANDARD).lending.situation(name).approve_below_pd
    p, y = member.test_probability, situation.y_test
    tested = _part(matrix, situation, groups, situation.test)
    champion_name = "the champion" if champion else "the scorecard"
    before = scored(champion, situation) if champion else _as(runtime, "scorecard").probability(
        own[situation.test])  # fmt: skip
    return Validated(
        name, situation, member, described, files, runtime,
        {kind: faithfulness(_as(runtime, kind), _cases(own, situation, run.seed))
         for kind in dict.fromkeys((member.decides, "scorecard", "boosting"))},
        fairness.measured(tested.groups, y, p, cut_off),
        alternatives.search(_part(matrix, situation, groups, situation.train), tested, columns,
                            _spread(runtime, own[situation.train], columns), cut_off, run.seed),
        grades.by_grade(runtime.member.grade(p), y, p),
        swaps.swap_set(before, p, y, cut_off), champion_name,
        selection.selection(run.settings, run.source, situation, runtime) if name == "application" else None,
        cut_off, tested.groups,
    )  # fmt: skip


def exhibits(found: Validated) -> dict[str, Exhibit]:
    """Every plot and table of one member, by `name/what`."""
    name, situation, window = found.name, found.situation, found.situation.window
    title, title_zh = f"Credit {name}", f"信用风险（{IN_CHINESE[name]}）"
    n, at = int(situation.test.sum()), situation.rows.as_of[situation.test]
    own = situation.rows.only(found.runtime.member.columns)
    card = found.json["scorecard"]
    assert isinstance(card, Mapping)
    shown = binary_exhibits(
        name, title, title_zh, situation.y_test, found.p, found.member.plain_test, at, window,
        trained_on=found.runtime.probability(own[situation.train]),
    )  # fmt: skip
    shown |= {
        f"{name}/sensitivity": sensitivity(title, title_zh, found.runtime.probability, own[situation.test],
                                           found.runtime.member.columns, window),
        f"{name}/woe": points.woe_table(name, found.runtime, card, own[situation.train], situation.y,
                                       situation.training_window),
        f"{name}/points": points.points_table(name, found.runtime, window, n),
        f"{name}/grades": grades.exhibit(name, found.grades, window),
        f"{name}/fairness": fairness.exhibit(name, found.groups, found.cut_off, window, n),
        f"{name}/alternative": alternatives.exhibit(name, found.alternative, window, n),
        f"{name}/swaps": swaps.exhibit(name, found.champion, found.swaps, window),
    }  # fmt: skip
    if found.selection is not None:
        shown[f"{name}/selection"] = selection.exhibit(name, found.selection, window)
    return shown


def _as(runtime: CreditRuntime, decides: str) -> CreditRuntime:
    """The same member where another of its models decides."""
    return replace(runtime, member=replace(runtime.member, decides=decides))  # type: ignore[arg-type] # one of Decider


def _part(matrix: F32, situation: Situation, groups: Groups, chosen: fairness.Mask) -> Part:
    masks = {a: {g: mask[chosen] for g, mask in members.items()} for a, members in groups.items()}
    return Part(matrix[chosen], situation.bad[chosen], masks)


def _cases(own: F32, situation: Situation, seed: int) -> F32:
    """At most 10,000 rows: those of the test, filled up with training rows where they are fewer."""
    rows = np.flatnonzero(situation.test)
    if len(rows) > FAITHFUL_CASES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, FAITHFUL_CASES, replace=False))
    return own[np.r_[rows, np.flatnonzero(situation.train)[: FAITHFUL_CASES - len(rows)]]]


def _spread(runtime: CreditRuntime, own: F32, columns: tuple[str, ...]) -> F64:
    """The model's contributions in the order of `columns`, zero where it does not read one."""
    added, out = runtime.contributions(own), np.zeros((len(own), len(columns)))
    for at, column in enumerate(runtime.member.columns):
        out[:, columns.index(column)] = added[:, at]
    return out
