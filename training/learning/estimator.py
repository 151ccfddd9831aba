"""What our binary estimators share: reading tables, labels of any two kinds, probabilities, tags."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from feature_repo.errors import BankError
from training.learning.inputs import Inputs
from training.validation import F64, Labels

Monotone = Mapping[str, int]
Specials = Mapping[str, Sequence[float]]
NO_EVIDENCE = "None of {} columns tells the classes apart beyond chance: every row is given the average odds."


class NotTwoClasses(BankError, ValueError):
    """The target does not hold exactly two classes."""

    def __init__(self, found: Sequence[object]) -> None:
        self.found = list(found)
        said = f"one class only, {self.found}" if len(self.found) == 1 else f"{len(self.found)} classes"
        super().__init__(f"Only binary classification is supported: the target holds {said}. Two are needed.")


class TableClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # sklearn ships no types
    """A binary classifier of tables: float arrays with NaN, or DataFrames with numbers and categories.

    A subclass fits and answers `_margin(rows)`, the log odds of the second class.
    """

    def predict_proba(self, X: object) -> F64:
        """Probabilities (n, 2), the columns in the order of `classes_`."""
        p = 1 / (1 + np.exp(-np.clip(self.decision_function(X), -500, 500)))
        return np.stack([1 - p, p], axis=1)

    def predict(self, X: object) -> npt.NDArray[Any]:
        """The likelier class of each row."""
        likelier = (self.decision_function(X) > 0).astype(int)  # before `classes_`: it checks the fit
        out: npt.NDArray[Any] = self.classes_[likelier]
        return out

    def decision_function(self, X: object) -> F64:
        """The log odds of `classes_[1]`, (n,)."""
        check_is_fitted(self)
        return self._margin(self._rows(X, reset=False))

    def _margin(self, rows: Inputs) -> F64:
        raise NotImplementedError

    def _rows(self, X: object, reset: bool) -> Inputs:
        """The table as inputs; checks names and width against the fit unless `reset`."""
        if isinstance(X, Inputs):
            return X
        if isinstance(X, pd.DataFrame) and len(X) and X.shape[1]:
            validate_data(self, X, reset=reset, skip_check_array=True)
            return Inputs.of(X)
        checked = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        return Inputs.of(checked)

    def _labels(self, y: object, rows: Inputs) -> Labels:
        """0 and 1 for the two classes; `classes_` is set."""
        if y is None:
            raise ValueError(f"{type(self).__name__} requires y to be passed, but the target y is None.")
        target = column_or_1d(y, warn=True)
        check_consistent_length(rows.columns[0], target)
        check_classification_targets(target)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # many classes: said below
            kind = type_of_target(target, input_name="y")
        classes, coded = np.unique(target, return_inverse=True)
        if kind not in ("binary", "multiclass") or len(classes) != 2:
            raise NotTwoClasses(classes.tolist()[:5])
        self.classes_ = classes
        return coded.astype(np.int8)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = False
        tags.classifier_tags.multi_class = False
        return tags
