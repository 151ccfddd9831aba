"""The member `uplift`: from offers and the families' models to effects, figures and gates."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from training.dataset import Dataset, TooLittleData
from training.labels import DAY, RESPONSE
from training.propensity.member import Member
from training.propensity.offer_uplift import Uplift, gates, uplift
from training.propensity.offers import Offers
from training.propensity.uplift_exhibits import uplift_exhibits

N, DAYS = 20_000, 600
TESTED_FROM = 400 * DAY
EFFECT = {"card": 0.9, "fund": 0.4, "gold": 0.9}


@dataclass(frozen=True)
class Line:
    """A family's model: the first column is its margin."""

    columns: tuple[str, ...] = ("balance", "tenure")

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[:, 0].astype(np.float64)

    def gains(self) -> list[tuple[str, float]]:
        return [("balance", 0.7), ("tenure", 0.3)]


def members(*families: str) -> Mapping[str, Member]:
    made = {name: SimpleNamespace(family=name, model=Line()) for name in families}
    return cast(Any, made | {"churn": SimpleNamespace(family=None, model=Line())})


def offers(effect: float = 1.0) -> Offers:
    """Offers of three families over 600 days; `effect` scales what they change."""
    rng = np.random.default_rng(5)
    at = np.sort(rng.integers(0, DAYS, N)) * DAY
    matrix = np.c_[rng.normal(-2.5, 1, N), rng.normal(size=N)].astype(np.float32)
    names = rng.integers(0, N // 3, N).astype(str).astype(object)
    family, treated = rng.choice(list(EFFECT), N), rng.random(N) < 0.7
    odds = matrix[:, 0] + effect * treated * np.array([EFFECT[name] for name in family])
    y = (rng.random(N) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    rows = Dataset(names, at, matrix, ("balance", "tenure"), "test")
    return Offers(rows, family.astype(np.str_), y, treated, np.full(N, 0.7))


@pytest.fixture(scope="module")
def found() -> Uplift:
    return uplift(members("card", "fund"), offers(), TESTED_FROM, 7)


def test_each_familys_effect_is_found_and_a_family_without_a_model_has_none(found: Uplift):
    assert set(found.effects) == {"card", "fund"}
    assert found.effects["card"].effect == pytest.approx(0.9, abs=0.25)
    assert found.effects["fund"].effect == pytest.approx(0.4, abs=0.25)


def test_it_is_tested_on_offers_made_after_the_families_models_had_learned(found: Uplift):
    assert found.at.min() >= TESTED_FROM
    assert len(found.said) == int(
        (np.isin(offers().family, ["card", "fund"]) & (offers().at >= TESTED_FROM)).sum()
    )


def test_it_ranks_better_than_chance_and_its_gates_say_so(found: Uplift):
    assert all(gate.passed for gate in gates(found))
    assert found.metrics["uplift_said"] == pytest.approx(found.metrics["uplift_measured"], abs=0.02)
    low, high = cast(list[float], found.metrics["qini_of_random_interval"])
    assert low < 0 < high < float(str(found.metrics["qini"]))


def test_offers_that_change_nothing_are_refused():
    lame = uplift(members("card", "fund"), offers(effect=0.0), TESTED_FROM, 7)
    assert [gate.name for gate in gates(lame) if not gate.passed] == [
        "uplift: lower bound of the Qini, purchases by 1,000 offers"
    ]


def test_outcomes_of_test_offers_enter_neither_the_effects_nor_the_choice(found: Uplift):
    made = offers()
    late = made.at >= TESTED_FROM
    other = replace(made, y=np.where(late, 1 - made.y, made.y).astype(np.int8))
    again = uplift(members("card", "fund"), other, TESTED_FROM, 7)
    assert again.effects == found.effects
    assert again.choice == found.choice
    assert again.metrics["qini"] != found.metrics["qini"]


def test_the_parts_of_a_split_are_a_horizon_apart():
    made = offers()
    split = made.split(TESTED_FROM, made.treated)
    assert split is not None
    assert made.at[split.train].max() + RESPONSE.horizon <= made.at[split.calibrate].min()
    assert made.at[split.calibrate].max() + RESPONSE.horizon <= made.at[split.test].min()
    assert made.treated[split.train | split.calibrate | split.test].all()


def test_unknown_outcomes_take_no_part():
    made = offers()
    hidden = replace(made, y=np.where(made.at >= 590 * DAY, -1, made.y).astype(np.int8))
    split = hidden.split(TESTED_FROM)
    assert split is not None
    assert made.at[split.test].max() < 590 * DAY
    assert set(hidden.shown()[~made.treated]) == {-1}


@pytest.mark.parametrize(("families", "tested_from", "why"), [
    pytest.param(("pension",), TESTED_FROM, "no offers of a family with a model", id="no-such-offers"),
    pytest.param(("card",), 0, "before and after the test begins", id="nothing-before"),
    pytest.param(("card",), 598 * DAY, "purchases in the treated", id="too-few-to-test"),
])  # fmt: skip
def test_too_few_offers_are_said_to_be(families: tuple[str, ...], tested_from: int, why: str):
    with pytest.raises(TooLittleData, match=why):
        uplift(members(*families), offers(), tested_from, 7)


def test_its_evidence_has_a_table_for_every_drawing(found: Uplift):
    drawn = uplift_exhibits(found, 7)
    assert set(drawn) == {f"uplift/{name}" for name in (
        "gains", "tenths", "effects", "benchmark", "sensitivity", "stability")}  # fmt: skip
    assert all(each.rows and each.title and each.title_zh for each in drawn.values())
    assert float(str(drawn["uplift/gains"].rows[-1][1])) == pytest.approx(
        1000 * float(str(found.metrics["uplift_measured"])), rel=0.1
    )
