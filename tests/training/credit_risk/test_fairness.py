import numpy as np
import pytest

from training.credit_risk import fairness
from training.credit_risk.alternatives import AS_IT_IS, Part, search
from training.credit_risk.fairness import as_metrics, measured, worst
from training.validation import F64, Labels

N = 6_000


def town(seed: int) -> tuple[Part, F64]:
    """Risk follows the first column; the second parts the groups and tells next to nothing of risk."""
    rng = np.random.default_rng(seed)
    old = rng.random(N) < 0.5
    risk, proxy = rng.normal(size=N), rng.normal(size=N) + 3.0 * old
    odds = 1.6 * risk + 0.2 * proxy - 2.5
    y = (rng.random(N) < 1 / (1 + np.exp(-odds))).astype(np.int8)
    matrix = np.stack([risk, proxy], axis=1).astype(np.float32)
    return Part(matrix, y, {"age": {"old": old, "young": ~old}}), np.stack([1.6 * risk, 0.2 * proxy], axis=1)


def simple(approved: int) -> tuple[dict[str, dict[str, fairness.Mask]], Labels, F64]:
    """400 women of whom some are approved, 400 men of whom 200 are; everybody repays."""
    women = np.arange(800) < 400
    p = np.where(women, np.arange(800) >= approved, np.arange(800) >= 600).astype(float)
    return {"gender": {"women": women, "men": ~women}}, np.zeros(800, np.int8), p


@pytest.mark.parametrize(
    ("approved", "ratio"),
    [
        pytest.param(200, 1.0, id="alike"),
        pytest.param(100, 0.5, id="half-as-often"),
        pytest.param(160, 0.8, id="at-the-limit"),
    ],
)
def test_the_ratio_is_against_the_group_approved_most(approved: int, ratio: float) -> None:
    groups, y, p = simple(approved)
    found = measured(groups, y, p, 0.5)
    least = worst(found)
    assert least is not None
    assert least.impact.value == pytest.approx(ratio)
    assert least.impact.low < ratio < least.impact.high
    assert least.opportunity.value == pytest.approx((approved - 200) / 400)
    assert max(each.impact.value for each in found) == 1.0


def test_a_group_too_small_to_tell_is_left_out() -> None:
    groups, y, p = simple(200)
    groups["gender"]["unknown"] = np.arange(800) < 20
    assert {each.group for each in measured(groups, y, p, 0.5)} == {"women", "men"}
    assert as_metrics(())["adverse_impact_ratio"] is None


def test_calibration_is_told_by_group() -> None:
    groups, y, _ = simple(200)
    y = y.copy()
    y[:100] = 1
    by_group = {each.group: each for each in measured(groups, y, np.full(800, 0.1), 0.5)}
    assert by_group["women"].seen == pytest.approx(0.25)
    assert by_group["men"].seen == 0.0
    assert by_group["women"].said == pytest.approx(0.1)


def test_the_search_finds_that_the_proxy_can_be_left_out() -> None:
    train, added = town(1)
    test, _ = town(2)
    found = search(train, test, ("risk", "proxy"), added, 0.2, 7)
    assert found.found
    assert found.chosen_test.impact > found.base_test.impact + 0.05
    assert found.base_test.auc - found.chosen_test.auc < 0.03
    assert found.tried[0].name == AS_IT_IS


def test_the_choice_never_reads_the_test_rows() -> None:
    train, added = town(1)
    one, other = (search(train, town(seed)[0], ("risk", "proxy"), added, 0.2, 7) for seed in (2, 3))
    assert one.tried == other.tried
    assert one.chosen == other.chosen
