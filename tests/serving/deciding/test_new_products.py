"""Products too new for evidence of their own, and what an offer would change: served, and replayable."""

import json
from typing import Any

import numpy as np
import pytest

from crm_rules.offers.customers import COLUMNS
from feature_repo.features.application import FEATURES_READ
from feature_repo.features.services import RULES_READ, SERVED
from serving.deciding.asking import CustomerRequest, OfferRequest
from serving.deciding.loaded import Loaded
from serving.deciding.needs import needs
from serving.deciding.offering import chances_of
from serving.deciding.scoring import Scorer
from serving.deciding.seen import Seen
from serving.errors import BrokenCatalogue
from tests.conftest import IDS, Tiny, make_scorer, stamp
from training.release.assemble import assemble
from training.release.errors import BrokenRelease
from training.release.propensity import Propensity
from training.release.verify import verify

STARTING = {"starting_propensity": 0.5, "starting_evidence": 399.0}
EFFECTS = {"card": {"level": -1.0, "slope": 0.9, "effect": 0.6}}


def changed(tiny: Tiny, products: dict[str, dict[str, Any]], model: dict[str, Any]) -> Scorer:
    """The tiny bank's scorer once catalogue entries and the propensity's model.json say more."""
    catalogue = tiny.parts["products"] / "products.json"
    entries = [e | products.get(e["product_id"], {}) for e in json.loads(catalogue.read_text())]
    entries += [each for name, each in products.items() if name not in IDS]
    catalogue.write_text(json.dumps(entries))
    path = tiny.parts["propensity"] / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | model))
    release = assemble(tiny.home / "releases", tiny.parts, tiny.origin)
    tiny.sign(release)
    return make_scorer(Tiny(tiny.home, tiny.parts, tiny.origin, tiny.trust, release))


def new_product(**said: object) -> dict[str, Any]:
    return {"product_id": "pension-new", "family": "pension", "title_en": "New pension", "risk_level": 1,
            "minimum_amount": 0.0, "value": 50.0, **said}  # fmt: skip


def propensities(scorer: Scorer, customer: str = "ann") -> dict[str, float]:
    """P of every product, by id."""
    loaded, snapshot = scorer.loaded, scorer.online.read([customer])
    found = chances_of(loaded, needs(Seen(loaded, snapshot)), np.zeros(1)).personal[0]
    return dict(zip(loaded.rulebook.offers.offer_id, found.tolist(), strict=True))


def test_a_family_without_a_model_starts_from_what_its_catalogue_entry_declares(tiny: Tiny):
    seen = {"evidence": {"pension-new": 5_000.0}}  # seen by many, and yet no model looked
    scorer = changed(tiny, {"pension-new": new_product(**STARTING)}, seen)
    assert propensities(scorer)["pension-new"] == pytest.approx(399 / 400 * 0.5)


def test_without_a_declaration_it_stays_unknown(tiny: Tiny):
    scorer = changed(tiny, {"pension-new": new_product()}, {})
    assert np.isnan(propensities(scorer)["pension-new"])


def test_evidence_moves_a_new_product_from_its_start_to_its_model(tiny: Tiny):
    plain = propensities(make_scorer(tiny))["card-gold"]
    new = propensities(changed(tiny, {"card-gold": STARTING}, {}))["card-gold"]
    known = propensities(changed(tiny, {}, {"evidence": {"card-gold": 1e9}}))["card-gold"]
    some = propensities(changed(tiny, {}, {"evidence": {"card-gold": 600.0}}))["card-gold"]
    assert new == pytest.approx(399 / 400 * 0.5)
    assert known == pytest.approx(plain, rel=1e-5)
    assert some == pytest.approx(399 / 1000 * 0.5 + 600 / 1000 * plain)


def test_other_products_keep_their_propensity(tiny: Tiny):
    plain = propensities(make_scorer(tiny))
    found = propensities(changed(tiny, {"card-gold": STARTING}, {}))
    assert {n: p for n, p in found.items() if n != "card-gold"} == {
        n: p for n, p in plain.items() if n != "card-gold"
    }


def test_a_new_family_is_offered_without_reasons_and_the_decision_replays(tiny: Tiny):
    scorer = changed(tiny, {"pension-new": new_product(**STARTING)}, {"offers": EFFECTS, "offer_days": 30})
    [decision] = scorer.next_best_action([OfferRequest("ann", None, 7)], [stamp()])
    offered = {each["product_id"]: each for each in json.loads(decision.body)["offers"]}
    assert offered["pension-new"]["reasons"] == []
    assert scorer.replay(decision.record.payload).same


