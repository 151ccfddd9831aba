"""Scores of a customer that decide nothing by themselves: segment, propensities, recommendations."""

from collections.abc import Sequence

import numpy as np

from serving.drivers import drivers
from serving.loaded import Loaded
from serving.needs import affinity
from serving.next_best_action import needs_of, recommender_kinds, screened
from serving.records import Case, Decision, decide
from serving.rulebook import RULE_TEXTS
from serving.segments import place
from training.release.errors import MissingPart

SEGMENT, PROPENSITY, RECOMMENDATION = "score_segment", "score_propensity", "score_recommendation"
MOST_RECOMMENDED = 10


def segments(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """The segments each customer of a snapshot is in, with value tier and RFM."""
    if loaded.runtime.segments is None:
        raise MissingPart("segmentation", loaded.runtime.digest)
    if not cases:
        return []
    snapshot = cases[0].snapshot
    placed = place(loaded, snapshot, snapshot.matrix(loaded.runtime.columns, {}))
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
    if not cases:
        return []
    members = {member.name: member for member in loaded.runtime.propensity.members}
    snapshot = cases[0].snapshot
    matrix = snapshot.matrix(loaded.runtime.columns, {})
    needed = needs_of(snapshot, loaded, matrix).members
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
            for name, member in members.items()
        }
        churn = said.pop("churn", None)
        answer: dict[str, object] = {"propensity": said, "churn": churn}
        answers.append(decide(case, loaded, answer, {"scores": scores}))
    return answers


def recommendations(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Products that go with what each customer holds, without those a rule removes for them."""
    if loaded.runtime.affinities is None:
        raise MissingPart("recommendation", loaded.runtime.digest)
    if not cases:
        return []
    snapshot, ids = cases[0].snapshot, loaded.rulebook.products.product_id
    scores = affinity(loaded, snapshot)
    placed = place(loaded, snapshot, snapshot.matrix(loaded.runtime.columns, {}))
    _, screening = screened(snapshot, loaded, placed)
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
