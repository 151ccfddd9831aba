import json

import numpy as np
import pandas as pd
import pytest

from training.table.command import train_on_table
from training.table.errors import NotOnATable, TooFewRows
from training.table.options import Task


def customers(n: int = 300) -> pd.DataFrame:
    """Three kinds of customers, told apart by income and age; a number and a word that say nothing."""
    rng = np.random.default_rng(4)
    kind = np.arange(n) % 3
    return pd.DataFrame({
        "income": np.array([1_000, 5_000, 9_000])[kind] * rng.normal(1, 0.05, n),
        "age": np.array([25, 70, 40])[kind] + rng.normal(0, 2, n),
        "luck": rng.normal(size=n),
        "town": rng.choice(["north", "south"], n),
        "sex": np.where(kind == 1, "f", rng.choice(["f", "m"], n)),
    })  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    customers().to_csv(folder / "customers.csv", index=False)
    return train_on_table(Task("segmentation", folder / "customers.csv", protected="sex"), folder)


def test_the_kinds_of_customers_are_found_and_stable(found):
    told = json.loads(found.to_json())
    assert told["k"] == 3
    assert [segment["share"] for segment in told["segments"]] == pytest.approx([1 / 3] * 3, abs=0.02)
    assert all(segment["stable"] for segment in told["segments"])
    assert told["fidelity"] > 0.95


def test_each_segment_has_a_rule_and_its_means_beside_those_of_all(found):
    for segment in json.loads(found.to_json())["segments"]:
        assert "income" in segment["rule"] or "age" in segment["rule"]
        assert {"income", "age"} <= segment["means"].keys()


def test_a_segment_that_gives_a_protected_value_away_is_said(found):
    told = json.loads(found.to_json())
    assert told["protected"]["sex"]["f"] > 0.6
    assert any("gives sex away" in warning for warning in told["warnings"])
    assert any("'town'" in warning for warning in told["warnings"])


def test_the_report_is_read_from_top_to_bottom(found):
    lines = found.to_text().splitlines()
    assert any("<- chosen" in line for line in lines)
    assert lines[-1].startswith("Next: ")


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        pytest.param(customers(30), TooFewRows, "at least 100", id="few-rows"),
        pytest.param(customers()[["income", "town"]], NotOnATable, "2 columns of numbers", id="one-number"),
    ],
)
def test_a_table_that_forms_no_segments_is_refused(written, tmp_path, frame, error, said):
    with pytest.raises(error, match=said):
        train_on_table(Task("segmentation", written(frame)), tmp_path)
