"""Two plain models beside ours, untuned: "lr" a logistic regression, "hgb" scikit-learn's boosting."""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from training.validation import F64, Labels

SEED, MOST_LEVELS = 42, 250
GONE = "(missing)"


def lr(frame: pd.DataFrame) -> Pipeline:
    """Median impute, scale, one-hot, logistic regression."""
    numbers, words = _parted(frame)
    scaled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    columns = ColumnTransformer([
        ("numbers", scaled, numbers),
        ("words", OneHotEncoder(handle_unknown="ignore"), words),
    ])  # fmt: skip
    return make_pipeline(columns, LogisticRegression(max_iter=2_000))


def hgb(frame: pd.DataFrame) -> Pipeline:
    """HistGradientBoosting: 200 iterations, learning rate .05, 15 leaves; categories as such."""
    _, words = _parted(frame)
    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_LEVELS
    )
    steps = [
        (str(at), ordinal if name in words else "passthrough", [name])
        for at, name in enumerate(frame.columns)
    ]
    model = HistGradientBoostingClassifier(
        max_iter=200, learning_rate=0.05, max_leaf_nodes=15, random_state=SEED,
        categorical_features=[at for at, name in enumerate(frame.columns) if name in words],
    )  # fmt: skip
    return make_pipeline(ColumnTransformer(steps), model)


BASELINES: Mapping[str, Callable[[pd.DataFrame], Pipeline]] = {"lr": lr, "hgb": hgb}


def probabilities(name: str, train: pd.DataFrame, y: Labels, test: pd.DataFrame) -> F64:
    """Fit a baseline on one part, and the chance of the event on the other."""
    words = _parted(train)[1]
    train, test = (part.fillna(dict.fromkeys(words, GONE)) if words else part for part in (train, test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a baseline of bad columns may end early
        warnings.simplefilter("ignore", RuntimeWarning)
        with threadpool_limits(1):  # two threads gain little when alone and lose much on a busy machine
            fitted = BASELINES[name](train).fit(train, y)
            return np.asarray(fitted.predict_proba(test)[:, 1], np.float64)


def _parted(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The names of the numbers, and of the categories."""
    words = [str(name) for name in frame.columns if frame[name].dtype == object]
    return [str(name) for name in frame.columns if name not in words], words
