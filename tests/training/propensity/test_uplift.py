import numpy as np
import pytest
from sklearn.base import clone

from training.propensity.effect import EffectOnOdds
from training.propensity.qini import Arms, known_qini
from training.propensity.uplift import METHODS, UpliftClassifier, choose

N = 24_000


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.fixture(scope="module")
def campaign() -> dict[str, np.ndarray]:
    """Two kinds of offer that add .9 and .3 log odds to a propensity everybody knows."""
    rng = np.random.default_rng(1)
    margin, kind, treated = rng.normal(-3, 1, N), rng.integers(0, 2, N), rng.random(N) < 0.7
    effect = np.where(kind == 0, 0.9, 0.3)
    X = np.c_[margin, kind, rng.normal(size=N)].astype(np.float32)
    uplift = sigmoid(margin + effect) - sigmoid(margin)
    y = rng.random(N) < sigmoid(margin + effect * treated)
    return {"X": X, "y": y, "treated": treated, "uplift": uplift}


@pytest.fixture(scope="module")
def put_off() -> dict[str, np.ndarray]:
    """An offer that draws some and puts off as many others who are no less likely to buy."""
    rng = np.random.default_rng(2)
    X, treated = rng.normal(size=(N, 2)).astype(np.float32), rng.random(N) < 0.5
    uplift = np.where(X[:, 1] > 0, 0.25, -0.2)
    y = rng.random(N) < 0.3 + uplift * treated
    return {"X": np.c_[X, np.full(N, -0.85)].astype(np.float32), "y": y, "treated": treated, "uplift": uplift}


def share(model: UpliftClassifier, held: dict[str, np.ndarray]) -> float:
    return known_qini(model.predict(held["X"]), held["uplift"]) / known_qini(held["uplift"], held["uplift"])


@pytest.mark.parametrize("method", METHODS)
def test_each_method_finds_whom_an_offer_moves(campaign, method: str):
    model = UpliftClassifier(method=method, propensity=0, kind=1)
    assert share(model.fit(campaign["X"], campaign["y"], campaign["treated"]), campaign) > 0.8


@pytest.mark.parametrize("method", [m for m in METHODS if m != "effect"])
def test_the_flexible_methods_find_whom_an_offer_puts_off(put_off, method: str):
    model = UpliftClassifier(method=method, propensity=2)
    assert share(model.fit(put_off["X"], put_off["y"], put_off["treated"]), put_off) > 0.9


def test_the_effect_of_each_kind_is_found_and_its_log_odds_are_what_is_kept(campaign):
    fitted = EffectOnOdds(0, 1)(campaign["X"], campaign["y"].astype(np.int8), campaign["treated"],
                                np.full(N, 0.7), 7)  # fmt: skip
    assert fitted.effects[0].effect == pytest.approx(0.9, abs=0.2)
    assert fitted.effects[1].effect == pytest.approx(0.3, abs=0.2)
    assert fitted.uplift(campaign["X"]).mean() == pytest.approx(campaign["uplift"].mean(), rel=0.15)
    assert np.isnan(fitted.uplift(np.array([[-3, 9, 0]], np.float32))).all()


def test_the_simplest_is_chosen_where_nothing_is_clearly_better(campaign):
    model = UpliftClassifier(propensity=0, kind=1).fit(campaign["X"], campaign["y"], campaign["treated"])
    assert model.choice_.chosen == "effect"
    assert set(model.choice_.found) == set(METHODS)


def test_another_is_chosen_where_it_is(put_off):
    model = UpliftClassifier(propensity=2).fit(put_off["X"], put_off["y"], put_off["treated"])
    assert model.choice_.chosen != "effect"
    assert share(model, put_off) > 0.9


def test_without_a_propensity_one_is_learned(campaign):
    X = campaign["X"][:, [0, 2]]
    model = UpliftClassifier(method="effect").fit(X, campaign["y"], campaign["treated"])
    own = known_qini(model.predict(X), campaign["uplift"])
    assert own > 0.6 * known_qini(campaign["uplift"], campaign["uplift"])
    assert model.predict(X).shape == (N,)


def test_the_choice_never_sees_an_offer_before_what_it_was_learned_from(campaign, monkeypatch):
    seen: list[tuple[int, int]] = []
    plain = EffectOnOdds.__call__

    def noted(self, matrix, y, treated, chance, seed):
        seen.append((int(matrix[:, 2].min()), int(matrix[:, 2].max())))
        return plain(self, matrix, y, treated, chance, seed)

    monkeypatch.setattr(EffectOnOdds, "__call__", noted)
    monkeypatch.setattr("training.propensity.uplift.METHODS", ("effect",))
    at = np.arange(N)
    numbered = np.c_[campaign["X"][:, :2], at].astype(np.float32)
    arms = Arms.of(campaign["y"], campaign["treated"])
    choose(numbered, arms, at, 0, 1, 7, horizon=100)
    assert len(seen) == 2
    assert all(low == 0 for low, _ in seen)
    assert [high + 100 <= N * part // 5 for (_, high), part in zip(seen, (4, 3), strict=True)] == [True, True]


@pytest.mark.parametrize(("change", "said"), [
    pytest.param({"treated": np.ones(50)}, "'treated' should hold 0 and 1", id="one-arm"),
    pytest.param({"y": np.zeros(50)}, "'y' should hold 0 and 1", id="one-outcome"),
    pytest.param({"y": np.arange(50) % 3}, "'y' should hold 0 and 1", id="three-outcomes"),
    pytest.param({"treated": np.arange(40) % 2}, "X has 50 rows, but {'treated': 40}", id="lengths"),
])  # fmt: skip
def test_what_it_cannot_learn_from_is_said(change, said: str):
    good = {"X": np.random.default_rng(1).normal(size=(50, 2)), "y": np.arange(50) % 2,
            "treated": np.arange(50) // 2 % 2}  # fmt: skip
    with pytest.raises(ValueError, match=said.replace("{", r"\{")):
        UpliftClassifier(method="effect", propensity=0).fit(**(good | change))


def test_an_unknown_method_and_other_columns_are_refused(campaign):
    few = {name: campaign[name][:500] for name in ("X", "y", "treated")}
    with pytest.raises(ValueError, match="no method 'magic'"):
        UpliftClassifier(method="magic", propensity=0).fit(**few)
    model = UpliftClassifier(method="effect", propensity=0).fit(**few)
    with pytest.raises(ValueError, match="X has 2 columns, fitted with 3"):
        model.predict(few["X"][:, :2])


def test_it_is_an_estimator_that_can_be_cloned_and_repeats_itself(campaign):
    model = UpliftClassifier(method="two", propensity=0, kind=1, random_state=3)
    assert clone(model).get_params() == model.get_params()
    few = {name: campaign[name][:2000] for name in ("X", "y", "treated")}
    first, second = (clone(model).fit(**few).predict(few["X"]) for _ in range(2))
    assert (first == second).all()
