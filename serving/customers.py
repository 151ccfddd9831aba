"""Scores of a customer that decide nothing by themselves: segment, propensities, recommendations."""

from collections.abc import Sequence

import numpy as np

from serving.drivers import drivers
from serving.loaded import Loaded
from serving.needs import F64Array, affinity, needs, offered
from serving.next_best_action import recommender_kinds, screened
from serving.records import Case, Decision, decide
from serving.rulebook import RULE_TEXTS
from serving.segments import segment_of
from training.release.errors import MissingPart

SEGMENT, PROPENSITY, RECOMMENDATION = "score_segment", "score_propensity", "score_recommendation"
MOST_RECOMMENDED = 10


def segments(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Which segment each customer of a snapshot belongs to."""
    if loaded.runtime.segments is None:
        raise MissingPart("segmentation", loaded.runtime.digest)
    if not cases:
        return []
    found = segment_of(loaded, cases[0].snapshot.matrix(loaded.runtime.columns, {}))
    return [
        decide(case, loaded, {"segment": found[case.row]}, {"scores": {"segment": _id(found[case.row])}})
        for case in cases
    ]


def propensities(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """How likely each customer is to take each family, and to leave, with what raises it most."""
    if not cases:
        return []
    members = {member.name: member for member in loaded.runtime.propensity.members}
    snapshot = cases[0].snapshot
    matrix = snapshot.matrix(loaded.runtime.columns, {})
    margins = loaded.runtime.margins(matrix)
    needed = needs(loaded, snapshot, margins, loaded.owned(snapshot)).members
    effects, days = offered(loaded, margins), loaded.runtime.propensity.offer_days
    raised = {name: drivers(loaded, member, matrix) for name, member in members.items()}
    answers = []
    for case in cases:
        scores = {name: float(values[case.row]) for name, values in needed.items()}
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
    """Products that go with what each customer holds, without those a rule removes for them."""
    if loaded.runtime.affinities is None:
        raise MissingPart("recommendation", loaded.runtime.digest)
    if not cases:
        return []
    snapshot, ids = cases[0].snapshot, loaded.rulebook.products.product_id
    scores = affinity(loaded, snapshot)
    _, screening = screened(snapshot, loaded)
    blocked, first_rule = screening.blocked, screening.first_rule
    kinds, by_id = recommender_kinds(loaded, snapshot), np.argsort(np.argsort(np.array(ids)))
    answers = []
    for case in cases:
        row = case.row
        order = [int(at) for at in np.lexsort((by_id, -scores[row])) if not blocked[row, at]]
        best = [{"product_id": ids[at], "score": float(scores[row, at])} for at in order[:MOST_RECOMMENDED]]
        ruled_out = {
            ids[at]: screening.codes[first_rule[row, at]] for at in np.flatnonzero(blocked[row]).tolist()
        }
        answer: dict[str, object] = {
            "recommender": kinds[row],
            "products": best,
            "ruled_out": [{"product_id": name, "rules": [code]} for name, code in ruled_out.items()],
            "rules": [RULE_TEXTS[code] for code in sorted(set(ruled_out.values()))],
        }
        answers.append(decide(case, loaded, answer, {"outcome": [each["product_id"] for each in best]}))
    return answers


def _id(segment: dict[str, object] | None) -> object:
    return segment["id"] if segment else None
