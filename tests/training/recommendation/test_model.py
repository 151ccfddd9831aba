from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from tests.training.recommendation.conftest import COLUMNS, FACTS
from training.checks.exported import exported
from training.export import as_json as json_of
from training.learning.tuning import Parameters
from training.recommendation import choosing
from training.recommendation.choosing import START, Choice, Inputs, choose, learned, said
from training.recommendation.collaborative import FILTERS, Kernel, added_after, filtered
from training.recommendation.export import as_files, as_json
from training.recommendation.judging import MODEL, POPULARITY, judged
from training.recommendation.model import _proof
from training.recommendation.ranking import rank
from training.recommendation.showing import exhibits
from training.release.recommendation import Recommender

INPUTS = Inputs(COLUMNS, FACTS, 7)
WINDOW = {"from": "2025-01-01", "to": "2025-06-30"}


class Search:
    """What `choose` wants of a run."""

    seed = 7

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def study(self, name: str) -> Path:
        return self.folder / f"{name}.db"


@pytest.fixture(scope="module")
def choice(tmp_path_factory, half_years) -> Choice:
    return choose(Search(tmp_path_factory.mktemp("study")), INPUTS, half_years[:2], half_years[2])


@pytest.fixture(scope="module")
def model(choice, half_years) -> Recommender:
    return replace(learned(choice, INPUTS, half_years[:3]), segmentation="a" * 64)


def test_a_search_that_was_interrupted_ends_where_an_uninterrupted_one_does(
    choice, half_years, tmp_path, monkeypatch
):
    calls = 0
    plain = choosing._ranks

    def dies(*given: object) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return plain(*given)

    monkeypatch.setattr(choosing, "_ranks", dies)
    with pytest.raises(KeyboardInterrupt):
        choose(Search(tmp_path), INPUTS, half_years[:2], half_years[2])
    again = choose(Search(tmp_path), INPUTS, half_years[:2], half_years[2])
    assert [t.value for t in again.trials] == [t.value for t in choice.trials]
    assert again.shape == choice.shape
    assert calls < 2 * (choosing.TRIALS + len(FILTERS) + 1)


def test_every_filter_was_tried_alone_and_inside_the_hybrid(choice):
    assert {trial.name.split()[0] for trial in choice.trials} == {*FILTERS, "hybrid"}
    inside = {trial.parameters["filter"] for trial in choice.trials if trial.name.startswith("hybrid")}
    assert inside == {"none", *FILTERS}


def test_what_is_released_is_what_was_trained_to_the_last_bit(model, half_years):
    files = {"model.json": json_of(as_json(model)), **as_files(model)}
    served, test = Recommender.read(files), half_years[3]
    trained = said(model, test)
    assert said(served, test).tobytes() == trained.tobytes()
    for row in range(0, len(test), 311):
        one = test.rows(np.array([row]))
        assert said(served, one).tobytes() == np.ascontiguousarray(trained[row : row + 1]).tobytes()
    assert (served.segmentation, served.layout.segments) == ("a" * 64, 2)


def test_the_verdict_stands_beside_its_baselines_and_every_exhibit_has_its_table(choice, model, half_years):
    verdict = judged(choice, model, INPUTS, half_years)
    hybrid = verdict.ranked[MODEL]
    assert hybrid.over(verdict.ranked[POPULARITY], 7).low > 0.05
    assert hybrid.mean["map_at_5"] == max(each.mean["map_at_5"] for each in verdict.ranked.values())
    assert {"content", "held", "segment"} < set(verdict.without)
    assert all(verdict.without["nothing"].over(each, 7).value > 0
               for name, each in verdict.without.items() if name != "nothing")  # fmt: skip
    assert all(fit.error < fit.limit for fit in verdict.families)
    found = exhibits(verdict, choice.name, WINDOW, 7)
    assert {"ranking", "metrics", "coverage", "benchmark", "calibration", "sensitivity", "stability"} < set(
        found
    )
    assert all(each.rows and each.title and each.title_zh for each in found.values())


