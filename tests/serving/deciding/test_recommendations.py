"""What is recommended, and what arbitration is told, over the tiny bank changed in one part."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.packed_rows import PackedRows
from serving.deciding.asking import OfferRequest, RecommendationRequest
from serving.deciding.loaded import Loaded
from serving.deciding.needs import affinity, needs, popularity
from serving.deciding.online import OnlineRows, Snapshot
from serving.deciding.records import Decision
from serving.deciding.rulebook import NO_MODEL
from serving.deciding.scoring import Scorer
from serving.deciding.seen import Seen
from tests.conftest import CUSTOMERS, IDS, Tiny, stamp
from training.release.assemble import assemble
from training.release.verify import verify

Edit = Callable[[dict[str, Any]], object]
CUSTOMER_IDS = list(CUSTOMERS)


def scorer_of(tiny: Tiny, parts: Mapping[str, Path]) -> Scorer:
    """The scorer of the tiny bank's release made of other parts."""
    release = assemble(tiny.releases, parts, tiny.origin)
    tiny.sign(release)
    verified = verify(tiny.releases, release, tiny.trust)
    return Scorer(Loaded.of(verified), OnlineRows(PackedRows.open(tiny.online), tiny.origin, release))


def edited(tiny: Tiny, part: str, file: str, edit: Edit) -> dict[str, Path]:
    """The parts with one JSON file changed."""
    folder = tiny.home / f"other-{part}"
    shutil.copytree(tiny.parts[part], folder)
    content = json.loads((folder / file).read_text())
    edit(content)
    (folder / file).write_text(json.dumps(content))
    return {**tiny.parts, part: folder}


def recommended(scorer: Scorer, ids: list[str], personalised: bool = True) -> list[dict[str, Any]]:
    asked = [RecommendationRequest(name, personalised) for name in ids]
    found = scorer.recommend(asked, [stamp(at) for at, _ in enumerate(ids)])
    return [json.loads(each.body) for each in found if isinstance(each, Decision)]


def chances(scorer: Scorer) -> np.ndarray[Any, Any]:
    return affinity(Seen(scorer.loaded, scorer.online.read(CUSTOMER_IDS)))


def test_products_are_ordered_by_their_chance_and_none_is_lost(scorer: Scorer) -> None:
    for said in recommended(scorer, CUSTOMER_IDS):
        scores = [each["score"] for each in said["products"]]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)
        named = [each["product_id"] for each in said["products"] + said["ruled_out"]]
        assert sorted(named) == list(IDS)


def test_who_asks_for_nothing_personal_gets_what_most_customers_take(scorer: Scorer) -> None:
    ann, dan = recommended(scorer, ["ann", "dan"], personalised=False)
    assert (ann["recommender"], dan["recommender"]) == ("popularity", "popularity")
    most = dict(zip(IDS, scorer.loaded.runtime.recommender.popularity.tolist(), strict=True))
    for said in (ann, dan):
        assert said["products"]
        assert all(each["score"] == most[each["product_id"]] for each in said["products"])


def test_the_personal_and_the_common_may_be_asked_in_one_batch(scorer: Scorer) -> None:
    asked = [RecommendationRequest("ann", flag) for flag in (True, False, True)]
    found = [
        json.loads(each.body) for each in scorer.recommend(asked, [stamp()] * 3) if isinstance(each, Decision)
    ]
    assert [each["recommender"] for each in found] == ["hybrid", "popularity", "hybrid"]
    assert found[0]["products"] == found[2]["products"] == recommended(scorer, ["ann"])[0]["products"]
    assert found[1]["products"] == recommended(scorer, ["ann"], personalised=False)[0]["products"]


def test_a_common_recommendation_replays_from_its_record(scorer: Scorer) -> None:
    [decision] = scorer.recommend([RecommendationRequest("ann", personalised=False)], [stamp()])
    assert isinstance(decision, Decision)
    assert scorer.replay(decision.record.payload).same


def test_a_product_the_recommender_never_saw_is_recommended_by_its_attributes(tiny: Tiny) -> None:
    def launch(entries: list[dict[str, Any]]) -> None:
        entries.append({**entries[0], "product_id": "card-new", "title_en": "New card"})

    parts = edited(tiny, "products", "products.json", launch)  # type: ignore[arg-type]  # a list of entries
    scorer = scorer_of(tiny, parts)
    at = scorer.loaded.rulebook.products.product_id.index("card-new")
    assert not scorer.loaded.shelf.known[at]
    found = chances(scorer)
    assert ((found[:, at] > 0) & (found[:, at] < 1)).all()
    before = chances(scorer_of(tiny, tiny.parts))
    np.testing.assert_array_equal(np.delete(found, at, axis=1), before)


