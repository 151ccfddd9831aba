"""The Scorer on the tiny bank: right, the same alone as among many, and replayable."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from feature_repo.packed_rows import PackedRows
from feature_repo.rows.reading import Rows
from serving.deciding.asking import CreditRequest, CustomerRequest, OfferRequest, RecommendationRequest, Stamp
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows, Snapshot
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from serving.errors import NotReplayable, RowsOfAnotherRelease, RowsUnreachable, UnknownCustomer
from tests.conftest import CUSTOMERS, EVENT_US, IDS, POPULARITY, Tiny, feature_row, make_scorer, stamp
from training.release.assemble import assemble
from training.release.errors import MissingPart
from training.release.verify import verify

Asking = Callable[[Scorer, Sequence[str]], Sequence[Any]]


def stamps_of(ids: Sequence[str]) -> list[Stamp]:
    """A stamp for each customer that is theirs, alone or among a thousand."""
    return [stamp(int.from_bytes(name.encode())) for name in ids]


def offers(scorer: Scorer, ids: Sequence[str], channel: str | None = None, top: int = 3) -> list[Any]:
    return list(scorer.next_best_action([OfferRequest(i, channel, top) for i in ids], stamps_of(ids)))


def credit(scorer: Scorer, ids: Sequence[str], **asked: Any) -> list[Any]:
    requests = [CreditRequest(i or None, **({"amount": 6000.0, "term_months": 24} | asked)) for i in ids]
    return list(scorer.credit_decision(requests, stamps_of(ids)))


def _score(method: str) -> Asking:
    def ask(scorer: Scorer, ids: Sequence[str]) -> Sequence[Any]:
        asked = RecommendationRequest if method == "recommend" else CustomerRequest
        answers: Sequence[Any] = getattr(scorer, method)([asked(i) for i in ids], stamps_of(ids))
        return answers

    return ask


ASKINGS: dict[str, Asking] = {
    "next_best_action": offers,
    "credit_decision": credit,
    **{name: _score(name) for name in ("segment", "propensity", "recommend", "credit_behaviour")},
}


def answer(decision: Decision) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decision.body)
    return found


def record(decision: Decision) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decision.record.payload)
    return found


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, whole_tiny: Tiny) -> Scorer:
    """A scorer over a thousand customers of all kinds, a tenth of everything unknown."""
    rng = np.random.default_rng(1)
    ids = [f"c{number}" for number in range(1_000)]
    path = tmp_path_factory.mktemp("many") / "online.db"
    with PackedRows.open(path, read_only=False) as rows:
        for view, columns in whole_tiny.origin.feature_views.items():
            usual = np.array([[feature_row().get(column, 1.0) for column in columns]] * len(ids))
            matrix = usual * np.exp(rng.normal(size=usual.shape))
            matrix[rng.random(matrix.shape) < 0.1] = np.nan
            if view == "owned":
                matrix = (rng.random(matrix.shape) < 0.25).astype(float)
            elif view == "engagement":
                matrix[:, -4:] = (rng.random((len(ids), 4)) < 0.8).astype(float)
            rows.write(view, columns, ids, [EVENT_US] * len(ids), matrix)
    release = verify(whole_tiny.releases, whole_tiny.release, whole_tiny.trust)
    online = OnlineRows(PackedRows.open(path), release.manifest.origin, release.digest)
    return Scorer(Loaded.of(release), online)


@pytest.mark.parametrize("name", ASKINGS)
def test_alone_and_among_a_thousand_the_answer_has_the_same_bytes(many: Scorer, name: str) -> None:
    ids = [f"c{number}" for number in range(1_000)]
    together = ASKINGS[name](many, ids)
    assert len({decision.body for decision in together}) == 1_000
    for row in range(0, 1_000, 37):
        [alone] = ASKINGS[name](many, [ids[row]])
        assert alone.body == together[row].body


@pytest.mark.parametrize("name", ASKINGS)
def test_every_decision_replays_from_its_record_alone(many: Scorer, name: str) -> None:
    for decision in ASKINGS[name](many, [f"c{number}" for number in range(0, 1_000, 50)]):
        replay = many.replay(decision.record.payload)
        assert replay.same
        assert replay.body == decision.body


def test_a_changed_input_does_not_replay(many: Scorer) -> None:
    [decision] = credit(many, ["c1"])
    payload = record(decision)
    payload["request"]["amount"] += 100_000
    assert not many.replay(json.dumps(payload).encode()).same


def test_a_decision_of_another_release_is_not_replayed(scorer: Scorer) -> None:
    payload = record(offers(scorer, ["ann"])[0]) | {"release": "0" * 64}
    with pytest.raises(NotReplayable, match="0000000000000000 made it"):
        scorer.replay(json.dumps(payload).encode())


def test_an_offer_carries_the_factors_of_its_priority(scorer: Scorer) -> None:
    [decision] = offers(scorer, ["ann"], channel="app")
    best = answer(decision)["offers"]
    assert [offer["rank"] for offer in best] == [1, 2, 3]
    assert [offer["priority"] for offer in best] == sorted((o["priority"] for o in best), reverse=True)
    for offer in best:
        assert offer["priority"] == offer["P"] * offer["C"] * offer["V"] * offer["L"]
        assert 0 < offer["P"] < 1
    contexts = {
        offer["family"]: offer["C"] for offer in answer(offers(scorer, ["ann"], "app", 6)[0])["offers"]
    }
    assert contexts["savings"] == pytest.approx(1.1)
    assert contexts["loan"] == 1.0


def test_an_offer_says_what_raises_the_need_for_its_family(many: Scorer) -> None:
    ids = [f"c{number}" for number in range(200)]
    needs = [answer(each)["propensity"] for each in ASKINGS["propensity"](many, ids)]
    shown = [answer(each) for each in offers(many, ids)]
    assert any(offer["reasons"] for best_answer in shown for offer in best_answer["offers"])
    for best_answer, need in zip(shown, needs, strict=True):
        for offer in best_answer["offers"]:
            weights = [reason["contribution"] for reason in offer["reasons"]]
            personal = best_answer["personalised"]
            assert offer["reasons"] == (need[offer["family"]]["reasons"] if personal else [])
            assert len(weights) <= 3
            assert weights == sorted(weights, reverse=True)
            assert all(weight > 0 for weight in weights)


def test_every_product_is_offered_or_ruled_out_by_name(scorer: Scorer) -> None:
    for decision in offers(scorer, list(CUSTOMERS), top=6):
        said = answer(decision)
        offered = {offer["product_id"] for offer in said["offers"]}
        removed = {each["product_id"] for each in said["ruled_out"]}
        assert offered | removed == set(IDS)
        assert not offered & removed
        assert all(each["rules"] for each in said["ruled_out"])
        explained = {each["code"] for each in said["rules"]}
        assert explained == {code for each in said["ruled_out"] for code in each["rules"]}


def test_what_is_held_too_risky_or_not_consented_is_never_offered(many: Scorer) -> None:
    ids = [f"c{number}" for number in range(1_000)]
    snapshot = many.online.read(ids)
    owned, level = many.loaded.owned(snapshot), snapshot.column("risk_level")
    for row, decision in enumerate(offers(many, ids, top=6)):
        for offer in answer(decision)["offers"]:
            at = IDS.index(offer["product_id"])
            assert not owned[row, at]
            assert many.loaded.rulebook.products.risk_level[at] <= max(np.nan_to_num(level[row]), 1.0)


def test_without_consent_to_profiling_everybody_is_shown_what_suits_most(many: Scorer) -> None:
    ids = [f"c{number}" for number in range(1_000)]
    snapshot = many.online.read(ids)
    said = [answer(decision) for decision in offers(many, ids, top=6)]
    agreed = [snapshot.value("consent_profiling", row) == 1.0 for row in range(len(ids))]
    assert 0 < sum(agreed) < len(ids)
    for each, agrees in zip(said, agreed, strict=True):
        if not agrees:
            assert each["arm"] == "unprofiled"
            assert (each["segment"], each["churn"], each["personalised"]) == (None, None, False)
            popular = {offer["product_id"]: offer["P"] for offer in each["offers"]}
            assert popular.items() <= dict(zip(IDS, POPULARITY, strict=True)).items()


def test_shares_of_a_family_go_to_the_products_not_held(scorer: Scorer) -> None:
    [decision] = offers(scorer, ["ann"], top=6)
    shares = {offer["product_id"]: offer["share_in_family"] for offer in answer(decision)["offers"]}
    assert shares["savings-term"] == 1.0
    assert "savings-day" not in shares


def test_the_record_tells_what_the_answer_was_made_from(scorer: Scorer) -> None:
    [decision] = offers(scorer, ["ann"])
    kept = record(decision)
    assert kept["release"] == scorer.loaded.runtime.digest
    assert kept["outcome"] == [offer["offer_id"] for offer in answer(decision)["offers"]]
    assert (kept["arm"], kept["explored"]) == ("best", False)
    assert kept["selection_probability"] == answer(decision)["selection_probability"] == 0.975
    assert kept["consent"] == {"email": 1.0, "phone": 0.0, "app": 1.0, "profiling": 1.0}
    assert len(decision.record.payload) < 4_000


def test_somebody_new_to_the_bank_is_decided_not_missing(scorer: Scorer) -> None:
    [decision] = credit(scorer, [""], declared_income=5_000.0)
    said = answer(decision)
    assert said["newcomer"]
    assert said["customer_id"] is None
    assert 0 < said["probability_of_default"] < 1
    assert said["outcome"] in ("approve", "refer", "decline")
    assert not said["degraded"]


def test_an_unknown_income_goes_to_a_person(scorer: Scorer) -> None:
    said = answer(credit(scorer, [""])[0])
    assert said["outcome"] == "refer"
    assert said["automation"] == "person"


def test_without_a_model_for_applications_a_person_decides(tiny: Tiny) -> None:
    parts = {name: path for name, path in tiny.parts.items() if name != "credit_risk"}
    release = assemble(tiny.releases, parts, tiny.origin)
    tiny.sign(release)
    verified = verify(tiny.releases, release, tiny.trust)
    rows = PackedRows.open(tiny.online)
    blind = Scorer(Loaded.of(verified), OnlineRows(rows, tiny.origin, release))
    said = answer(credit(blind, ["ann"], declared_income=5_000.0)[0])
    assert (said["outcome"], said["probability_of_default"], said["grade"]) == ("refer", None, None)
    assert "LEND-08" in {rule["code"] for rule in said["rules"]}
    with pytest.raises(MissingPart, match="behaviour"):
        _score("credit_behaviour")(blind, ["ann"])
    assert answer(offers(blind, ["ann"])[0])["offers"]


def test_more_instalment_for_the_same_income_is_never_less_risk(scorer: Scorer) -> None:
    risk = [answer(credit(scorer, ["ann"], amount=a)[0])["probability_of_default"] for a in (1e3, 2e4, 9e4)]
    assert risk == sorted(risk)
    assert risk[0] < risk[2]


def test_a_bad_payer_is_declined_with_reasons_and_a_way_to_a_person(scorer: Scorer) -> None:
    said = answer(credit(scorer, ["dan"], amount=50_000.0)[0])
    assert said["outcome"] == "decline"
    assert 1 <= len(said["reasons"]) <= 4
    assert all(reason["en"] and reason["zh"] for reason in said["reasons"])
    assert "payments_late_365d" in {reason["code"] for reason in said["reasons"]}
    assert {"LEND-04", "LEND-03"} <= {rule["code"] for rule in said["rules"]}
    assert "decision id" in said["review"]["en"]


def test_behaviour_is_scored_where_a_loan_runs_and_said_where_none_does(scorer: Scorer) -> None:
    ann, ben = (answer(each) for each in _score("credit_behaviour")(scorer, ["ann", "ben"]))
    assert ann["behaviour"] is None
    assert "no running loan" in ann["note"]["en"]
    assert 0 < ben["behaviour"]["probability_of_default"] < 1


def test_nobody_by_that_id_is_an_answer_of_its_own(scorer: Scorer) -> None:
    known, unknown = offers(scorer, ["ann", "eve"])
    assert isinstance(known, Decision)
    assert isinstance(unknown, UnknownCustomer)
    assert unknown.customer_id == "eve"


class Broken:
    """A reader whose file went away after the start."""

    def __init__(self, columns: dict[str, tuple[str, ...]]) -> None:
        self._columns = columns

    def columns(self) -> dict[str, tuple[str, ...]]:
        return self._columns

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        raise sqlite3.OperationalError("disk I/O error")


class Altered(OnlineRows):
    """Rows that somebody altered past their writer: everybody has this snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def read(self, customer_ids: Sequence[str]) -> Snapshot:
        return self._snapshot


