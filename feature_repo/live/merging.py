"""Events become rows: completed from what was known, known ones dropped, impossible ones refused."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from feature_repo.live.events import PUSHED, Event, Refused
from feature_repo.live.tables import LiveTables
from feature_repo.raw.contracts import BY_NAME, Table

Row = dict[str, Any]


@dataclass
class Merged:
    """What became of some events."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    corrected: int = 0
    refused: list[Refused] = field(default_factory=list)


def merge(events: Sequence[Event], tables: LiveTables) -> Merged:
    """The rows that these events add to the bank, each recorded when the bank knew it.

    A field that is not given keeps what was last known of the same thing (an event that says only
    `customer_id` and `income_monthly` is a new version of that customer). A row that says nothing new
    is repeated; the same key recorded again is a correction; with the same recording time and other
    content it is refused, as is one whose account, customer, product or loan nobody knows.
    """
    merged = Merged()
    for name in PUSHED:
        mine = [event for event in events if event.table.name == name]
        if mine:
            _Merging(BY_NAME[name], tables, merged, mine).run()
    return merged


class _Merging:
    """The events of one table."""

    def __init__(self, table: Table, tables: LiveTables, merged: Merged, events: Sequence[Event]) -> None:
        self._table, self._tables, self._merged, self._events = table, tables, merged, events
        self._entity = tuple(column for column in table.key if column != "valid_from")
        self._known: dict[tuple[Any, ...], list[Row]] = defaultdict(list)

    def run(self) -> None:
        complete = [event for event in self._events if self._names_its_thing(event)]
        for row in self._rows_there(complete):
            self._known[self._thing(row)].append(row)
        there = self._ids_there(complete)
        for event in complete:
            said = ((c, t) for c, t in self._table.references if c in event.values)
            unknown = next(
                (column for column, table in said if event.values[column] not in there[table]), None
            )
            if unknown:
                self._refuse(event, unknown, "unknown reference", "not in the bank")
            elif self._foreign(event):
                self._refuse(
                    event, "currency", "unknown currency", "no account and no rate of the bank has it"
                )
            else:
                self._take(event)

    def _take(self, event: Event) -> None:
        known = self._known[self._thing(event.values)]
        last = max(known, key=lambda row: (row[self._table.event], row["recorded_at"]), default={})
        row = {**last, "recorded_at": event.at, **event.values}
        if "valid_from" in self._table.key and "valid_from" not in event.values:
            row["valid_from"] = event.at
            if last and _same(row, last, ("valid_from", "recorded_at")):
                self._merged.repeated += 1
                return
        lacking = next((c.name for c in self._table.columns if c.required and row.get(c.name) is None), None)
        if lacking:
            self._refuse(event, lacking, "null", "a required value is missing")
            return
        of_key = [one for one in known if _key(one, self._table) == _key(row, self._table)]
        again = of_key[-1:] if "recorded_at" not in event.values else []  # says what was said last
        if any(_same(row, one, ("recorded_at",)) for one in again) or any(
            _same(row, one, ()) for one in of_key
        ):
            self._merged.repeated += 1
        elif any(one["recorded_at"] == row["recorded_at"] for one in of_key):
            self._refuse(event, "recorded_at", "conflict", "other content at the same recording time")
        else:
            self._merged.corrected += bool(of_key)
            self._merged.rows[self._table.name].append(row)
            known.append(row)

    def _foreign(self, event: Event) -> bool:
        """Whether an amount is in a currency that the bank could not convert."""
        if "currency" not in event.values or self._table.name == "accounts":
            return False
        opened = {row["currency"] for row in self._merged.rows.get("accounts", ())}
        return event.values["currency"] not in self._tables.currencies() | opened

    def _names_its_thing(self, event: Event) -> bool:
        lacking = next((column for column in self._entity if column not in event.values), None)
        if lacking:
            self._refuse(event, lacking, "null", "a column of the key is missing")
        return lacking is None

    def _rows_there(self, events: Iterable[Event]) -> list[Row]:
        """Every row of the things these events are about, oldest recording first."""
        first = self._entity[0]
        values = {event.values[first] for event in events}
        if self._table.name == "bookings":
            accounts = self._tables.rows_of("booking_keys", first, values)
            rows = self._tables.rows_of("bookings", "account_id", {row["account_id"] for row in accounts})
            rows = [row for row in rows if row[first] in values]
        else:
            rows = self._tables.rows_of(self._table.name, first, values)
        return sorted(rows, key=lambda row: row["recorded_at"])

    def _ids_there(self, events: Iterable[Event]) -> dict[str, set[str]]:
        there = {}
        for column, table in self._table.references:
            values = {event.values[column] for event in events if column in event.values}
            found = {row[column] for row in self._tables.rows_of(table, column, values)}
            there[table] = found | {row[column] for row in self._merged.rows.get(table, [])}
        return there

    def _thing(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(row[column] for column in self._entity)

    def _refuse(self, event: Event, column: str, value_class: str, reason: str) -> None:
        self._merged.refused.append(Refused(event.line, column, value_class, reason))


def _key(row: Mapping[str, Any], table: Table) -> tuple[Any, ...]:
    return tuple(row[column] for column in table.key)


def _same(row: Mapping[str, Any], other: Mapping[str, Any], apart_from: Sequence[str]) -> bool:
    names = (row.keys() | other.keys()) - set(apart_from)
    return all(row.get(name) == other.get(name) for name in names)
