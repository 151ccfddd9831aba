import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from training.table.columns import Kind, read_as, understood


def column(*texts: str | None, name: str = "x", decimal_comma: bool = False):
    return understood(name, pa.chunked_array([pa.array(texts, pa.string())]), decimal_comma)


@pytest.mark.parametrize(
    ("texts", "kind", "first"),
    [
        pytest.param(("1", "2.5", "-3e2"), Kind.NUMBER, 1.0, id="numbers"),
        pytest.param(("1,5", "22,75", "3"), Kind.NUMBER, 1.5, id="decimal-comma"),
        pytest.param(("1.234,50", "2,00"), Kind.NUMBER, 1234.5, id="decimal-comma-and-groups"),
        pytest.param(("1,234.50", "2"), Kind.NUMBER, 1234.5, id="groups-of-thousands"),
        pytest.param(("€ 12", "7 %", "$3"), Kind.NUMBER, 12.0, id="signs-around-numbers"),
        pytest.param(("?", "4", "NA", "5"), Kind.NUMBER, np.nan, id="words-for-missing"),
        pytest.param(("unknown", "4", "5"), Kind.NUMBER, np.nan, id="unknown-among-numbers"),
        pytest.param(("yes", "no", "YES"), Kind.FLAG, 1.0, id="yes-and-no"),
        pytest.param(("False", "True"), Kind.FLAG, 0.0, id="true-and-false"),
        pytest.param(("1970-01-02", "1998-12-31"), Kind.DATE, 1.0, id="iso-dates"),
        pytest.param(("02.01.1970", "31.12.1998"), Kind.DATE, 1.0, id="dates-with-dots"),
        pytest.param(("19700102", "19981231"), Kind.DATE, 1.0, id="eight-digits"),
        pytest.param(("Jan-1970", "Dec-1998"), Kind.DATE, 0.0, id="months"),
        pytest.param(("1970-01-02T00:00:00Z", "1998-12-31T10:00:00+02:00"), Kind.DATE, 1.0, id="with-zones"),
        pytest.param(("01234", "98765"), Kind.CATEGORY, "01234", id="postcodes-are-no-numbers"),
        pytest.param(("A11", "A12", ""), Kind.CATEGORY, "A11", id="categories"),
        pytest.param(("yes", "no", "unknown"), Kind.CATEGORY, "yes", id="unknown-is-a-category"),
    ],
)
def test_a_column_is_what_most_of_its_values_are(texts, kind, first):
    found = column(*texts)
    assert found.kind is kind
    assert found.values[0] == first or (np.isnan(first) and np.isnan(found.values[0]))


def test_a_comma_before_three_digits_follows_the_separator_of_the_file():
    assert column("1,234", "5,678").values[0] == 1234
    assert column("1,234", "5,678", decimal_comma=True).values[0] == 1.234


def test_a_text_among_many_numbers_is_missing_and_counted():
    found = column(*["1", "2"] * 30, "n/k")
    assert found.kind is Kind.NUMBER
    assert found.unread == {"n/k": 1}
    assert np.isnan(found.values[-1])


def test_words_for_missing_are_counted_by_word():
    assert column("a", "?", "?", "NA", "").missing == {"?": 2, "NA": 1, "": 1}


def test_six_digits_are_a_date_only_where_one_is_expected():
    assert column("930705", "970131").kind is Kind.NUMBER
    assert column("930705", "970131", name="loan_date").kind is Kind.DATE


def test_a_day_that_may_be_a_month_is_ambiguous():
    assert column("01/02/1997", "03/04/1998").form.dated.ambiguous
    assert not column("31/01/1997", "03/04/1998").form.dated.ambiguous


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param(pa.array([1, None], pa.int32()), Kind.NUMBER, id="integers"),
        pytest.param(pa.array([1.5, float("inf")]), Kind.NUMBER, id="floats"),
        pytest.param(pa.array([True, None]), Kind.FLAG, id="booleans"),
        pytest.param(pa.array(pd.to_datetime(["1970-01-02", None])), Kind.DATE, id="times"),
        pytest.param(pa.array(["x", "y"]).dictionary_encode(), Kind.CATEGORY, id="dictionary"),
    ],
)
def test_types_of_a_parquet_file_are_believed(values, kind):
    found = understood("x", pa.chunked_array([values]))
    assert found.kind is kind
    assert kind is Kind.CATEGORY or np.isnan(found.values[1])


def test_another_file_is_read_as_the_first_one_was():
    form = column("1,5", "2,25").form
    assert read_as("x", pa.chunked_array([["3", "4,75"]]), form).values.tolist() == [3.0, 4.75]
    assert read_as("x", pa.chunked_array([[3.5]]), form).values.tolist() == [3.5]
