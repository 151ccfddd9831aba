"""Credit: an application decided by the lending policy, and the risk of a loan that runs.

What is missing is a planned value: a person new to the bank is decided like everybody else, and
what cannot be known or reached goes to a person, never to an automatic yes or no.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crm_rules.lending.policy import Decisions
from crm_rules.lending.policy import decide as lend
from crm_rules.lending.reasons import Reason, principal_reasons
from crm_rules.rules import UNAVAILABLE
from feature_repo.features.application import FEATURES_READ, application_features
from serving.deciding.adverse_action import adverse_action, principal
from serving.deciding.applicants import applicants, standing
from serving.deciding.asking import CreditRequest
from serving.deciding.loaded import Loaded
from serving.deciding.online import F64Array, Snapshot
from serving.deciding.records import Case, Decision, decide
from serving.deciding.recourse import NOTE, Indices, Way, recourse
from serving.deciding.referring import opened_case
from serving.deciding.rulebook import RULE_TEXTS
from training.release.credit import Risk
from training.release.segmentation import F32Array

APPLICATION = "application"
USE_CASE, BEHAVIOUR = "credit", "score_credit"
AUTOMATION = {"approve": "automated", "decline": "automated", "refer": "person"}
REVIEW = {
    "en": "You may ask a person at the bank to look at this decision again; quote the decision id.",
    "zh": "您有权要求银行工作人员复核本决定，请提供决定编号。",
}
NO_VERDICT = {
    "text": "A rule could not be judged, so a person decides.",
    "zh": "有规则无法判断，须由工作人员审核决定。",
}
NO_LOAN = {
    "en": "The customer has no running loan, so there is no repayment behaviour to score.",
    "zh": "该客户没有在还贷款，因此没有还款行为可供评分。",
}


@dataclass(frozen=True)
class Assessed:
    """n cases with their risk, grade and principal reasons."""

    risk: Risk
    grades: tuple[str | None, ...]
    reasons: list[list[Reason]]
    decided_by: str | None

    @staticmethod
    def unknown(cases: int) -> "Assessed":
        """Nobody's risk is known, because the release has no such model or it is stopped."""
        nothing = np.full(cases, np.nan)
        none = np.zeros((cases, 0))
        return Assessed(Risk(nothing, nothing, none, none), (None,) * cases, [[]] * cases, None)

    def scores(self, row: int) -> dict[str, object]:
        """One case's figures, as an answer gives them."""
        return {
            "probability_of_default": _or_none(self.risk.probability[row]),
            "grade": self.grades[row],
            "score": _or_none(self.risk.score[row]),
            "decided_by": self.decided_by,
        }

    def texts(self, row: int) -> list[dict[str, str]]:
        """One case's principal reasons: code and text, no amounts that would let a model be probed."""
        return [{"code": each.code, "en": each.en, "zh": each.zh} for each in self.reasons[row]]


@dataclass(frozen=True)
class Told:
    """What a decision says beside the risk: its principal reasons, and the ways to an approval."""

    reasons: list[dict[str, str]]
    ways: Sequence[Way]


