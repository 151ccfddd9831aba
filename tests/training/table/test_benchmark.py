"""The benchmark of the models says what it needs, and asks for the rows it promises."""

import runpy
from pathlib import Path

import pytest

import training
from feature_repo.errors import BankError

FILE = Path(training.__file__).parents[1] / "tests" / "benchmarks" / "models.py"


def test_without_public_data_the_benchmark_says_what_to_set(monkeypatch):
    monkeypatch.delenv("BANK_TEST_DATA", raising=False)
    with pytest.raises(BankError, match="BANK_TEST_DATA is not set"):
        runpy.run_path(str(FILE))["run"](True)


def test_every_limit_is_of_a_figure_that_some_row_gives():
    bench = runpy.run_path(str(FILE))
    found = {"ours": 0.8, "interval": [0.7, 0.9], "scorecard": 0.8, "lr": 0.7, "hgb": 0.7}
    figures = {name for row in bench["ROWS"] for name, _ in bench["_figures"](row, found)}
    assert bench["LEAST"].keys() <= figures
    assert bench["LEAST_QUICK"].keys() <= figures
    asked = {(row.data, row.protocol) for row in bench["ROWS"]}
    assert set(bench["PUBLISHED"]) | set(bench["QUICK"]) <= asked
