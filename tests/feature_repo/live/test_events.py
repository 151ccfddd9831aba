from datetime import UTC, datetime

import pytest

from feature_repo.live.events import Event, Refused, read_event

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BOOKING = '"table": "bookings", "booking_id": "b1", "account_id": "a1"'


def refused(text: bytes) -> Refused:
    found = read_event(7, text, NOW)
    assert isinstance(found, Refused), found
    assert found.line == 7
    return found


def test_an_event_is_the_row_it_says() -> None:
    columns = '"amount": -12.5, "is_cash": true, "booked_at": "2026-01-01T09:00:00+08:00", "channel": null'
    text = f"{{{BOOKING}, {columns}}}"
    found = read_event(1, text.encode(), NOW)
    assert isinstance(found, Event)
    assert str(found.values["amount"]) == "-12.50"
    assert found.values["booked_at"] == datetime(2026, 1, 1, 1, tzinfo=UTC)
    assert found.values["is_cash"] is True
    assert "channel" not in found.values


def bookings(columns: bytes) -> bytes:
    return b'{"table": "bookings", ' + columns + b"}"


def interactions(columns: bytes) -> bytes:
    return b'{"table": "interactions", ' + columns + b"}"


def bureau(columns: bytes) -> bytes:
    return b'{"table": "bureau", ' + columns + b"}"


@pytest.mark.parametrize(
    ("text", "column", "value_class"),
    [
        pytest.param(b"{", "", "text", id="no-json"),
        pytest.param(b"\xff\xfe", "", "text", id="no-utf-8"),
        pytest.param(b"[1]", "", "list", id="no-object"),
        pytest.param(b'{"a":' * 5000, "", "text", id="nested-too-deep"),
        pytest.param(b'{"table": "passwords"}', "table", "unknown code", id="unknown-table"),
        pytest.param(b'{"table": ["bookings"]}', "table", "unknown code", id="table-is-a-list"),
        pytest.param(bookings(b'"pin": 1'), "", "unknown column", id="unknown-column"),
        pytest.param(bookings(b'"amount": 1, "amount": 2'), "", "repeated column", id="twice"),
        pytest.param(bookings(b'"amount": NaN'), "amount", "not finite", id="nan"),
        pytest.param(bookings(b'"amount": 1e999'), "amount", "too large", id="huge"),
        pytest.param(bookings(b'"amount": true'), "amount", "bool", id="flag-for-money"),
        pytest.param(bookings(b'"amount": "1,5"'), "amount", "text", id="decimal-comma"),
        pytest.param(bookings(b'"amount": 0.001'), "amount", "number", id="third-decimal"),
        pytest.param(bookings(b'"is_cash": 1'), "is_cash", "int", id="number-for-flag"),
        pytest.param(bookings(b'"booking_id": 5'), "booking_id", "int", id="number-for-id"),
        pytest.param(bookings(b'"booking_id": ""'), "booking_id", "str", id="empty-id"),
        pytest.param(bookings(b'"booking_id": "a\\u0000"'), "booking_id", "control character", id="nul"),
        pytest.param(bookings(b'"booking_id": "' + b"x" * 201 + b'"'), "booking_id", "too long", id="long"),
        pytest.param(bookings(b'"channel": "pigeon"'), "channel", "unknown code", id="unknown-code"),
        pytest.param(bookings(b'"booked_at": "2026-02-31T00:00:00Z"'), "booked_at", "impossible date",
                     id="31-feb"),
        pytest.param(bookings(b'"booked_at": "2026-01-01T00:00:00"'), "booked_at", "naive time", id="naive"),
        pytest.param(bookings(b'"booked_at": "0001-01-01T00:00:00Z"'), "booked_at", "out of range",
                     id="year-1"),
        pytest.param(bookings(b'"booked_at": "2026-01-02T00:06:00Z"'), "booked_at", "future time",
                     id="future"),
        pytest.param(bookings(b'"booked_at": 1767312000'), "booked_at", "int", id="epoch"),
        pytest.param(bureau(b'"inquiries": ' + b"9" * 5000), "inquiries", "Decimal", id="5000-digits"),
        pytest.param(interactions(b'"rating": 6'), "rating", "too large", id="rating-6"),
        pytest.param(interactions(b'"rating": 4.5'), "rating", "Decimal", id="half-a-star"),
        pytest.param(bureau(b'"score": Infinity'), "score", "not finite", id="infinite"),
        pytest.param(bureau(b'"inquiries": 9223372036854775808'), "inquiries", "int", id="beyond-64-bits"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused_by_column_and_kind_of_value(
    text: bytes, column: str, value_class: str
) -> None:
    found = refused(text)
    assert (found.column, found.value_class) == (column, value_class)


def test_a_refusal_never_holds_the_value() -> None:
    found = refused(b'{"table": "bookings", "channel": "canary-4711"}')
    assert "canary" not in str(vars(found))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param(bookings(b'"pin": 1'), ["bookings", "booking_id", "counterparty_id"], id="columns"),
        pytest.param(bookings(b'"channel": "pigeon"'), ["branch", "standing_order"], id="codes"),
    ],
)
def test_a_refusal_names_what_there_is_instead(text: bytes, named: list[str]) -> None:
    assert [name for name in named if name not in refused(text).reason] == []
