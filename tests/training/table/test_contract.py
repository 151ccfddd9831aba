"""Bad input ends in a sentence that names the column, or stands in the report; never a silent number."""

import re

import numpy as np
import pandas as pd
import pytest

from tests.training.table.conftest import loans
from training.table.errors import NothingToLearnFrom, TableError, UnknownColumn, UnusableTarget
from training.table.identity import LEAST_ROWS
from training.table.splits import parted

N = 400


def with_column(values, name: str = "x") -> pd.DataFrame:
    return loans(N).assign(**{name: values})


ALMOST = np.where(np.random.default_rng(2).random(N) < 0.01, 1, 0)
BAD = loans(N)["bad"].to_numpy()
RNG = np.random.default_rng(1)
DAYS = pd.Timestamp(2020, 1, 1) + pd.to_timedelta(RNG.integers(0, 900, N), unit="D")


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        pytest.param(loans(N).assign(bad=1), UnusableTarget, r"only one value, '1'", id="one-class"),
        pytest.param(loans(N).assign(bad=np.nan), UnusableTarget, "no value at all", id="no-target-at-all"),
        pytest.param(loans(N).assign(bad=RNG.choice(["a", "b", "c"], N)), UnusableTarget,
                     r"has 3 values, .*'b' .*--positive c", id="three-values"),
        pytest.param(loans(5), TableError, "only one value|Too little", id="five-rows"),
        pytest.param(loans(N)[["bad"]].assign(k=7), NothingToLearnFrom, "constant: 'k'", id="constant"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused(agree, frame, error, said):
    def learn() -> None:
        table = agree(frame)
        parted("5-fold", table.y, table.groups, None)

    with pytest.raises(error, match=said):
        learn()


@pytest.mark.parametrize(
    ("frame", "column", "said"),
    [
        pytest.param(with_column(7), "x", "constant", id="constant"),
        pytest.param(with_column(np.nan), "x", "all missing", id="all-missing"),
        pytest.param(with_column("?"), "x", "all missing", id="all-a-word-for-missing"),
        pytest.param(with_column(np.arange(N) * 1e38), "x", "beyond 1e+37", id="huge-numbers"),
        pytest.param(with_column(np.arange(N)), "x", "running number", id="running-number"),
        pytest.param(
            with_column(np.arange(N)[::-1] * 37, "customer_id"), "customer_id", "an id", id="id-by-name"
        ),
        pytest.param(with_column([f"c-{i:x}" for i in range(N)]), "x", "an id", id="id-as-text"),
        pytest.param(
            with_column([f"the loan of client {i}" for i in range(N)]), "x", "free text", id="free-text"
        ),
        pytest.param(with_column(BAD), "x", "equals the target", id="equals-the-target"),
        pytest.param(with_column(np.where(BAD, "lost", "fine")), "x", "equals", id="target-renamed"),
        pytest.param(with_column(np.where(BAD, np.nan, 5.0)), "x", "equals", id="missing-where-bad"),
        pytest.param(with_column(BAD * 10 + RNG.random(N)), "x", "equals", id="a-number-that-decides"),
    ],
)
def test_what_is_no_feature_is_left_out_and_said(agree, frame, column, said):
    table = agree(frame)
    assert column not in table.features
    assert set(table.features) == {"income", "age", "job"}
    assert any(said in warning and f"'{column}'" in warning for warning in table.warnings)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        pytest.param(with_column(BAD ^ ALMOST), "Suspected leak: 'x'", id="leak"),
        pytest.param(with_column(np.where(RNG.random(N) < 0.3, 999, RNG.integers(0, 28, N))),
                     r"codes .* x 999", id="999"),
        pytest.param(with_column(RNG.choice([-9, -8, -7, 5, 30, 81], N)), r"x -9 .*-8 .*-7", id="-9"),
        pytest.param(with_column(RNG.choice([96, 98, 0, 1, 2, 3, 5], N)), r"x 96 .*98", id="96-and-98"),
        pytest.param(with_column(RNG.choice(["?", "a", "b"], N)), r"'\?'", id="question-mark"),
        pytest.param(with_column(RNG.choice(["unknown", "a", "b"], N)), "x 'unknown'", id="unknown"),
        pytest.param(with_column(np.r_[["n/k"] * 4, np.arange(N - 4) % 9]), "'n/k': read as miss", id="text"),
        pytest.param(with_column(DAYS.strftime("%d.%m.%Y")), "Dates read as days since", id="dates-as-text"),
        pytest.param(with_column(np.r_[50_000, RNG.random(N - 1)]), "outliers: x 50,000", id="outlier"),
        pytest.param(with_column(np.where(RNG.random(N) < 0.3, np.nan, 1)), "Much is missing: x", id="gaps"),
        pytest.param(pd.concat([loans(N), loans(N)[:9]]), "9 are copies", id="copies"),
        pytest.param(loans(N).assign(bad=np.where(np.arange(N) < 7, np.nan, BAD)), "7 rows have no target",
                     id="target-missing"),
        pytest.param(loans(N).assign(bad=BAD + 1), "event is '2', the larger", id="event-guessed"),
        pytest.param(loans(N).assign(bad=np.where(BAD, "lost", "fine")), "the rarer", id="event-by-rarity"),
    ],
)  # fmt: skip
def test_what_deserves_a_look_stands_in_the_report(agree, frame, said):
    table = agree(frame)
    assert [warning for warning in table.warnings if re.search(said, warning)], table.warnings


