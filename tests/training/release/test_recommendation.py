"""The recommender of a release: right, the same bits alone and among many, strict about its files."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.conftest import Tiny, random_features
from training.release.bands import Bands
from training.release.calibration import Calibration, sigmoid
from training.release.content import Encoding, ProductFacts
from training.release.errors import BrokenRelease
from training.release.recommendation import Layout, Recommender

FACTS = tuple(
    ProductFacts(name, family, risk, rate, 1000.0)
    for name, family, risk, rate in (
        ("card-a", "card", 1.0, 0.1), ("card-b", "card", 1.0, 0.2),
        ("fund-a", "fund", 2.0, 0.03), ("fund-b", "fund", 4.0, 0.07), ("fund-c", "fund", 3.0, 0.05),
    )
)  # fmt: skip


def _recommender(seed: int = 3, segments: int = 2) -> Recommender:
    rng = np.random.default_rng(seed)
    bands = Bands(("income", "age"), (np.array([10.0, 20.0]), np.array([0.5])))
    layout, encoding = Layout(bands, segments, len(FACTS)), Encoding.of(FACTS)
    return Recommender(
        FACTS, layout, rng.normal(size=(layout.rows, 5)), rng.normal(size=(layout.rows, encoding.width)),
        encoding, {"card": Calibration(1.2, -0.1), "fund": Calibration(0.9, 0.2)}, np.full(5, 0.02), 180,
    )  # fmt: skip


def _customers(n: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    rng = np.random.default_rng(5)
    return rng.random((n, 5)) < 0.4, random_features(n, 2), rng.integers(-1, 3, n)


def test_log_odds_are_the_effects_of_everything_that_holds_for_the_customer() -> None:
    model = _recommender()
    held = np.array([[True, False, False, True, False]])
    features = np.array([[15.0, np.nan]], np.float32)
    rows = [0, 1 + 1, 1 + 4 + 2, 1 + 7 + 1, 1 + 7 + 3 + 0, 1 + 7 + 3 + 3]
    raw = model.effects[rows].sum(axis=0)
    expected = np.where([True, True, False, False, False], 1.2 * raw - 0.1, 0.9 * raw + 0.2)
    found = model.margins(model.shelf, held, features, np.array([1]))
    np.testing.assert_allclose(found[0], expected, rtol=1e-12)
    chances = model.probabilities(model.shelf, held, features, np.array([1]))
    np.testing.assert_allclose(chances, sigmoid(found))


@pytest.mark.parametrize("products", [1, 2, 5])
def test_alone_and_among_many_every_bit_is_the_same(products: int) -> None:
    model, (held, features, segments) = _recommender(), _customers(3_000)
    shelf = model.shelf_of([*FACTS, ProductFacts("new", "fund", 5.0)][-products:])
    for asked in (model.margins, model.probabilities):
        together = asked(shelf, held, features, segments)
        for row in range(0, 3_000, 7):
            one = slice(row, row + 1)
            alone = asked(shelf, held[one], features[one], segments[one])
            assert alone.tobytes() == np.ascontiguousarray(together[one]).tobytes()


def test_a_product_nobody_knew_is_scored_by_its_attributes_and_moves_no_other() -> None:
    model, (held, features, segments) = _recommender(), _customers(50)
    new = ProductFacts("fund-new", "fund", 5.0, 0.09, None, "gold")
    shelf = model.shelf_of((*FACTS, new))
    assert shelf.known.tolist() == [True] * 5 + [False]
    with_new = model.margins(shelf, held, features, segments)
    np.testing.assert_array_equal(with_new[:, :5], model.margins(model.shelf, held, features, segments))
    attributes = model.by_attribute @ model.encoding.vector(new)
    like = replace(model, effects=np.repeat(attributes[:, None], 5, axis=1))
    expected = like.margins(like.shelf, held, features, segments)[:, 2]
    np.testing.assert_allclose(with_new[:, 5], expected, rtol=1e-9)


def test_of_a_family_nobody_adds_from_nothing_is_said() -> None:
    model, (held, features, _) = _recommender(), _customers(4)
    shelf = model.shelf_of((*FACTS, ProductFacts("loan-new", "loan")))
    found = model.probabilities(shelf, held, features)
    assert np.isnan(found[:, 5]).all()
    assert np.isfinite(found[:, :5]).all()


@pytest.mark.parametrize("segments", [None, np.full(4, -1), np.full(4, 2), np.full(4, 99)],
                         ids=["none", "unknown", "one-too-many", "of-another-part"])  # fmt: skip
def test_a_segment_that_is_not_known_has_a_row_of_its_own(segments: npt.NDArray[np.intp] | None) -> None:
    model, (held, features, _) = _recommender(), _customers(4)
    places = model.layout.places(held, features, segments)
    assert (places[3] == 1 + 7 + 2).all()


@pytest.mark.parametrize("holds", [False, True], ids=["nothing-held", "all-held"])
def test_who_holds_nothing_or_everything_has_finite_chances(holds: bool) -> None:
    model, (_, features, segments) = _recommender(), _customers(9)
    found = model.probabilities(model.shelf, np.full((9, 5), holds), features, segments)
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize(
    "arrays",
    [
        pytest.param({"effects": np.array([[object()] * 6] * 13)}, id="pickled-objects"),
        pytest.param({"effects": np.full((13, 6), np.nan)}, id="not-finite"),
        pytest.param({"effects": np.ones((12, 6))}, id="rows-short"),
        pytest.param({"effects": np.ones((13, 5))}, id="another-number-of-products"),
        pytest.param({"effects": np.ones((13, 6), np.float32)}, id="another-type"),
        pytest.param({"_save": np.ones(1)}, id="an-extra-array"),
        pytest.param({"by_attribute": np.ones((13, 7))}, id="attributes-short"),
    ],
)
def test_effects_are_plain_finite_numbers_or_nothing(tiny: Tiny, arrays: dict[str, object]) -> None:
    folder = tiny.parts["recommendation"]
    kept = {"effects": np.ones((13, 6)), "by_attribute": np.ones((13, 8))}
    np.savez(folder / "effects.npz", **{**kept, **arrays})  # type: ignore[arg-type]
    with pytest.raises(BrokenRelease, match=r"effects\.npz"):
        _read(folder)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        pytest.param({"bands": {"columns": ["a"], "edges": [[2.0, 1.0]]}}, "rise", id="falling-edges"),
        pytest.param({"bands": {"columns": ["a", "b"], "edges": [[1.0]]}}, "edges", id="a-column-without"),
        pytest.param({"popularity": [2.0] * 6}, "probability", id="popularity-above-one"),
        pytest.param({"horizon_days": 0}, "bounds", id="no-horizon"),
        pytest.param({"segments": 5_000}, "bounds", id="too-many-segments"),
        pytest.param({"encoding": {"families": ["a"], "center": [[0.0] * 3], "scale": [0.0] * 3}},
                     "scale", id="scale-zero"),
    ],
)  # fmt: skip
def test_a_broken_description_is_refused_with_its_reason(
    tiny: Tiny, broken: dict[str, object], said: str
) -> None:
    path = tiny.parts["recommendation"] / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | broken))
    with pytest.raises(BrokenRelease, match=said):
        _read(path.parent)


def _read(folder: Path) -> Recommender:
    return Recommender.read({path.name: path.read_bytes() for path in folder.iterdir()})
