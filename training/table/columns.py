"""One column of a file, understood: what kind of values it holds, and those values."""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from training.table.calendar import ISO_DATES, Dated, dated, days_of
from training.table.numerals import POINT, Style, style_of
from training.validation import F64

MISSING = frozenset({
    "", "?", "na", "n/a", "#n/a", "nan", "null", "<na>", "(null)", "-", "--", ".", "\\n", "missing", "nil",
    "#null!", "#value!", "#div/0!",
})  # fmt: skip
UNSAID = frozenset({
    "unknown", "unk", "xna", "n.a.", "not available", "not stated", "unbekannt", "未知", "不详",
})  # fmt: skip
FLAGS = ({"true": 1.0, "false": 0.0}, {"yes": 1.0, "no": 0.0}, {"y": 1.0, "n": 0.0}, {"t": 1.0, "f": 0.0})

Texts = npt.NDArray[np.object_]


class Kind(StrEnum):
    """What a column's values are."""

    NUMBER = "number"
    FLAG = "flag"
    DATE = "date"
    CATEGORY = "category"


@dataclass(frozen=True)
class Form:
    """How a column's text is read; what training found is kept for the files scored later."""

    kind: Kind
    style: Style = POINT
    dated: Dated = ISO_DATES


@dataclass(frozen=True)
class Column:
    """A column: float64 values (dates as days since 1970-01-01), or for categories text with None.

    `missing` counts the words that stood for nothing, `unread` the texts that fit the kind not at all.
    """

    name: str
    form: Form
    values: F64 | Texts
    missing: dict[str, int]
    unread: dict[str, int]

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return self.form.kind

    @property
    def numbers(self) -> F64:
        """Its values as numbers; only for what is no category."""
        return np.asarray(self.values, np.float64)

    def only(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Column":
        """The column on some of the rows."""
        return replace(self, values=self.values[rows])

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Where there is a value."""
        return np.asarray(pd.notna(self.values))

    @property
    def distinct(self) -> int:
        """How many different values there are."""
        return int(pd.Series(self.values).nunique())


def understood(
    name: str, given: pa.ChunkedArray, decimal_comma: bool = False, is_time: bool = False
) -> Column:
    """The column as what most of its values are."""
    typed = _typed(name, given)
    if typed is not None:
        return typed
    codes, texts, counts, missing = _texts(given)
    told = ~_gone(texts)
    form = _form(name, texts[told], counts[told], decimal_comma, is_time)
    return _read(name, form, codes, texts, counts, missing)


def read_as(name: str, given: pa.ChunkedArray, form: Form) -> Column:
    """The column of another file, read the way training read its own."""
    typed = _typed(name, given)
    if typed is not None and form.kind is not Kind.CATEGORY:
        return typed
    if typed is not None:
        given = pa.chunked_array(
            [pa.array([None if np.isnan(v) else f"{v:g}" for v in typed.values], pa.string())]
        )
    return _read(name, form, *_texts(given))


def _typed(name: str, given: pa.ChunkedArray) -> Column | None:
    """A column that Parquet has a type for; None for text."""
    kind, plain = given.type, dict[str, int]()
    if pa.types.is_temporal(kind) and not pa.types.is_time(kind) and not pa.types.is_duration(kind):
        at = pd.to_datetime(pd.Series(given.to_pandas()), utc=True).dt.tz_localize(None)
        return Column(name, Form(Kind.DATE), days_of(at), plain, plain)
    if pa.types.is_boolean(kind):
        return Column(name, Form(Kind.FLAG), _floats(given), plain, plain)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return Column(name, Form(Kind.NUMBER), _floats(given), plain, plain)
    return None


def _floats(given: pa.ChunkedArray) -> F64:
    values = np.asarray(given.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _texts(given: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], pd.Series, F64, dict[str, int]]:
    """Which text each row holds, the different texts, how often each stands there, and the missing ones."""
    words = pd.Series(given.cast(pa.string()).to_pandas(), dtype=object).fillna("").str.strip()
    codes, found = pd.factorize(words)
    counts = np.bincount(codes, minlength=len(found)).astype(np.float64)
    texts = pd.Series(np.asarray(found, object), dtype=object)
    gone = _gone(texts)
    missing = {str(text): int(n) for text, n in zip(texts[gone], counts[gone], strict=True)}
    return codes, texts, counts, missing


def _gone(texts: pd.Series) -> npt.NDArray[np.bool_]:
    return np.asarray(texts.str.lower().isin(MISSING), bool)


def _form(name: str, texts: pd.Series, counts: F64, decimal_comma: bool, is_time: bool) -> Form:
    lowered = set(texts.str.lower())
    if not len(texts):
        return Form(Kind.NUMBER)
    if len(lowered) == 2 and any(lowered == flags.keys() for flags in FLAGS):
        return Form(Kind.FLAG)
    expected = is_time or "date" in name.lower() or name.lower().endswith("_at")
    if (how := dated(texts, expected)) is not None:
        return Form(Kind.DATE, dated=how)
    said = ~np.asarray(texts.str.lower().isin(UNSAID), bool)
    if said.any() and (style := style_of(texts[said], counts[said], decimal_comma)) is not None:
        return Form(Kind.NUMBER, style)
    return Form(Kind.CATEGORY)


def _read(name: str, form: Form, codes: npt.NDArray[np.int64], texts: pd.Series, counts: F64,
          missing: dict[str, int]) -> Column:  # fmt: skip
    gone = _gone(texts)
    if form.kind is Kind.CATEGORY:
        levels = texts.to_numpy(object, copy=True)
        levels[gone] = None
        return Column(name, form, levels[codes], missing, {})
    values = _parsed(form, texts)
    values[gone] = np.nan
    lost = np.isnan(values) & ~gone
    unread = {str(text): int(n) for text, n in zip(texts[lost], counts[lost], strict=True)}
    return Column(name, form, values[codes], missing, unread)


def _parsed(form: Form, texts: pd.Series) -> F64:
    if form.kind is Kind.DATE:
        return form.dated.parse(texts)
    if form.kind is Kind.NUMBER:
        return form.style.parse(texts)
    known = {word: value for flags in FLAGS for word, value in flags.items()} | {"1": 1.0, "0": 0.0}
    return np.asarray(texts.str.lower().map(known), np.float64)
