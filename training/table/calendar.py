"""Dates as files write them, read as days since 1970-01-01."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.validation import F64

ISO = "ISO8601"
FORMATS = (
    "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M:%S", "%Y/%m/%d", "%Y%m%d", "%d-%m-%Y", "%m-%d-%Y", "%Y-%m", "%b-%Y", "%b-%y", "%d-%b-%Y",
    "%d%b%Y", "%d-%b-%y", "%b %d %Y", "%b %d, %Y", "%d %b %Y", "%Y年%m月%d日", "%y%m%d %H:%M:%S",
    "%y%m%d",
)  # fmt: skip
LIKE_ISO = r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
DAY_NS = 86_400 * 10**9
MOSTLY = 0.98
FIRST, LAST = pd.Timestamp(1900, 1, 1), pd.Timestamp(2200, 1, 1)


@dataclass(frozen=True)
class Dated:
    """How a column writes its dates; `ambiguous` when day and month could as well be the other way round."""

    format: str
    ambiguous: bool = False

    def parse(self, texts: pd.Series) -> F64:
        """Days since 1970-01-01, NaN where a text is no date.

        >>> Dated("%d.%m.%Y").parse(pd.Series(["02.01.1970", "x"])).tolist()
        [1.0, nan]
        """
        if self.format == ISO:
            like = texts.where(texts.str.fullmatch(LIKE_ISO))
            at = pd.to_datetime(like, format=ISO, errors="coerce", utc=True).dt.tz_localize(None)
        else:
            width = {"%Y%m%d": 8, "%y%m%d": 6}.get(self.format)
            like = texts if width is None else texts.where(texts.str.fullmatch(rf"\d{{{width}}}"))
            at = pd.to_datetime(like, format=self.format, errors="coerce")
        return days_of(at.where((at >= FIRST) & (at < LAST)))


ISO_DATES = Dated(ISO)


def days_of(at: pd.Series) -> F64:
    """Times as days since 1970-01-01, NaN where there is none."""
    whole = at.astype("datetime64[ns]")
    return np.where(whole.isna(), np.nan, whole.to_numpy().astype(np.int64) / DAY_NS)


def dated(texts: pd.Series, short: bool = False) -> Dated | None:
    """How these texts are dates, or None; six digits (970131) count only when a date is expected (`short`).

    >>> dated(pd.Series(["1997-01-31", "1998-12-01 10:00"])), dated(pd.Series(["31/01/1997"]))
    (Dated(format='ISO8601', ambiguous=False), Dated(format='%d/%m/%Y', ambiguous=False))
    >>> dated(pd.Series(["970131"])), dated(pd.Series(["970131"]), short=True).format
    (None, '%y%m%d')
    """
    few = texts if len(texts) <= 400 else texts.iloc[np.linspace(0, len(texts) - 1, 400).astype(int)]
    if not few.str.contains(r"\d{2}").mean() >= MOSTLY:
        return None
    fitting = [
        one for one in (ISO, *FORMATS)
        if (short or one != "%y%m%d") and np.mean(~np.isnan(Dated(one).parse(few))) >= MOSTLY
    ]  # fmt: skip
    if not fitting:
        return None
    both = any({day, day.replace("%d", "?").replace("%m", "%d").replace("?", "%m")} <= set(fitting)
               for day in fitting if day.startswith("%d") and "%m" in day)  # fmt: skip
    return Dated(fitting[0], both)
