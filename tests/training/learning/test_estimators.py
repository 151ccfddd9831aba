"""scikit-learn's own checks of an estimator, on ours; none is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from training.learning.binary import BinaryClassifier
from training.learning.monotone_boosting import MonotoneBoosting
from training.learning.woe_scorecard import WoEScorecard

ESTIMATORS = [WoEScorecard(), MonotoneBoosting(rounds=30), BinaryClassifier(trials=1)]


@parametrize_with_checks(ESTIMATORS)
@pytest.mark.filterwarnings("ignore:None of:UserWarning")  # the checks fit noise, and we say so
@pytest.mark.filterwarnings("ignore:Skipping check:UserWarning")
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")  # a check casts NaN
def test_it_is_an_estimator_by_scikit_learns_checks(estimator, check):
    check(estimator)