@pytest.mark.parametrize("name", ASKINGS)
@pytest.mark.parametrize(
    ("event_us", "told"),
    [
        pytest.param(2**63 - 1, None, id="after-every-calendar"),
        pytest.param(-(2**63), None, id="before-every-calendar"),
        pytest.param(253_402_300_799_999_999, "9999-12-31T23:59:59.999999+00:00", id="the-last-moment"),
        pytest.param(253_402_300_800_000_000, None, id="the-one-after"),
        pytest.param(-62_135_596_800_000_000, "0001-01-01T00:00:00+00:00", id="the-first-moment"),
        pytest.param(-62_135_596_800_000_001, None, id="the-one-before"),
    ],
)
def test_an_event_time_that_no_calendar_names_is_none_and_the_answer_stands(
    scorer: Scorer, name: str, event_us: int, told: str | None
) -> None:
    ann = scorer.online.read(["ann"])
    altered = Snapshot(ann.origin, ann.values, np.full_like(ann.event_us, event_us))
    [decision] = ASKINGS[name](replace(scorer, online=Altered(altered)), ["ann"])
    assert answer(decision)["feature_time"] == told
    assert scorer.replay(decision.record.payload).same


def test_without_online_rows_credit_refers_and_scores_say_so(scorer: Scorer, whole_tiny: Tiny) -> None:
    origin = whole_tiny.origin
    blind = Scorer(scorer.loaded, OnlineRows(Broken(dict(origin.feature_views)), origin, whole_tiny.release))
    said = answer(credit(blind, ["ann"], declared_income=5_000.0)[0])
    assert (said["outcome"], said["degraded"]) == ("refer", ["online_rows"])
    assert "LEND-09" in {rule["code"] for rule in said["rules"]}
    with pytest.raises(RowsUnreachable, match="OperationalError"):
        offers(blind, ["ann"])


def test_a_missing_view_degrades_and_credit_refers(tiny: Tiny) -> None:
    with PackedRows.open(tiny.online, read_only=False) as rows:
        others = rows.read(["ben", "cat", "dan"], ["credit"])
        rows.drop(["credit"])
        rows.write("credit", others.columns, others.customer_ids, others.event_us[:, 0], others.values)
    half = make_scorer(tiny)
    said = answer(credit(half, ["ann"], declared_income=5_000.0)[0])
    assert (said["outcome"], said["degraded"]) == ("refer", ["credit"])
    assert answer(offers(half, ["ann"])[0])["degraded"] == ["credit"]


def test_rows_of_another_layout_are_refused_at_the_start(tiny: Tiny) -> None:
    with PackedRows.open(tiny.online, read_only=False) as rows:
        rows.drop(["credit"])
    with pytest.raises(RowsOfAnotherRelease, match="credit"):
        make_scorer(tiny)
