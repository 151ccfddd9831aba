import io
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from training.evidence.binary import binary_exhibits
from training.evidence.scored import Scored, rate_interval
from training.evidence.stability import periods, psi, stability
from training.validation import auc, ks, lift

KINDS = ("benchmark", "roc", "gains", "calibration", "scores", "bands", "stability")
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def exhibits(scored):
    return binary_exhibits("loan", "Loans", "贷款", *scored.rows, scored.window)


def moved(scored, **changed):
    y, p, plain, at = scored.rows
    held = {"y": y, "p": p, "plain": plain, "at": at} | changed
    return binary_exhibits("", "x", "x", held["y"], held["p"], held["plain"], held["at"], scored.window)


def test_every_plot_has_its_finding_in_both_languages_and_its_table(exhibits):
    assert list(exhibits) == [f"loan/{kind}" for kind in KINDS]
    for exhibit in exhibits.values():
        assert exhibit.title.startswith("Loans: ")
        assert exhibit.title_zh.startswith("贷款：")
        assert exhibit.rows
        assert Image.open(io.BytesIO(exhibit.image)).format == "PNG"


def test_findings_name_the_figures_of_validation(exhibits, scored):
    y, p, plain, _ = scored.rows
    assert f"AUC {auc(y, p):.3f}" in exhibits["loan/roc"].title
    assert f"plain baseline {auc(y, plain):.3f}; KS {ks(y, p):.2f}" in exhibits["loan/roc"].title
    assert f"lift {lift(y, p):.1f}" in exhibits["loan/gains"].title


def test_tables_add_up_to_the_rows(exhibits, scored):
    y, _, _, _ = scored.rows
    for kind, column in (("bands", "rows"), ("gains", "rows"), ("stability", "rows")):
        table = exhibits[f"loan/{kind}"]
        assert sum(row[table.header.index(column)] for row in table.rows) == len(y)
    table = exhibits["loan/bands"]
    assert sum(row[table.header.index("positives")] for row in table.rows) == y.sum()


def test_the_same_rows_draw_the_same_bytes(exhibits, scored):
    again = binary_exhibits("loan", "Loans", "贷款", *scored.rows, scored.window)
    assert all(again[name] == exhibit for name, exhibit in exhibits.items())


def test_without_both_outcomes_nothing_is_ranked(scored):
    found = moved(scored, y=np.zeros(len(scored.rows[0]), np.int8))
    assert list(found) == ["calibration", "scores", "stability"]


def test_a_score_that_is_no_probability_is_not_called_calibrated(scored):
    assert "calibration" not in moved(scored, p=scored.rows[1] * 1000 - 7)


@pytest.mark.parametrize("p", [
    pytest.param(np.zeros, id="all-equal-at-nought"), pytest.param(np.ones, id="all-equal-at-one"),
    pytest.param(lambda n: np.arange(n) % 2 * 0.5, id="two-values"),
])  # fmt: skip
def test_scores_of_few_values_are_drawn_too(scored, p):
    found = moved(scored, p=p(len(scored.rows[0])))
    assert len(found["bands"].rows) <= 2


def test_no_rows_show_nothing(scored):
    none = {name: np.empty(0, np.int64) for name in ("y", "p", "plain", "at")}
    assert moved(scored, **none) == {}


def test_equal_scores_share_a_band():
    p = np.repeat([0.1, 0.2, 0.9], [50, 30, 20])
    rows = Scored("", "", np.zeros(100, np.int8), p, p, np.zeros(100, np.int64), {})
    assert [set(p[group]) for group in rows.bands()] == [{0.1}, {0.2}, {0.9}]


def test_a_jeffreys_interval_holds_the_rate_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = [
        low <= 0.05 <= high
        for low, high in (rate_interval(int(k), 200) for k in rng.binomial(200, 0.05, 2000))
    ]
    assert 0.92 < np.mean(inside) < 0.98


def test_quiet_months_stay_below_the_noise_floor():
    rng = np.random.default_rng(2)
    found = [psi(rng.normal(size=2000), rng.normal(size=300)) for _ in range(400)]
    share = np.mean([value <= noise for value, noise in found])
    assert 0.92 < share < 0.98


def test_a_shift_is_seen_in_the_month_it_happens(scored):
    _, p, _, at = scored.rows
    june = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp() * 1e6)
    table = moved(scored, p=np.where(at >= june, np.sqrt(p), p))["stability"]
    verdicts = {row[0]: row[-1] for row in table.rows}
    assert verdicts["2025-01"] == "reference"
    assert verdicts["2025-05"] == "stable"
    assert verdicts["2025-06"] == "act"


def test_one_period_alone_is_not_called_stable(scored):
    y, _, _, _ = scored.rows
    found = moved(scored, at=np.zeros(len(y), np.int64))["stability"]
    assert "one period only" in found.title
    assert found.rows[0][-1] == "reference"


def test_training_rows_serve_as_reference_where_they_are_given(scored):
    y, p, plain, _ = scored.rows
    rows = Scored("x", "x", y, p, plain, np.zeros(len(y), np.int64), scored.window)
    assert stability(rows, trained_on=p).rows[0][-1] == "stable"


@pytest.mark.parametrize(("days", "rows", "named"), [
    pytest.param(300, 3000, "1970-01", id="months"),
    pytest.param(900, 700, "1970 Q1", id="quarters-where-months-are-thin"),
    pytest.param(9000, 90_000, "1970", id="years-where-months-are-many"),
])  # fmt: skip
def test_periods_are_as_fine_as_rows_allow(days, rows, named):
    at = np.linspace(0, days, rows).astype(np.int64) * DAY
    assert periods(at)[0] == named


def test_the_roc_table_starts_with_the_best_and_ends_with_all(exhibits):
    rows = exhibits["loan/roc"].rows
    assert all(found >= share for share, found, _ in rows)
    assert rows[0][0] == 0
    assert rows[-1] == (1, 1, 1)


def test_the_best_tenth_holds_what_lift_says(exhibits, scored):
    y, p, plain, _ = scored.rows
    first, last = exhibits["loan/gains"].rows[0], exhibits["loan/gains"].rows[-1]
    assert first[4] == pytest.approx(lift(y, p), abs=1e-4)
    assert first[5] == pytest.approx(lift(y, p) / 10, abs=1e-4)
    assert first[7] == pytest.approx(lift(y, plain) / 10, abs=1e-4)
    assert last[5:] == (1, 1, 1)


def test_a_calibrated_score_lies_within_its_intervals_and_a_doubled_one_does_not(exhibits, scored):
    title = moved(scored, p=np.minimum(scored.rows[1] * 2, 1))["calibration"].title
    assert "9 of 10 groups within" in exhibits["loan/calibration"].title
    assert int(title.split(" of 10 groups")[0][-1]) <= 3
