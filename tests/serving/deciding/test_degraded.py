"""What is answered while online rows cannot be read, or are old: flagged, and credit goes to a person."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import pytest

from feature_repo.packed_rows import PackedRows
from feature_repo.rows.reading import Rows
from feature_repo.rows.remembered import Memory, RememberedRows
from serving.deciding.asking import CreditRequest, CustomerRequest, OfferRequest, RecommendationRequest
from serving.deciding.online import OnlineRows
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from serving.errors import RowsUnreachable
from tests.conftest import EVENT_US, Tiny, stamp


@dataclass
class Store:
    """Online rows that can be out of reach."""

    rows: PackedRows
    down: bool = False

    def read(self, customer_ids: Sequence[str], views: Sequence[str] | None = None) -> Rows:
        if self.down:
            raise sqlite3.OperationalError("disk I/O error")
        return self.rows.read(customer_ids, views)

    def columns(self) -> Mapping[str, tuple[str, ...]]:
        return self.rows.columns()


@dataclass
class World:
    """A scorer over a store that can go, which remembers what it read."""

    scorer: Scorer
    store: Store
    now: float = 0.0

    def ask(self, method: str, *asked: Any) -> list[Any]:
        return list(getattr(self.scorer, method)(asked, [stamp(at) for at in range(len(asked))]))

    def body(self, method: str, asked: Any) -> dict[str, Any]:
        [made] = self.ask(method, asked)
        assert isinstance(made, Decision)
        assert self.scorer.replay(made.record.payload).same
        found: dict[str, Any] = orjson.loads(made.body)
        return found


@pytest.fixture
def world(scorer: Scorer, whole_tiny: Tiny) -> World:
    store = Store(PackedRows.open(whole_tiny.online))
    found = World(scorer, store)
    remembered = RememberedRows(store, lambda: found.now, Memory(10, lasts=60.0, again_after=0.0))
    online = OnlineRows(remembered, whole_tiny.origin, whole_tiny.release)
    found.scorer = replace(scorer, online=online)
    return found


def application(name: str | None) -> CreditRequest:
    return CreditRequest(name, 6_000.0, 24, 5_000.0)


def test_who_was_read_before_is_answered_by_what_is_remembered_and_it_is_told(world: World) -> None:
    before = world.body("next_best_action", OfferRequest("ann"))
    assert before["degraded"] == []
    world.store.down = True
    during = world.body("next_best_action", OfferRequest("ann"))
    assert during["degraded"] == ["online_rows"]
    assert during["offers"] == before["offers"]
    world.store.down = False
    assert world.body("next_best_action", OfferRequest("ann")) == before


@pytest.mark.parametrize("remembered", [True, False])
def test_credit_of_a_customer_is_referred_never_approved_and_never_declined(
    world: World, remembered: bool
) -> None:
    usual = world.body("credit_decision", application("ann"))["outcome"] if remembered else "approve"
    world.store.down = True
    said = world.body("credit_decision", application("ann"))
    assert (usual, said["outcome"], said["degraded"]) == ("approve", "refer", ["online_rows"])
    assert "LEND-09" in {rule["code"] for rule in said["rules"]}


def test_credit_of_a_customer_whose_rows_are_gone_is_referred_and_not_taken_for_a_newcomers(
    world: World,
) -> None:
    said = world.body("credit_decision", application("zoe"))
    assert (said["outcome"], said["degraded"]) == ("refer", ["online_rows"])
    assert world.body("credit_decision", application(None))["degraded"] == []


def test_an_applicant_new_to_the_bank_has_no_rows_and_is_decided_as_ever(world: World) -> None:
    before = world.body("credit_decision", application(None))
    world.store.down = True
    assert world.body("credit_decision", application(None)) == before


def test_of_whom_nothing_is_known_nothing_is_offered_and_what_most_take_is_recommended(world: World) -> None:
    world.store.down = True
    said = world.body("next_best_action", OfferRequest("ann"))
    assert (said["offers"], said["personalised"], said["degraded"]) == ([], False, ["online_rows"])
    assert said["feature_age_s"] is None
    recommended = world.body("recommend", RecommendationRequest("ann"))
    assert recommended["recommender"] == "popularity"
    assert recommended["degraded"] == ["online_rows"]


@pytest.mark.parametrize("method", ["segment", "propensity", "credit_behaviour"])
def test_a_score_is_not_made_up_of_nothing(world: World, method: str) -> None:
    world.ask(method, CustomerRequest("ann"))
    world.store.down = True
    assert world.body(method, CustomerRequest("ann"))["degraded"] == ["online_rows"]
    with pytest.raises(RowsUnreachable):
        world.ask(method, CustomerRequest("ben"))


def test_what_is_remembered_counts_for_a_while_only(world: World) -> None:
    world.ask("segment", CustomerRequest("ann"))
    world.store.down, world.now = True, 61.0
    with pytest.raises(RowsUnreachable):
        world.ask("segment", CustomerRequest("ann"))


def age_of_features(at: str) -> int:
    return (int(datetime.fromisoformat(at).timestamp() * 1_000_000) - EVENT_US) // 1_000_000


@pytest.mark.parametrize(
    ("over", "degraded", "outcome"),
    [
        pytest.param(0, [], "approve", id="as-old-as-allowed"),
        pytest.param(1, ["stale_features"], "refer", id="a-second-older"),
    ],
)
def test_features_that_are_too_old_are_flagged_with_their_age_and_credit_is_referred(
    world: World, whole_tiny: Tiny, over: int, degraded: list[str], outcome: str
) -> None:
    age = age_of_features(stamp(0).at)
    online = OnlineRows(world.store, whole_tiny.origin, whole_tiny.release, stale_after_s=age - over)
    world.scorer = replace(world.scorer, online=online)
    said = world.body("credit_decision", application("ann"))
    assert (said["degraded"], said["outcome"], said["feature_age_s"]) == (degraded, outcome, age)
    assert world.body("next_best_action", OfferRequest("ann"))["degraded"] == degraded