def test_a_line_is_taken_where_the_last_half_year_is_another_world(half_years):
    """Additions fall by half: lines from the last half-year follow it, a fit over both does not."""
    rng = np.random.default_rng(5)
    choice = Choice(START, {}, False, 0.0, ())

    def halved(moment, share):
        return replace(moment, added=moment.added & (rng.random(moment.added.shape) < share))

    fewer = [half_years[0], halved(half_years[1], 0.3), halved(half_years[2], 0.3)]
    assert choosing._needs_a_line(choice, INPUTS, fewer[:2], fewer[2])


@pytest.mark.parametrize("kind", list(FILTERS))
def test_a_filter_gives_the_same_table_twice_and_beats_chance(kind, half_years):
    asked: Parameters = FILTERS[kind].start
    first, second = (filtered(kind, half_years[0].held, asked, 7) for _ in range(2))
    assert (first.table == second.table).all()
    assert np.isfinite(first.table).all()
    assert np.diag(first.standard).tolist() == [0.0] * 9


def test_what_was_added_after_what_finds_the_partner_and_popularity_cannot(half_years):
    learn, later = half_years[0], half_years[1]
    kernel = Kernel("", added_after(learn.held, learn.added))
    popularity = learn.added.mean(axis=0)
    ours = rank(kernel.scores(later.held, popularity), later.held, later.added)
    plain = rank(np.tile(popularity, (len(later), 1)), later.held, later.added)
    assert ours.over(plain, 7).low > 0


@pytest.mark.parametrize("k", [1, 3, 5])
def test_ranking_figures_agree_with_scikit_learn_and_with_the_definition(k):
    generator = np.random.default_rng(2)
    scores, added = generator.random((200, 8)), generator.random((200, 8)) < 0.3
    added = added[added.any(axis=1)]
    scores = scores[: len(added)]
    found = rank(scores, np.zeros_like(added), added)
    if k > 1:
        assert found.mean[f"ndcg_at_{k}"] == pytest.approx(ndcg_score(added, scores, k=k), abs=1e-4)
    for row in range(20):
        hits = added[row][np.argsort(-scores[row])][:k]
        precision = [hits[: at + 1].mean() for at in range(k) if hits[at]]
        assert found.figures[f"map_at_{k}"][row] == pytest.approx(sum(precision) / min(added[row].sum(), k))
        assert found.figures[f"recall_at_{k}"][row] == pytest.approx(hits.sum() / added[row].sum())


def test_what_is_held_or_not_estimated_is_never_shown():
    held = np.array([[True, False, False, False]])
    scores = np.array([[9.0, np.nan, 2.0, 1.0]])
    found = rank(scores, held, np.array([[False, False, False, True]]))
    assert found.shown[0].tolist()[:2] == [2, 3]
    assert -1 in found.shown[0]
    assert found.mean["map_at_5"] == 0.5


def test_coverage_and_novelty_tell_one_list_for_all_from_many():
    n, added = 600, np.eye(6, dtype=bool)[np.arange(600) % 6]
    held = np.zeros((n, 6), bool)
    popularity = np.array([0.5, 0.3, 0.1, 0.05, 0.03, 0.02])
    alike, own = (
        rank(np.tile(popularity, (n, 1)), held, added, popularity),
        rank(added.astype(float), held, added, popularity),
    )
    assert (alike.mean["coverage_at_1"], own.mean["coverage_at_1"]) == (round(1 / 6, 4), 1.0)
    assert own.mean["novelty_at_1"] > alike.mean["novelty_at_1"] == pytest.approx(1.0, abs=1e-3)
    for name, interval in own.intervals(7).items():
        assert interval.low <= own.mean[name] + 1e-4
        assert own.mean[name] - 1e-4 <= interval.high


def test_the_exported_part_says_of_the_rows_set_aside_what_was_trained(model, half_years):
    test = half_years[3]
    proof = _proof(model, test, WINDOW, 7)
    part = exported("recommendation", {"model.json": json_of(as_json(model)), **as_files(model)})
    found = part["recommendation"]
    assert np.array_equal(found.score(proof), proof.said, equal_nan=True)
    assert np.array_equal(np.nan_to_num(proof.labels[: proof.tested]).astype(bool), test.added)
    assert np.isnan(proof.labels[: proof.tested][test.held]).all()
