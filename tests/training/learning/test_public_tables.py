"""The learners on a public table, against the best published figures for it."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import StratifiedKFold

from training.learning.binary import BinaryClassifier
from training.validation import auc

DATA = os.environ.get("BANK_TEST_DATA")


@pytest.mark.skipif(not DATA, reason="BANK_TEST_DATA is unset: no german_credit")
def test_german_credit_is_ranked_as_well_as_published():
    table = pd.read_csv(Path(str(DATA)) / "german_credit/german.data", sep=r"\s+", header=None)
    bad = (table.pop(20) == 2).to_numpy(np.int8)
    said = {"ours": np.zeros(1_000), "scorecard": np.zeros(1_000)}
    for fit, score in StratifiedKFold(5, shuffle=True, random_state=42).split(table, bad):
        model = BinaryClassifier(trials=4).fit(table.iloc[fit], bad[fit])
        said["ours"][score] = model.predict_proba(table.iloc[score])[:, 1]
        said["scorecard"][score] = model.candidate_probability(table.iloc[score])["scorecard"]
    assert auc(bad, said["ours"]) >= 0.785
    assert auc(bad, said["scorecard"]) >= 0.775
