"""Tables of any kind as inputs."""

import numpy as np
import pandas as pd
import pytest

from training.learning.inputs import Inputs, UnreadableColumn, is_text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param([1, 2, 3], False, id="whole"),
        pytest.param([1.5, None, 3.0], False, id="floats-with-a-gap"),
        pytest.param([True, False, True], False, id="yes-and-no"),
        pytest.param(["a", None, "b"], True, id="words-with-a-gap"),
        pytest.param(pd.Categorical(["a", "b", "a"]), True, id="categories"),
        pytest.param(pd.array(["a", None, "b"], dtype="string"), True, id="strings"),
        pytest.param(pd.array([1, None, 3], dtype="Int64"), False, id="nullable-whole"),
        pytest.param(np.array([1, 2.5, None], object), False, id="numbers-as-objects"),
        pytest.param(np.array([1, "x", None], object), True, id="mixed-as-words"),
    ],
)
def test_a_column_is_numbers_or_words(values, text: bool):
    column = Inputs.of(pd.DataFrame({"x": values}))["x"]
    assert is_text(column) == text
    assert column.dtype == (object if text else np.float32)
    gone = pd.isna(pd.Series(values)).to_numpy()
    assert pd.isna(column).tolist() == gone.tolist()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([np.inf, 1.0], id="infinite"),
        pytest.param([1e300, 1.0], id="too-large-for-float32"),
        pytest.param(pd.to_datetime(["2024-01-01", "2024-01-02"]), id="dates"),
        pytest.param([[1], [2]], id="lists"),
    ],
)
def test_what_is_neither_is_refused_by_name(values):
    with pytest.raises(UnreadableColumn, match="'x'"):
        Inputs.of(pd.DataFrame({"x": values}))
