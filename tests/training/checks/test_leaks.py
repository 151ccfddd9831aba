"""What a product says of who can take it at all is no leak."""

from types import SimpleNamespace

import numpy as np
import pytest

from training.checks.leaks import KIND, _in_reach

PERSON, COMPANY = 0.0, 1.0
KINDS = np.array([[PERSON], [PERSON], [COMPANY], [COMPANY], [np.nan]], np.float32)


@pytest.mark.parametrize(("label", "looked_at"), [
    pytest.param([0, 0, 1, 0, 0], [False, False, True, True, False], id="of-companies-alone"),
    pytest.param([1, 0, 1, 0, 0], [True, True, True, True, False], id="of-both"),
    pytest.param([1, np.nan, 0, 0, 0], [True, False, False, False, False], id="unknown-outcomes-left-out"),
    pytest.param([0, 0, 0, 0, 0], [True] * 5, id="of-nobody"),
])  # fmt: skip
def test_a_leak_is_looked_for_among_the_kinds_who_have_the_outcome(label, looked_at):
    test = SimpleNamespace(columns=(KIND,), only=lambda names: KINDS)
    assert _in_reach(test, np.array(label, float)).tolist() == looked_at


def test_where_the_kind_is_not_a_column_everybody_counts():
    test = SimpleNamespace(columns=("income_monthly",), only=lambda names: KINDS)
    assert _in_reach(test, np.array([0, 0, 1.0, 0, np.nan])).tolist() == [True] * 4 + [False]
