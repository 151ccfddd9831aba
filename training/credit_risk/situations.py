"""The two situations of credit: who is observed when, with what outcome, and how time parts them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.features.services import SERVICES
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk.level import Young, shown_by
from training.dataset import Dataset, TooLittleData, iso, load, quarters, spine_table, with_request
from training.labels import (
    DEFAULT,
    I64,
    RUNNING,
    History,
    application_default,
    behaviour_default,
    micros,
    times,
)
from training.learning.trees import F32
from training.validation import F64, Labels

SERVICE = "credit_risk_v1"
IN_CHINESE = {"application": "申请", "behaviour": "行为"}


@dataclass(frozen=True)
class Seasoning:
    """Loans granted before the test rows whose year was not over: which rows, what has shown of them."""

    rows: npt.NDArray[np.bool_]
    shown: F64
    seen: int


@dataclass(frozen=True)
class Situation:
    """Rows of one situation with their outcome and the time that parts training from test."""

    name: str
    rows: Dataset
    bad: Labels
    train: npt.NDArray[np.bool_]
    test: npt.NDArray[np.bool_]
    seasoning: Seasoning | None = None

    def young(self, columns: tuple[str, ...]) -> Young | None:
        """The loans too young to train on that tell the level of default before the test rows."""
        if self.seasoning is None or not self.seasoning.rows.any():
            return None
        told = self.seasoning
        return Young(self.matrix(columns, told.rows), told.shown, told.seen)

    @property
    def y(self) -> Labels:
        """The outcomes of the training rows."""
        return self.bad[self.train]

    @property
    def y_test(self) -> Labels:
        """The outcomes of the test rows."""
        return self.bad[self.test]

    def matrix(self, columns: tuple[str, ...], chosen: npt.NDArray[np.bool_]) -> F32:
        """Those columns of the chosen rows."""
        return self.rows.rows(chosen).only(columns)

    @property
    def window(self) -> dict[str, str]:
        """The span of the test rows."""
        return _span(self.rows.as_of[self.test])

    @property
    def training_window(self) -> dict[str, str]:
        """The span of the training rows."""
        return _span(self.rows.as_of[self.train])


def _span(at: I64) -> dict[str, str]:
    return {"from": iso(int(at.min())), "to": iso(int(at.max()))}


def applications(settings: Settings, source: Source) -> Situation:
    """Granted requests with what was known at the moment of asking.

    With a label horizon the test rows are the last quarter of the time in which outcomes are known,
    and training rows were judged before it; where a loan's latest status is the label, the last third
    of the source's time is the test.
    """
    if not source.has("loans"):
        raise TooLittleData("application", "there are no loans")
    history = History(settings.raw, source, settings.threads)
    requests = application_default(history)
    rows = with_request(settings, SERVICE, requests)
    bad, at = np.asarray(requests["bad"].to_numpy(), np.int8), times(requests)
    by_status = not (source.has("repayments") and source.has("applications"))
    start, horizon = micros(source.starts), 0 if by_status else DEFAULT.horizon
    usable = history.end - horizon
    border = next_month(usable - (usable - start) // (3 if by_status else 4))
    judged = np.asarray(requests["judged_us"].to_numpy(), np.int64)
    training, test = parted(at, judged, border)
    season = None if by_status else seasoned(requests, training, at, border)
    return Situation("application", rows, bad, training, test, season)


def seasoned(requests: pa.Table, training: npt.NDArray[np.bool_], at: I64, border: int) -> Seasoning:
    """What had shown by the border of loans granted before it whose year ended after it.

    >>> day, granted = 86_400_000_000, np.array([0, 0, 390, 400])
    >>> known = pa.table({"granted_us": granted * day, "judged_us": (granted + 365) * day,
    ...                   "defaulted_us": pa.array([100 * day, None, 490 * day, 600 * day])})
    >>> found = seasoned(known, np.array([True, True, False, False]), granted * day, 500 * day)
    >>> found.rows.tolist(), found.shown.tolist(), found.seen
    ([False, False, True, True], [1.0, 1.0], 1)
    """
    granted, judged, defaulted = (
        np.asarray(pc.fill_null(requests[name], np.iinfo(np.int64).max).to_numpy(), np.int64)
        for name in ("granted_us", "judged_us", "defaulted_us")
    )
    rows = (at < border) & (granted < border) & (judged > border)
    bad = training & (defaulted < judged)
    shown = shown_by(border - granted[rows], defaulted[bad], granted[bad])
    return Seasoning(rows, shown, int((defaulted[rows] < border).sum()))


def parted(at: I64, judged: I64, border: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Training rows, judged by the border at the latest, and test rows, asked from the border on.

    >>> asked, judged = np.array([0, 1, 5, 6]), np.array([4, 6, 9, 10])
    >>> [part.tolist() for part in parted(asked, judged, border=5)]
    [[True, False, False, False], [False, False, True, True]]
    """
    return (at < border) & (judged <= border), at >= border


def running_loans(settings: Settings, source: Source) -> Situation:
    """Customers with a running loan at the quarter starts; the last one whose year is known tests."""
    if not (source.has("loans") and source.has("repayments")):
        raise TooLittleData("behaviour", "the source has no repayments, so days past due are unknown")
    history = History(settings.raw, source, settings.threads)
    known = [at for at in quarters(source) if at + DEFAULT.horizon <= history.end]
    owners = history.ask("SELECT DISTINCT customer_id FROM loans ORDER BY 1")["customer_id"].to_pylist()
    everybody = spine_table(owners * len(known), np.repeat(np.array(known, np.int64), len(owners)))
    rows = load(settings, SERVICE, SERVICES[SERVICE], everybody.filter(history.marked(RUNNING, everybody)))
    bad = behaviour_default(history, rows.spine)
    moments = np.unique(rows.as_of[bad >= 0])
    if len(moments) < 2 or moments[0] + DEFAULT.horizon > moments[-1]:
        raise TooLittleData("behaviour", "the data is too short for two separate years of outcome")
    last = int(moments[-1])
    train = (bad >= 0) & (rows.as_of + DEFAULT.horizon <= last)
    return Situation("behaviour", rows, bad, train, (bad >= 0) & (rows.as_of == last))


def next_month(at: int) -> int:
    """The first instant of a month at or after a time in microseconds.

    >>> iso(next_month(micros("1996-12-31T16:00:00+00:00")))
    '1997-01-01T00:00:00+00:00'
    """
    moment = datetime.fromisoformat(iso(at))
    first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if first == moment:
        return at
    following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return int(following.timestamp()) * 1_000_000