def test_a_clean_table_gives_no_warning(agree):
    assert agree(loans(N)).warnings == ()


@pytest.mark.parametrize(
    ("values", "positive", "event", "rate"),
    [
        pytest.param(["0", "1", "1.0"], None, "1", 2 / 3, id="zero-one"),
        pytest.param(["no", "Yes", "no"], None, "Yes", 1 / 3, id="yes-no"),
        pytest.param(["1", "2", "1"], None, "2", 1 / 3, id="the-larger-number"),
        pytest.param(["1", "2", "1"], "1", "1", 2 / 3, id="asked-for"),
        pytest.param(["A", "B", "D"], "B,D", "B or D", 2 / 3, id="several-asked-for"),
    ],
)
def test_the_event_is_found_or_asked_for(agree, values, positive, event, rate):
    frame = loans(N).assign(bad=(values * N)[:N])[: N // 3 * 3]
    table = agree(frame, positive=positive)
    assert table.event == event
    assert table.y.mean() == pytest.approx(rate)


def test_an_event_the_target_does_not_have_is_refused(agree):
    with pytest.raises(UnusableTarget, match=r"no value 'bad'; it has '0'"):
        agree(loans(N), positive="bad")


@pytest.mark.parametrize("option", ["target", "time", "protected", "exclude"])
def test_a_column_that_is_not_there_is_named_with_its_neighbour(agree, option):
    with pytest.raises(UnknownColumn, match=f"--{option} names 'incme'.*mean 'income'"):
        agree(loans(N), **{option: "incme"})


@pytest.mark.parametrize("option", ["time", "protected", "exclude"])
def test_the_target_can_be_nothing_else(agree, option):
    with pytest.raises(UnusableTarget, match=f"'bad' is also named by --{option}"):
        agree(loans(N), **{option: "bad"})


def test_protected_excluded_and_time_columns_are_no_features(agree):
    table = agree(loans(N).assign(at=DAYS), protected="age", exclude="job", time="at")
    assert set(table.features) == {"income"}
    assert table.excluded == {"job": "--exclude", "age": "--protected", "at": "--time"}
    assert set(table.protected) == {"age"}


def test_dates_become_ages_at_the_rows_own_time(agree):
    opened = DAYS - pd.to_timedelta(np.arange(N), unit="D")
    table = agree(loans(N).assign(at=DAYS, opened=opened), time="at")
    assert table.features["opened"].numbers.tolist() == list(range(N))


def test_a_date_after_the_rows_own_time_is_a_suspected_leak(agree):
    closed = DAYS + pd.to_timedelta(30, unit="D")
    table = agree(loans(N).assign(at=DAYS, closed=closed), time="at")
    assert any("Suspected leak: 'closed'" in warning for warning in table.warnings)


def test_rows_of_one_customer_are_one_group(agree):
    table = agree(loans(N).assign(client_id=np.arange(N) // 2))
    assert "client_id" not in table.features
    assert len(np.unique(table.groups)) == N // 2


def test_copies_are_one_group_but_coincidences_are_not(agree):
    frame = pd.concat([loans(N), loans(N)[:9]])
    assert len(np.unique(agree(frame).groups)) == N
    few = pd.DataFrame({"a": RNG.integers(0, 2, N), "b": RNG.integers(0, 3, N), "bad": BAD})
    table = agree(few)
    assert len(np.unique(table.groups)) == N
    assert any("count as different customers" in warning for warning in table.warnings)


def test_an_id_needs_some_rows_to_be_told_from_chance(agree):
    frame = loans(LEAST_ROWS - 1).assign(customer_id=range(LEAST_ROWS - 1), bad=[0, 1] * 9 + [0])
    assert "customer_id" in agree(frame).features
