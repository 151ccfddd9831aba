"""The segmentation of a release: value beside the segment, to the bit, and files that are refused."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.conftest import Tiny, random_features
from training.release.errors import BrokenRelease
from training.release.segmentation import Segmentation

Model = dict[str, Any]


def model_of(tiny: Tiny) -> Model:
    found: Model = json.loads((tiny.parts["segmentation"] / "model.json").read_bytes())
    return found


def read(model: Mapping[str, Any]) -> Segmentation:
    return Segmentation.read({"model.json": json.dumps(model).encode()})


def test_a_weight_of_nothing_takes_a_column_out(whole_tiny: Tiny) -> None:
    model = model_of(whole_tiny)
    between = np.array([[1181.0, -0.5]], np.float32)  # its first column says S2, the second S1
    assert read({**model, "weights": [1.0, 0.0]}).assign(between).tolist() == [1]
    assert read({**model, "weights": [1.0, 1.0]}).assign(between).tolist() == [0]


def test_no_value_lies_beyond_the_limit(whole_tiny: Tiny) -> None:
    model = model_of(whole_tiny)
    extreme = np.array([[1e30, 0.5], [1e9, 0.5]], np.float32)
    held = read({**model, "limit": 1.0})._standardised(extreme)
    assert held[0].tolist() == [1.0, 1.0]


def test_value_is_the_same_to_the_bit_alone_and_among_a_thousand(whole_tiny: Tiny) -> None:
    value = read(model_of(whole_tiny)).value
    assert value is not None
    features = random_features(1_000, len(value.columns))
    together = np.c_[value.rfm(features), value.tier(features)], value.volumes(features)
    for row in range(0, 1_000, 37):
        one = features[row : row + 1]
        assert (np.c_[value.rfm(one), value.tier(one)] == together[0][row]).all()
        assert value.volumes(one).tobytes() == together[1][row : row + 1].tobytes()


def test_fresh_frequent_and_rich_is_five_and_the_unknown_is_one(whole_tiny: Tiny) -> None:
    value = read(model_of(whole_tiny)).value
    assert value is not None
    assert value.columns == (
        "days_since_last_booking", "bookings_90d", "outflow_90d", "balance_mean_90d", "holdings_value"
    )  # fmt: skip
    best = np.array([[0.0, 50.0, 9e3, 1e5, 1e4]], np.float32)
    worst = np.array([[40.0, 0.0, 0.0, -500.0, np.nan]], np.float32)
    nothing = np.full((1, 5), np.nan, np.float32)
    assert value.rfm(np.r_[best, worst, nothing]).tolist() == [[5, 5, 5], [1, 1, 1], [1, 1, 1]]
    assert value.tier(np.r_[best, worst, nothing]).tolist() == [3, 0, 0]
    assert value.volumes(worst).tolist() == [0.0]


def test_a_segmentation_without_value_is_whole(whole_tiny: Tiny) -> None:
    found = read({**model_of(whole_tiny), "value": None})
    assert found.value is None
    assert found.reads == found.columns


def _segment(**change: object) -> Callable[[Model], Model]:
    def changed(model: Model) -> Model:
        return {**model, "segments": [{**model["segments"][0], **change}, *model["segments"][1:]]}

    return changed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda m: {**m, "kind": "kmeans"}, "kind 'kmeans' is unknown", id="kind"),
        pytest.param(lambda m: {**m, "weights": [-1.0, 0.5]}, "weights not below", id="weight-below-0"),
        pytest.param(lambda m: {**m, "limit": 0.0}, "limit should be above 0", id="limit-0"),
        pytest.param(lambda m: {**m, "last_number": 1}, "up to last_number", id="number-beyond-the-last"),
        pytest.param(_segment(id="S2"), "each once", id="id-twice"),
        pytest.param(_segment(id="first"), "ids should be S1", id="id-of-another-kind"),
        pytest.param(lambda m: {**m, "centers": m["centers"][:1]}, "each centre needs", id="centre-missing"),
        pytest.param(
            lambda m: {**m, "value": {**m["value"], "edges": [[4.0, 3, 2, 1]] * 3}}, "never fall", id="edges"
        ),
        pytest.param(lambda m: {**m, "value": {**m["value"], "tier_edges": [1.0]}}, "3 numbers", id="tiers"),
    ],
)
def test_a_file_that_cannot_be_served_is_refused(
    whole_tiny: Tiny, change: Callable[[Model], Model], said: str
) -> None:
    with pytest.raises(BrokenRelease, match=said):
        read(change(model_of(whole_tiny)))
