import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks
from training.segmentation.segmenter import Segmenter


@parametrize_with_checks([Segmenter(3, starts=2, resamples=1)])
def test_x(estimator, check):
    check(estimator)