def credit_decision(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Decide n applications of one snapshot; each `case.request` is a CreditRequest.

    Without a model for applications, or while it is stopped, nobody's risk is known and a person decides.
    Who is not approved is told what would change that, where something would.
    """
    if not cases:
        return []
    snapshot, request = cases[0].snapshot, _request(cases)
    policy = loaded.rulebook.policy
    application = _application(request, snapshot)
    if APPLICATION in loaded.runtime.risks:
        assessed = assess(APPLICATION, snapshot.matrix(loaded.runtime.columns, application), loaded)
    else:
        assessed = Assessed.unknown(len(cases))
    is_stopped = loaded.stops.model(f"credit_risk/{APPLICATION}")
    stands = standing(cases, is_stopped, policy.calendar.zone)
    asked = applicants(assessed.risk.probability, assessed.grades, request, snapshot, stands)
    lending = lend(asked, policy.lending, APPLICATION)

    def again(changed: Snapshot, asked: Mapping[str, F64Array], of: Indices) -> Decisions:
        pd, grades = _scored(changed.matrix(loaded.runtime.columns, _application(asked, changed)), loaded)
        return lend(applicants(pd, grades, asked, changed, stands.of(of)), policy.lending, APPLICATION)

    ways = recourse(lending, request, snapshot, policy.lending, again)
    by_model = [assessed.texts(row) for row in range(len(cases))]
    reasons = principal(lending, by_model, loaded.rulebook.reasons)
    return [
        _answered(case, loaded, assessed, lending, Told(reasons[case.row], ways[case.row])) for case in cases
    ]


def _scored(matrix: F32Array, loaded: Loaded) -> tuple[F64Array, tuple[str, ...]]:
    """The probability of default and the grade of each row, by the deciding model."""
    credit = loaded.runtime.credit(APPLICATION)
    pd = credit.probability(matrix[:, loaded.runtime.positions(credit.member.columns)])
    return pd, credit.member.grade(pd)


def behaviour(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """The default risk of running loans, for n customers of one snapshot; no loan, no score."""
    loaded.require("credit_risk/behaviour")
    if not cases:
        return []
    snapshot = cases[0].snapshot
    assessed = assess("behaviour", snapshot.matrix(loaded.runtime.columns, {}), loaded)
    running = snapshot.column("loans_running") > 0
    return [_behaving(case, loaded, assessed, bool(running[case.row])) for case in cases]


def assess(member: str, matrix: F32Array, loaded: Loaded) -> Assessed:
    """Risk, grades and reasons of n customers by the deciding model of `member`."""
    credit = loaded.runtime.credit(member)
    risk = credit.assess(matrix[:, loaded.runtime.positions(credit.member.columns)])
    reasons = principal_reasons(risk.raised, credit.member.columns, loaded.rulebook.reasons)
    return Assessed(risk, credit.member.grade(risk.probability), reasons, credit.member.decides)


def _request(cases: Sequence[Case]) -> dict[str, F64Array]:
    asked = [case.request for case in cases if isinstance(case.request, CreditRequest)]
    return {
        "amount": _known([each.amount for each in asked]),
        "term_months": _known([each.term_months for each in asked]),
        "declared_income": _known([each.declared_income for each in asked]),
        "co_applicant": _known([each.co_applicant for each in asked]),
    }


def _application(request: Mapping[str, F64Array], snapshot: Snapshot) -> dict[str, F64Array]:
    return application_features(request, {name: snapshot.column(name) for name in FEATURES_READ})


def _answered(case: Case, loaded: Loaded, assessed: Assessed, lending: Decisions, told: Told) -> Decision:
    row = case.row
    outcome, held = str(lending.outcome[row]), lending.held(row)
    terms = lending.terms.as_answer(row) if outcome == "approve" else None
    owed = adverse_action(case, loaded, outcome, told.reasons)
    opened = opened_case(case, outcome, loaded)
    answer: dict[str, object] = {
        "outcome": outcome,
        **assessed.scores(row),
        "newcomer": not bool(case.snapshot.found[row]),
        "terms": terms,
        "reasons": told.reasons,
        "rules": [RULE_TEXTS[code] | (NO_VERDICT if code == UNAVAILABLE else {}) for code in held],
        "recourse": [way.as_answer(loaded.rulebook.reasons) for way in told.ways],
        "recourse_note": NOTE if told.ways else None,
        "ruled_out": [other for other in ("approve", "refer", "decline") if other != outcome],
        "automation": AUTOMATION[outcome],
        "case": opened,
        "review": REVIEW,
        "adverse_action": owed and {**owed.as_record(), "text": owed.text},
    }
    kept: dict[str, object] = {
        "scores": assessed.scores(row),
        "outcome": outcome,
        "terms": terms,
        "rules": held,
        "selection_probability": 1.0,
        "reasons": [[each.code, each.contribution] for each in assessed.reasons[row]],
        "recourse": [way.as_record() for way in told.ways],
        "automation": AUTOMATION[outcome],
        "case": opened,
        "adverse_action": owed and owed.as_record(),
    }
    return replace(decide(case, loaded, answer, kept), referred=opened is not None)


def _behaving(case: Case, loaded: Loaded, assessed: Assessed, has_loan: bool) -> Decision:
    row = case.row
    scores = assessed.scores(row) if has_loan else None
    answer: dict[str, object] = {
        "behaviour": scores,
        "reasons": assessed.texts(row) if has_loan else [],
        "note": None if has_loan else NO_LOAN,
    }
    return decide(case, loaded, answer, {"scores": scores, "outcome": None})


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _known(values: Sequence[float | bool | None]) -> F64Array:
    """As numbers, None as NaN.

    >>> _known([1.5, None, True])
    array([1.5, nan, 1. ])
    """
    return np.array([np.nan if value is None else float(value) for value in values])
