"""The truth agrees with what happened: its probabilities, its ranking, its effects."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.raw.generate import make
from feature_repo.raw.generate.needs import RATES, SOLD
from feature_repo.raw.generate.oracle import TASKS, NoSuchTask, auc, effect, score
from feature_repo.raw.generate.truth import TABLES
from feature_repo.raw.source import Source
from training import labels


@pytest.mark.parametrize("task", TASKS)
def test_the_oracle_ranks_what_happened_and_says_how_often(generated, task: str):
    found = score(generated.truth, generated.raw, task)
    assert found.n > 300
    assert 0.72 < found.auc < 0.95
    assert 0.7 < found.seen / found.said < 1.4


@pytest.mark.parametrize("family", ["deposit", "fund"])
def test_the_oracle_of_a_month_beats_the_share_a_family_sells(generated, family: str):
    """A naive score, whether the customer holds the family already, ranks worse."""
    as_of = [datetime(2025, 7, 1, tzinfo=UTC)]
    found = score(generated.truth, generated.raw, f"purchase_{family}", as_of)
    history = labels.History(generated.raw, generated.source)
    spine = spine_of(generated.truth, as_of[0])
    label = labels.purchases(history, spine)[family]
    holds = history.marked(f"""select distinct s.row from spine s join holdings h using (customer_id)
        join products p using (product_id) where p.family = '{family}'
        and epoch_us(h.recorded_at) < s.at""", spine)  # fmt: skip
    naive = auc(holds[label >= 0].astype(float), label[label >= 0] == 1)
    assert found.auc > max(naive, 1 - naive) + 0.05


def spine_of(truth: Path, as_of: datetime) -> pa.Table:
    rows = pq.read_table(truth / "outlook", filters=[("as_of", "=", as_of)])
    return rows.select(["customer_id", "as_of"])


def test_the_oracle_judges_by_the_labels_of_training(generated):
    as_of = datetime(2025, 1, 1, tzinfo=UTC)
    spine, history = spine_of(generated.truth, as_of), labels.History(generated.raw, generated.source)
    theirs = {
        "churn": labels.churn(history, spine),
        **{f"purchase_{name}": label for name, label in labels.purchases(history, spine).items()},
    }
    for task in (task for task in TASKS if task in theirs):
        ours, label = score(generated.truth, generated.raw, task, [as_of]), theirs[task]
        assert ours.n == (label >= 0).sum(), task
        assert ours.seen == pytest.approx((label == 1).sum() / (label >= 0).sum()), task


def test_the_oracle_of_applications_judges_by_the_labels_of_training(generated):
    table = labels.application_default(labels.History(generated.raw, generated.source))
    ours = score(generated.truth, generated.raw, "default_application")
    assert ours.n == table.num_rows
    assert ours.seen == pytest.approx(np.mean(table["bad"].to_numpy()))


def test_the_known_effect_of_offers_lies_in_the_interval_measured_between_the_arms(generated):
    """Over all families together: each alone has a 95 % interval, and would miss once in twenty."""
    found = [effect(generated.truth, generated.raw, family) for family in SOLD]
    known, measured = (sum(getattr(e, name) * e.n for e in found) for name in ("known", "measured"))
    error = np.sqrt(sum((e.n * (e.high - e.low) / 2) ** 2 for e in found))
    assert known > 0
    assert measured - error < known < measured + error
    assert measured - error > 0


def test_what_the_truth_calls_a_default_is_one_in_the_raw_tables(generated):
    history = labels.History(generated.raw, generated.source)
    labels.application_default(history)
    rows = history.ask("""select d.loan_id, d.defaulted from defaults d order by 1""")
    truth = pq.read_table(generated.truth / "loans").sort_by("loan_id").to_pylist()
    end = Source.read(generated.raw).end
    known = {row["loan_id"]: row["default_at"] for row in truth
             if row["default_at"] is not None and row["default_at"] < end}  # fmt: skip
    seen = dict(zip(rows["loan_id"].to_pylist(), rows["defaulted"].to_pylist(), strict=True))
    both = known.keys() & seen.keys()
    assert len(both) > 0.97 * max(len(known), len(seen)) > 50
    assert all(abs(known[loan].timestamp() - seen[loan] / 1e6) < 86_400 * 2 for loan in both)


def test_families_are_wanted_as_often_as_the_rates_say(tmp_path: Path):
    make(6000, 1, tmp_path / "raw", tmp_path / "truth", 6, date(2026, 1, 1))
    month = datetime(2025, 7, 1, tzinfo=UTC)
    rows = pq.read_table(tmp_path / "truth" / "hazards", filters=[("month", "=", month)])
    for family in SOLD:
        assert np.mean(rows[family].to_numpy()) == pytest.approx(RATES[family], rel=0.12), family


def test_the_story_explains_every_column_of_every_file(generated):
    told = json.loads((generated.truth / "truth.json").read_text())["tables"]
    folders = {path.name for path in generated.truth.glob("*/")}
    assert folders == told.keys() - {"wrong_rows"}
    for name in folders:
        fields = pq.read_schema(next((generated.truth / name).iterdir())).names
        assert fields == list(told[name]["columns"]) == list(TABLES[name].columns)


def test_an_unknown_task_is_refused_with_those_there_are(generated):
    with pytest.raises(NoSuchTask, match=r"'luck'.*purchase_savings"):
        score(generated.truth, generated.raw, "luck")
