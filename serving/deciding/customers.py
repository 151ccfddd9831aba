"""Scores of a customer that decide nothing by themselves: segment, propensities, recommendations."""

from collections.abc import Sequence

import numpy as np

from crm_rules.offers.screening import CODES, NO_MODEL, Screening
from serving.deciding.asking import RecommendationRequest
from serving.deciding.drivers import drivers
from serving.deciding.loaded import Loaded
from serving.deciding.needs import affinity, needs, offered, popularity
from serving.deciding.next_best_action import recommender_kinds
from serving.deciding.offering import informed
from serving.deciding.online import F64Array
from serving.deciding.records import Case, Decision, decide
from serving.deciding.rulebook import RULE_TEXTS
from serving.deciding.seen import Seen
from training.release.errors import MissingPart

SEGMENT, PROPENSITY, RECOMMENDATION = "score_segment", "score_propensity", "score_recommendation"
MOST_RECOMMENDED = 10
PROFILING = "consent_profiling"
ALIKE = "popularity"  # what is recommended when nothing personal may count


def segments(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """The segments each customer of a snapshot is in, with value tier and RFM."""
    loaded.require("segmentation")
    if loaded.runtime.segments is None:
        raise MissingPart("segmentation", loaded.runtime.digest)
    if not cases:
        return []
    placed = Seen(loaded, cases[0].snapshot).placed
    answers = []
    for case in cases:
        answer: dict[str, object] = {
            "segment": placed.segment(case.row),
            "value": placed.value(case.row),
            "rule_segments": placed.rule_segments(case.row),
        }
        answers.append(decide(case, loaded, answer, {"scores": placed.scores(case.row)}))
    return answers


def propensities(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """How likely each customer is to take each family, and to leave, with what raises it most."""
    loaded.require("propensity")
    if not cases:
        return []
    members = {member.name: member for member in loaded.runtime.propensity.members}
    seen = Seen(loaded, cases[0].snapshot)
    needed = {name: values.tolist() for name, values in needs(seen).members.items()}
    effects, days = offered(loaded, seen.margins), loaded.runtime.propensity.offer_days
    raised = {name: drivers(loaded, member, seen.matrix) for name, member in members.items()}
    answers = []
    for case in cases:
        scores = {name: values[case.row] for name, values in needed.items()}
        said = {
            name: {
                "probability": scores[name],
                "base_rate": member.base_rate,
                "reasons": raised[name][case.row],
            }
            | _offer(effects.get(name), case.row, days)
            for name, member in members.items()
        }
        churn, response = said.pop("churn", None), said.pop("response", None)
        answer: dict[str, object] = {"propensity": said, "churn": churn, "response": response}
        answers.append(decide(case, loaded, answer, {"scores": scores}))
    return answers


def _offer(arms: tuple[F64Array, F64Array] | None, row: int, days: float) -> dict[str, object]:
    """The chances of a purchase within so many days with an offer and without; empty where unknown."""
    if arms is None:
        return {}
    shown, withheld = float(arms[0][row]), float(arms[1][row])
    uplift = shown - withheld
    return {"offer": {"shown": shown, "withheld": withheld, "uplift": uplift, "within_days": days}}


def recommendations(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """The products each customer is likeliest to add, without those a rule removes for them.

    Who asks for what is not personalised, or agreed to no profile, is shown what most customers add: rules
    still apply, since they say what may be sold to whom, but nothing that was learned of the customer counts.
    """
    loaded.require("recommendation")
    if loaded.runtime.affinities is None:
        raise MissingPart("recommendation", loaded.runtime.digest)
    if not cases:
        return []
    seen = Seen(loaded, cases[0].snapshot)
    personal = np.array([_personalised(case) for case in cases]) & (seen.snapshot.column(PROFILING) == 1)
    scores = np.where(personal[:, None], affinity(seen), popularity(loaded, len(seen)))
    screening, kinds = informed(cases, seen, personal), recommender_kinds(seen)
    return [
        _recommended(
            case, loaded, scores[case.row], screening, kinds[case.row] if personal[case.row] else ALIKE
        )
        for case in cases
    ]


def _personalised(case: Case) -> bool:
    return isinstance(case.request, RecommendationRequest) and case.request.personalised


def _recommended(
    case: Case, loaded: Loaded, scores: F64Array, screening: Screening, kind: str | None
) -> Decision:
    ids, row = loaded.rulebook.products.product_id, case.row
    by_id = np.argsort(np.argsort(np.array(ids)))
    open_to_all = ~screening.blocked[row] & ~np.isnan(scores)
    order = [int(at) for at in np.lexsort((by_id, -scores)) if open_to_all[at]]
    best = [{"product_id": ids[at], "score": float(scores[at])} for at in order[:MOST_RECOMMENDED]]
    ruled_out = {
        ids[at]: CODES[screening.first[row, at]] if screening.blocked[row, at] else NO_MODEL
        for at in np.flatnonzero(~open_to_all).tolist()
    }
    answer: dict[str, object] = {
        "recommender": kind,
        "products": best,
        "ruled_out": [{"product_id": name, "rules": [code]} for name, code in ruled_out.items()],
        "rules": [RULE_TEXTS[code] for code in sorted(set(ruled_out.values()))],
    }
    return decide(case, loaded, answer, {"outcome": [each["product_id"] for each in best]})
