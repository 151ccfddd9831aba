import numpy as np
import pytest

from monitoring.drift import BrokenReference, FrozenBins, Level, Shift, noise_floor, psi, shift, verdict


def frozen(values: np.ndarray) -> FrozenBins:
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.arange(1, 10) / 10))
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=edges.size + 1)
    return FrozenBins(edges, counts / known.size, 1 - known.size / values.size, values.size)


@pytest.fixture
def balances():
    return np.random.default_rng(3).lognormal(8, 1, 20_000)


def test_the_same_population_is_stable_and_within_its_noise(balances):
    again = np.random.default_rng(4).lognormal(8, 1, 20_000)
    found = shift("credit_risk", "balance", False, frozen(balances), again)
    assert found.level is Level.STABLE
    assert found.psi < 3 * found.noise


def test_one_bad_record_cannot_hide_doubled_balances(balances):
    bins = frozen(balances)
    doubled = shift("credit_risk", "balance", False, bins, balances * 2)
    spoilt = shift("credit_risk", "balance", False, bins, np.append(balances * 2, 1e12))
    assert doubled.psi == pytest.approx(spoilt.psi, rel=1e-2)
    assert doubled.level is Level.ACT


def test_values_gone_missing_are_a_shift(balances):
    gone = balances.copy()
    gone[: gone.size // 2] = np.nan
    assert shift("credit_risk", "balance", False, frozen(balances), gone).level is Level.ACT


def test_a_small_sample_has_a_high_noise_floor():
    assert noise_floor(10, 200, 200) > 0.10 > noise_floor(10, 5_000, 5_000)


def test_the_noise_floor_holds_95_of_100_quiet_months():
    draw = np.random.default_rng(5)
    floor = noise_floor(10, 1_000, 1_000)
    share = np.full(10, 0.1)
    quiet = [
        psi(draw.multinomial(1_000, share) / 1_000, draw.multinomial(1_000, share) / 1_000)
        for _ in range(2_000)
    ]
    assert 0.93 < np.mean(np.array(quiet) < floor) < 0.97


@pytest.mark.parametrize(
    ("moved", "is_score", "level"),
    [
        pytest.param(0, False, Level.STABLE, id="nothing"),
        pytest.param(1, False, Level.INVESTIGATE, id="one-column"),
        pytest.param(4, False, Level.ACT, id="a-fifth-of-the-columns"),
        pytest.param(1, True, Level.ACT, id="one-score"),
    ],
)
def test_the_verdict_follows_scores_first_then_columns(moved, is_score, level):
    shifts = [Shift("p", f"c{n}", False, 0.01, 0.02, 1_000) for n in range(16)]
    shifts += [Shift("p", f"m{n}", is_score, 0.4, 0.02, 1_000) for n in range(moved)]
    assert verdict(shifts).level is level


def test_a_column_of_two_populations_counts_where_it_moved_most():
    still, moved = Shift("b", "balance", False, 0.01, 0.02, 9), Shift("a", "balance", False, 0.9, 0.02, 9)
    said = verdict([moved, still]).sentence
    assert "largest a.balance PSI 0.900" in said
    assert "1 of 1 scores and columns" in said


def test_a_reference_that_does_not_add_up_is_refused():
    with pytest.raises(BrokenReference, match="shares for"):
        FrozenBins.read("pd", {"edges": [1.0], "shares": [1.0], "missing": 0.0}, 10)
    with pytest.raises(BrokenReference, match="instead of 1"):
        FrozenBins.read("pd", {"edges": [1.0], "shares": [0.4, 0.4], "missing": 0.0}, 10)
