"""The scorecard of a table, and that what is served is what was trained."""

import numpy as np
import pytest

from tests.training.learning.stories import MONOTONE, SPECIALS, applicants, strangers
from training.export import as_json
from training.learning.inputs import Inputs
from training.learning.woe_scorecard import WoEScorecard
from training.release.errors import BrokenRelease
from training.release.fields import Fields
from training.release.scorecard import Scorecard as Served
from training.validation import auc


@pytest.fixture(scope="module")
def model() -> WoEScorecard:
    return WoEScorecard(MONOTONE, SPECIALS).fit(*applicants())


def served(model: WoEScorecard) -> Served:
    exported = model.card_.as_json() | {"calibration": {"a": 1.0, "b": 0.0}}
    return Served.read(Fields.parse("model.json", as_json(exported)))


def test_it_ranks_people_it_has_not_seen(model: WoEScorecard):
    table, bad = applicants(seed=2)
    assert auc(bad, model.decision_function(table)) > 0.75


def test_ten_thousand_served_scores_are_the_trained_ones_to_the_bit(model: WoEScorecard):
    table, scorer = strangers(10_000, 3), served(model)
    rows = Inputs.of(table)
    assert {"score", "job", "late"} <= set(scorer.columns)
    assert (table.job == "astronaut").any()
    assert table.job.isna().any()
    assert (table.score == -9).any()
    points = scorer.points([rows[name] for name in scorer.columns])
    assert scorer.score(points).tobytes() == model.card_.score(rows).tobytes()
    assert scorer.margin(scorer.score(points)).tobytes() == model.decision_function(table).tobytes()


def test_a_code_that_is_no_number_has_points_of_its_own(model: WoEScorecard):
    card = {c.column: c for c in model.card_.characteristics}["score"]
    never_asked, refused, good = card.score(np.array([-9.0, -8.0, 720.0], np.float32))
    assert never_asked > good > refused
    assert len({never_asked, refused, card.missing_points}) == 3


def test_points_never_turn_against_a_declared_sign(model: WoEScorecard):
    cards = {c.column: c for c in model.card_.characteristics}
    assert (np.diff(cards["late"].points[: cards["late"].bins.ordinary]) <= 0).all()
    assert (np.diff(cards["score"].points[: cards["score"].bins.ordinary]) >= 0).all()


def test_an_unseen_category_is_given_the_points_of_no_evidence(model: WoEScorecard):
    card = {c.column: c for c in model.card_.characteristics}["job"]
    unseen = card.score(np.array(["astronaut"], object))
    assert card.evidence(np.array(["astronaut"], object)).tolist() == [0.0]
    assert min(card.points) < unseen[0] < max(card.points)


def test_the_evidence_table_counts_every_row_once_a_column(model: WoEScorecard):
    rows = model.evidence_.groupby("column")["rows"].sum()
    assert set(rows) == {2_000}
    assert model.evidence_.query("column == 'job' and bin == 'neutral'")["woe"].tolist() == [0.0]


def test_a_column_that_equals_the_target_is_not_lost():
    table, bad = applicants()
    card = WoEScorecard().fit(table.assign(same=bad, word=np.where(bad, "b", "g")), bad)
    assert {"same", "word"} <= set(card.card_.columns)


def test_noise_alone_is_said_to_be_no_evidence():
    table, bad = applicants(300)
    with pytest.warns(UserWarning, match="None of 1 columns tells the classes apart"):
        model = WoEScorecard().fit(table[["noise"]], np.random.default_rng(0).permutation(bad))
    assert len(np.unique(model.decision_function(table[["noise"]]))) == 1


@pytest.mark.parametrize(
    "categories",
    [
        pytest.param([["clerk"], ["clerk"]], id="in-two-bins"),
        pytest.param([["clerk"], []], id="an-empty-bin"),
        pytest.param([["clerk"], ["nurse"], ["x"]], id="more-bins-than-points"),
    ],
)
def test_a_release_refuses_categories_that_do_not_fit(categories: list[list[str]]):
    card = {"column": "job", "edges": [], "categories": categories, "points": [1.0, 2.0],
            "missing_points": 0.0, "neutral_points": 0.0, "reference_points": 0.0}  # fmt: skip
    whole = {"factor": 28.0, "offset": 487.0, "characteristics": [card], "calibration": {"a": 1, "b": 0}}
    with pytest.raises(BrokenRelease):
        Served.read(Fields.parse("model.json", as_json(whole)))
