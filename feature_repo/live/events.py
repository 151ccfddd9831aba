"""One line, one event: a row of a raw table as JSON, read strictly, or a fault that names no value."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from feature_repo.raw.contracts import BY_NAME, Column, Kind, Table

PUSHED = (
    "customers", "accounts", "account_owners", "bookings", "holdings", "interactions", "loans", "repayments",
    "applications", "offers", "consents", "bureau",
)  # fmt: skip
LONGEST = 200  # characters of an identifier or a code
AHEAD = timedelta(minutes=5)  # clocks differ
FIRST_YEAR = 1900
MONEY_DIGITS = 16
INTEGERS = 2**63
MOST_DIGITS = 40  # of a whole number in JSON; a longer one is no number that any column takes
HAPPENED = ("recorded_at", *(BY_NAME[table].event for table in PUSHED if table != "repayments"))
CURRENCY = re.compile(r"[A-Z]{3}")
NUMERIC = re.compile(r"[+-]?\d{1,20}(\.\d{1,12})?", re.ASCII)


@dataclass(frozen=True)
class Event:
    """A row of a raw table as it came, known to the bank since `at`; what was not given is not there."""

    line: int
    table: Table
    values: Mapping[str, Any]
    at: datetime

    @property
    def key(self) -> tuple[str, ...]:
        """The table and the values of its natural key as far as they are given: what makes it this event."""
        return self.table.name, *(_said(self.values.get(column)) for column in self.table.key)

    def text(self) -> bytes:
        """The event as a line that `read_event` reads to the same values; equal events, equal bytes.

        >>> at = datetime(2026, 1, 2, tzinfo=UTC)
        >>> read_event(1, b'{"amount": 5, "table": "bookings", "channel": null}', at).text()
        b'{"amount":"5.00","table":"bookings"}'
        """
        values = {name: _plain(value) for name, value in self.values.items()}
        told = {**values, "table": self.table.name}
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True)
class Refused:
    """A line that is no event: where, which column, what kind of value, why; never the value."""

    line: int
    column: str
    value_class: str
    reason: str


class _Fault(ValueError):
    def __init__(self, column: str, value_class: str, reason: str) -> None:
        self.told = (column, value_class, reason)


def read_event(line: int, text: bytes, now: datetime) -> Event | Refused:
    """The event of that line: `{"table": "bookings", "booking_id": ..., ...}`.

    Money is a number or a string with at most two decimals; times are ISO 8601 with their offset.

    >>> at = datetime(2026, 1, 2, tzinfo=UTC)
    >>> read_event(1, b'{"table": "bookings", "amount": "-12.5"}', at).values
    {'amount': Decimal('-12.50')}
    >>> read_event(2, b'{"table": "bookings", "amount": 0.001}', at)
    Refused(line=2, column='amount', value_class='number', reason='more than two decimals')
    """
    try:
        said = read_json(text)
    except _Fault as fault:
        return Refused(line, *fault.told)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError, ValueError):
        return Refused(line, "", "text", "the line is not JSON")
    return read_row(line, said, now)


def read_json(text: bytes) -> Any:
    """JSON in UTF-8 with exact numbers; ValueError for what is none, or gives a key of an object twice."""
    return json.loads(
        text.decode("utf-8"),
        parse_float=Decimal,
        parse_int=_whole,
        parse_constant=_NotFinite,
        object_pairs_hook=_once,
    )


def read_row(line: int, said: Any, now: datetime) -> Event | Refused:
    """The event that an object of `read_json` tells, known to the bank since `now`."""
    try:
        return _event(line, said, now)
    except _Fault as fault:
        return Refused(line, *fault.told)


def _event(line: int, said: Any, now: datetime) -> Event:
    if not isinstance(said, dict):
        raise _Fault("", type(said).__name__, "the line is no JSON object")
    name = said.get("table")
    if not isinstance(name, str) or name not in PUSHED:
        raise _Fault("table", "unknown code", f"no table that takes events: {', '.join(PUSHED)}")
    table, row = BY_NAME[name], {key: value for key, value in said.items() if key != "table"}
    known = {column.name: column for column in table.columns}
    if unknown := row.keys() - known.keys():
        reason = f"{len(unknown)} given that table {name} does not have; it has {', '.join(known)}"
        raise _Fault("", "unknown column", reason)
    values = {key: _value(known[key], value, now) for key, value in row.items()}
    return Event(line, table, {key: value for key, value in values.items() if value is not None}, now)


def _value(column: Column, value: Any, now: datetime) -> Any:
    if value is None:
        return None
    if isinstance(value, _NotFinite):
        raise _Fault(column.name, "not finite", "NaN and infinity are no numbers here")
    read: Any = _READERS[column.kind](column, value)
    if column.allowed and read not in column.allowed:
        raise _Fault(column.name, "unknown code", f"none of {', '.join(column.allowed)}")
    if column.least is not None and read < column.least:
        raise _Fault(column.name, "too small", f"below {column.least:g}")
    if column.most is not None and read > column.most:
        raise _Fault(column.name, "too large", f"above {column.most:g}")
    if column.name == "currency" and not CURRENCY.fullmatch(read):
        raise _Fault(column.name, "unknown code", "not three capital letters (ISO 4217)")
    if column.name in HAPPENED and read > now + AHEAD:
        raise _Fault(column.name, "future time", "later than now")
    return read


def _text(column: Column, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise _Fault(column.name, type(value).__name__, "not text")
    if "\0" in value or not value.isprintable():
        raise _Fault(column.name, "control character", "text with control characters")
    if len(value) > LONGEST:
        raise _Fault(column.name, "too long", f"more than {LONGEST} characters")
    return value


def _decimal(column: Column, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        raise _Fault(column.name, type(value).__name__, "not a number")
    if isinstance(value, str) and not NUMERIC.fullmatch(value):
        raise _Fault(column.name, "text", "not a number")
    try:
        number = Decimal(value)
    except InvalidOperation as error:
        raise _Fault(column.name, "text", "not a number") from error
    if not number.is_finite() or number.adjusted() >= MONEY_DIGITS:
        raise _Fault(column.name, "too large", f"more than {MONEY_DIGITS} digits before the point")
    return number


def _money(column: Column, value: Any) -> Decimal:
    number = _decimal(column, value)
    if number != round(number, 2):
        raise _Fault(column.name, "number", "more than two decimals")
    return number.quantize(Decimal("0.01")) + 0  # no minus before zero


def _number(column: Column, value: Any) -> float:
    return float(_decimal(column, value))


def _integer(column: Column, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= INTEGERS:
        raise _Fault(column.name, type(value).__name__, "not a whole number of 64 bits")
    return value


def _flag(column: Column, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Fault(column.name, type(value).__name__, "not true or false")
    return value


def _time(column: Column, value: Any) -> datetime:
    text = _text(column, value)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise _Fault(column.name, "impossible date", "not an ISO 8601 time") from error
    if time.tzinfo is None:
        raise _Fault(column.name, "naive time", "a time without its offset from UTC")
    if time.year < FIRST_YEAR:
        raise _Fault(column.name, "out of range", f"before {FIRST_YEAR}")
    return time.astimezone(UTC)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Fault("", "repeated column", "a column is given twice")
    return found


class _NotFinite(str):
    """NaN or an infinity, which JSON does not know and Python reads."""


def _whole(text: str) -> int | Decimal:
    return int(text) if len(text) <= MOST_DIGITS else Decimal(text)


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _said(value: Any) -> str:
    return "" if value is None else str(_plain(value))


_READERS = {
    Kind.ID: _text, Kind.CODE: _text, Kind.TEXT: _text, Kind.MONEY: _money, Kind.NUMBER: _number,
    Kind.INTEGER: _integer, Kind.FLAG: _flag, Kind.TIME: _time,
}  # fmt: skip