def test_without_a_propensity_model_the_recommender_s_own_chance_serves(tiny: Tiny) -> None:
    parts = edited(tiny, "propensity", "model.json", lambda model: model["members"].pop("loan"))
    scorer = scorer_of(tiny, parts)
    loaded, snapshot = scorer.loaded, scorer.online.read(CUSTOMER_IDS)
    seen = Seen(loaded, snapshot)
    found = needs(seen)
    loan, card = IDS.index("loan-cash"), IDS.index("card-gold")
    chance = affinity(seen)
    np.testing.assert_allclose(found.product[:, loan], 1 - np.sqrt(1 - chance[:, loan]))
    np.testing.assert_array_equal(found.product[:, card], found.members["card"] * found.share[:, card])
    [decision] = scorer.next_best_action([OfferRequest("ann", None, 6)], [stamp()])
    assert isinstance(decision, Decision)
    [offered] = [each for each in json.loads(decision.body)["offers"] if each["family"] == "loan"]
    assert (offered["P"], offered["reasons"]) == (found.product[0, loan], [])
    for family in set(loaded.rulebook.products.family.tolist()):
        positions = np.flatnonzero(loaded.rulebook.products.family == family)
        owned = loaded.owned(snapshot)[:, positions].all(axis=1)
        np.testing.assert_allclose(found.share[~owned][:, positions].sum(axis=1), 1.0)


def test_a_family_nobody_adds_from_is_ruled_out_by_name(tiny: Tiny) -> None:
    parts = edited(tiny, "recommendation", "model.json", lambda model: model["calibration"].pop("loan"))
    scorer = scorer_of(tiny, parts)
    for said in recommended(scorer, ["ann", "cat"]) + recommended(scorer, ["ann"], personalised=False):
        assert "loan-cash" not in {each["product_id"] for each in said["products"]}
        out = {each["product_id"]: each["rules"] for each in said["ruled_out"]}
        assert out["loan-cash"]
    assert {"product_id": "loan-cash", "rules": [NO_MODEL]} in recommended(scorer, ["ann"])[0]["ruled_out"]


@pytest.mark.parametrize("change", ["replaced", "left-out"])
def test_another_segmentation_than_the_one_learned_with_counts_as_no_segment(tiny: Tiny, change: str) -> None:
    usual = scorer_of(tiny, tiny.parts)
    assert usual.loaded.segments_it_learned is not None
    parts = edited(tiny, "segmentation", "model.json", lambda model: model["segments"][0].update(share=0.5))
    if change == "left-out":
        parts = {name: path for name, path in tiny.parts.items() if name != "segmentation"}
    scorer = scorer_of(tiny, parts)
    assert scorer.loaded.segments_it_learned is None
    recommender, snapshot = scorer.loaded.runtime.recommender, scorer.online.read(CUSTOMER_IDS)
    unknown = recommender.probabilities(
        scorer.loaded.shelf, scorer.loaded.held_by_recommender(snapshot),
        snapshot.matrix(recommender.columns, {}), None,
    )  # fmt: skip
    np.testing.assert_array_equal(chances(scorer), unknown)
    assert (chances(scorer) != chances(usual)).any()


def test_who_holds_everything_or_of_whom_nothing_is_known_gets_finite_needs(scorer: Scorer) -> None:
    loaded = scorer.loaded
    nobody = scorer.online.nothing(2)
    held = Snapshot(nobody.origin, nobody.values.copy(), nobody.event_us)
    held.values[:, [held.origin.position[name] for name in IDS]] = 1.0
    for snapshot in (nobody, held):
        found = needs(Seen(loaded, snapshot))
        assert np.isfinite(found.product).all()
        assert np.isfinite(found.share).all()
    assert (found.share == 0).all()


def test_a_release_without_a_recommender_shares_a_family_equally(tiny: Tiny) -> None:
    scorer = scorer_of(tiny, {n: path for n, path in tiny.parts.items() if n != "recommendation"})
    [decision] = scorer.next_best_action([OfferRequest("ben", None, 6)], [stamp()])
    assert isinstance(decision, Decision)
    offers = json.loads(decision.body)["offers"]
    savings = [each["share_in_family"] for each in offers if each["family"] == "savings"]
    assert savings == [0.5, 0.5]
    assert json.loads(decision.body)["why"] == {"recommender": None}


def test_popularity_reads_nothing_of_anybody(scorer: Scorer) -> None:
    said = popularity(scorer.loaded, 3)
    assert (said == said[0]).all()