def test_the_answer_says_what_an_offer_would_change(tiny: Tiny):
    scorer = changed(tiny, {}, {"offers": EFFECTS, "offer_days": 30})
    [decision] = scorer.propensity([CustomerRequest("ann")], [stamp()])
    said = json.loads(decision.body)["propensity"]
    offer = said["card"]["offer"]
    assert offer["uplift"] == offer["shown"] - offer["withheld"]
    odds = np.log([offer["shown"] / (1 - offer["shown"]), offer["withheld"] / (1 - offer["withheld"])])
    assert odds[0] - odds[1] == pytest.approx(0.6)
    assert offer["within_days"] == 30
    assert "offer" not in said["fund"]
    assert scorer.replay(decision.record.payload).same


@pytest.mark.parametrize("said", [
    pytest.param({"starting_propensity": 1.2, "starting_evidence": 5}, id="above-one"),
    pytest.param({"starting_propensity": 0.2}, id="no-evidence"),
    pytest.param({"starting_propensity": 0.2, "starting_evidence": -1}, id="negative"),
    pytest.param({"starting_propensity": "much", "starting_evidence": 5}, id="text"),
    pytest.param({"starting_propensity": True, "starting_evidence": 5}, id="flag"),
])  # fmt: skip
def test_a_catalogue_with_an_impossible_start_is_refused(tiny: Tiny, said: dict[str, Any]):
    catalogue = tiny.parts["products"] / "products.json"
    entries = json.loads(catalogue.read_text())
    entries[0] |= said
    catalogue.write_text(json.dumps(entries))
    release = assemble(tiny.home / "releases", tiny.parts, tiny.origin)
    tiny.sign(release)
    with pytest.raises(BrokenCatalogue, match="starting_propensity"):
        Loaded.of(verify(tiny.releases, release, tiny.trust))


@pytest.mark.parametrize(("key", "value"), [
    pytest.param("risk_level", True, id="a-flag-that-would-count-as-the-lowest-rating"),
    pytest.param("risk_level", "4", id="a-rating-as-text"),
    pytest.param("risk_level", "high", id="a-rating-in-words"),
    pytest.param("value", [1], id="a-list-for-a-number"),
    pytest.param("product_id", "a\nforged", id="an-id-of-two-lines"),
    pytest.param("product_id", "a" * 65, id="an-id-nobody-can-send"),
    pytest.param("title_en", "\x1b[2J", id="an-escape-in-a-title"),
    pytest.param("tier_required", 5, id="a-tier-that-is-no-text"),
])  # fmt: skip
def test_a_product_with_a_mistyped_entry_is_refused(tiny: Tiny, key: str, value: object):
    catalogue = tiny.parts["products"] / "products.json"
    entries = json.loads(catalogue.read_text())
    entries[1][key] = value
    catalogue.write_text(json.dumps(entries))
    release = assemble(tiny.home / "releases", tiny.parts, tiny.origin)
    tiny.sign(release)
    with pytest.raises(BrokenCatalogue, match=key):
        Loaded.of(verify(tiny.releases, release, tiny.trust))


@pytest.mark.parametrize(("model", "why"), [
    pytest.param({"evidence": {"card-gold": -1}}, "counts", id="negative-evidence"),
    pytest.param({"evidence": {"card-gold": "many"}}, "finite number", id="evidence-in-words"),
    pytest.param({"offers": EFFECTS}, "offer_days", id="no-window"),
    pytest.param({"offers": {"gold": EFFECTS["card"]}}, "no members", id="unknown-family"),
    pytest.param({"offers": {"card": {"level": 1.0, "slope": 1.0}}}, "effect", id="no-effect"),
])  # fmt: skip
def test_a_part_that_says_impossible_things_of_offers_is_refused(tiny: Tiny, model: dict[str, Any], why: str):
    path = tiny.parts["propensity"] / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | model))
    with pytest.raises(BrokenRelease, match=why):
        Propensity.read({each.name: each.read_bytes() for each in path.parent.iterdir()})


def test_what_rules_and_requests_read_is_served_whatever_the_models_read():
    asked = {*COLUMNS, *FEATURES_READ, "age_years", "days_past_due", "loans_running"}
    assert asked <= RULES_READ
    assert {column for columns in SERVED.values() for column in columns} >= RULES_READ
