import gzip
from pathlib import Path

import pandas as pd
import pytest

from training.table.errors import UnreadableTable
from training.table.reading import read

ROWS = [("a", "b"), ("1", "x"), ("2", "y"), ("3", "z")]


def lines(sign: str) -> str:
    return "\n".join(sign.join(row) for row in ROWS) + "\n"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(lines(","), "t.csv", id="comma"),
        pytest.param(lines(";"), "t.csv", id="semicolon"),
        pytest.param(lines("\t"), "t.tsv", id="tab"),
        pytest.param(lines("|"), "t.txt", id="pipe"),
        pytest.param(lines("   "), "t.data", id="several-spaces"),
        pytest.param(lines(",").replace("\n", "\r\n"), "t.csv", id="windows-lines"),
        pytest.param("\ufeff" + lines(","), "t.csv", id="byte-order-mark"),
        pytest.param(lines(",").encode("utf-16"), "t.csv", id="utf-16"),
        pytest.param(gzip.compress(lines(";").encode()), "t.csv.gz", id="gzip"),
        pytest.param(lines(",").replace("x", '"x"'), "t.csv", id="quoted"),
    ],
)
def test_the_same_rows_come_out_of_every_form(written, content, name):
    sheet = read(written(content, name))
    assert sheet.names == ["a", "b"]
    assert sheet.columns.to_pydict() == {"a": ["1", "2", "3"], "b": ["x", "y", "z"]}


def test_other_encodings_than_utf_8_are_found(written):
    sheet = read(written("name;n\nMünchen;1\nKöln;2\n".encode("latin-1")))
    assert sheet.columns["name"].to_pylist() == ["München", "Köln"]


def test_a_parquet_file_keeps_its_types(tmp_path: Path):
    pd.DataFrame({"a": [1.5, None], "b": ["x", "y"]}).to_parquet(tmp_path / "t.parquet")
    sheet = read(tmp_path / "t.parquet")
    assert sheet.form == "Parquet"
    assert [str(kind) for kind in sheet.columns.schema.types] == ["double", "string"]


def test_columns_without_names_are_numbered_from_one(written):
    assert read(written("1 x\n2 y\n"), header=False).names == ["column_1", "column_2"]


def test_a_row_of_data_taken_for_names_is_noticed(written):
    (note,) = read(written("6,1169,x\n48,5951,y\n")).notes
    assert "--no-header" in note


def test_names_given_twice_are_made_different_and_said(written):
    sheet = read(written("a,a,\n1,2,3\n"))
    assert sheet.names == ["a", "a_2", "column_3"]
    assert "a_2, column_3" in sheet.notes[0]


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        pytest.param(b"", "t.csv", "it is empty", id="empty"),
        pytest.param(b"PK\x03\x04 more", "t.xlsx", "Excel", id="excel"),
        pytest.param(b"a\n1\n2\n", "t.csv", "no separator", id="one-column"),
        pytest.param(b"a,b\n1,2\n1,2,3\n", "t.csv", "Expected 2 columns, got 3", id="too-many-cells"),
        pytest.param(b"a,b\n1,2\n1\n", "t.csv", "Expected 2 columns, got 1", id="too-few-cells"),
        pytest.param(b"a b\n1 2\n1 2 3\n", "t.data", "row", id="too-many-cells-between-spaces"),
        pytest.param(b"not gzip", "t.csv.gz", "cannot be unpacked", id="no-gzip"),
        pytest.param(b"PAR1 cut off", "t.parquet", "cannot be read", id="broken-parquet"),
        pytest.param(b"a,b\n1,\x00\x00\n", "t.csv", "no text", id="binary"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(written, content, name, said):
    with pytest.raises(UnreadableTable, match=said):
        read(written(content, name))


def test_a_file_that_is_not_there_is_named(tmp_path: Path):
    with pytest.raises(UnreadableTable, match="no such file"):
        read(tmp_path / "none.csv")
