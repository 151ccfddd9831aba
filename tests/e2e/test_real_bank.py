"""The same path on the tables of a real bank (PKDD'99, Berka), where they are at hand."""

import os
from pathlib import Path

import pytest

from tests.e2e.conftest import finished

BERKA = Path(os.environ.get("BANK_TEST_DATA", "")) / "berka"
pytestmark = pytest.mark.skipif(
    "BANK_TEST_DATA" not in os.environ, reason="BANK_TEST_DATA is not set: no Berka tables"
)


def test_loans_of_a_real_bank_are_scored_out_of_time(tmp_path):
    printed = finished(tmp_path / "home", "--data", str(BERKA)).printed
    loans = printed["models"]["credit_risk"]["application"]
    low, high = loans["auc_interval"]
    assert (loans["n_train"], loans["n_test"], loans["positives_test"]) == (328, 354, 30)
    assert 0.80 < low < loans["auc_out_of_time"] < high < 0.99
    assert "behaviour" in printed["models"]["credit_risk"]["left_out"]
    assert "credit_risk" in printed["promotion"]["promoted"]
