"""Stop switches as workers read them: a signed file of orders, its last number anchored outside.

`releases/stops.json` is a list of events (see `journal`), oldest first. Each names its number, which
rises by one, and the digest of the order before it; so the anchored head, the last number with its
order's digest, covers the whole list, and a cut or deleted file shows. Putting a switch on takes one
person. Taking it off takes two orders by different people: the first asks, the second, which names
the first by its digest, takes it off; putting it on again in between undoes the asking.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crm_rules.errors import BrokenSwitches
from crm_rules.governance import keys
from crm_rules.governance.chain import GENESIS, canonical, digest
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import Event, doubt
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role, moment
from crm_rules.governance.stops import Kind, Stops

FILE, CHAIN = "stops.json", "stops"
STOPPED, ASKED, STARTED = "stopped", "start_asked", "started"
ORDERS = (STOPPED, ASKED, STARTED)
MAY = (Role.OPERATOR, Role.RISK_APPROVER, Role.COMPLIANCE)
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Order:
    """One signed order about one switch. `asked` is the digest of the order that asked to take it off."""

    event: Event
    number: int
    before: str
    kind: Kind
    name: str
    reason: str
    asked: str = ""

    @property
    def by(self) -> str:
        """Who gave it."""
        return self.event.by

    @property
    def at(self) -> str:
        """When, ISO 8601."""
        return self.event.at

    @property
    def switch(self) -> tuple[Kind, str]:
        """Which switch it is about."""
        return self.kind, self.name

    @property
    def digest(self) -> str:
        """SHA-256 of the order with its signature."""
        return digest(canonical(self.as_json()))

    def as_json(self) -> dict[str, object]:
        """The order as the file holds it."""
        event = self.event
        return {
            "kind": event.kind, "subject": event.subject, "by": event.by, "role": str(event.role),
            "at": event.at, "body": dict(event.body), "signature": event.signature,
        }  # fmt: skip

    @staticmethod
    def of(event: Event) -> "Order":
        """Read an event; KeyError, TypeError or ValueError when it is no order."""
        body: Mapping[str, Any] = event.body
        kind, _, name = event.subject.partition("/")
        if event.kind not in ORDERS or not name or type(body["number"]) is not int:
            raise ValueError(f"'{event.kind} {event.subject}' is no order about a stop switch")
        return Order(
            event, body["number"], str(body["before"]), Kind(kind), name, str(body["reason"]),
            str(body.get("asked", "")),
        )  # fmt: skip


@dataclass(frozen=True)
class Switches:
    """The state after some orders: `on` are those that stop something, `asking` those to take one off.

    `void` counts orders that keep their place and have no effect: given with a key that was revoked later,
    back to a time before them, or resting on such an order.
    """

    orders: tuple[Order, ...] = ()
    on: tuple[Order, ...] = ()
    asking: tuple[Order, ...] = ()
    void: int = 0

    @property
    def number(self) -> int:
        """The number of the last order."""
        return len(self.orders)

    @property
    def last(self) -> str:
        """The digest of the last order, which covers all of them."""
        return self.orders[-1].digest if self.orders else GENESIS

    @property
    def stops(self) -> Stops:
        """What is stopped."""
        return Stops.of(order.switch for order in self.on)

    def stopping(self, switch: tuple[Kind, str]) -> Order | None:
        """The order that stops it; None when it is not stopped."""
        return next((order for order in self.on if order.switch == switch), None)

    def asked(self, switch: tuple[Kind, str]) -> Order | None:
        """The order that asks to take it off; None when nobody asks."""
        return next((order for order in self.asking if order.switch == switch), None)

    def after(self, order: Order) -> "Switches":
        """The state after one more order; ValueError says why it may not follow."""
        self._require_next(order)
        on = tuple(each for each in self.on if each.switch != order.switch)
        asking = tuple(each for each in self.asking if each.switch != order.switch)
        orders = (*self.orders, order)
        if order.event.kind == STOPPED:
            return replace(self, orders=orders, on=(*on, order), asking=asking)
        if self.stopping(order.switch) is None:
            raise ValueError(f"order {order.number} takes off what is not stopped")
        if order.event.kind == ASKED:
            return replace(self, orders=orders, asking=(*asking, order))
        asked = self.asked(order.switch)
        if asked is None or asked.digest != order.asked:
            raise ValueError(f"order {order.number} takes off what nobody asked to")
        if asked.by == order.by:
            raise ValueError(f"order {order.number} is by '{order.by}' who asked for it; it takes two people")
        return replace(self, orders=orders, on=on, asking=asking)

    def past(self, order: Order) -> "Switches":
        """The state after an order that keeps its place and has no effect."""
        self._require_next(order)
        return replace(self, orders=(*self.orders, order), void=self.void + 1)

    def _require_next(self, order: Order) -> None:
        if order.number != self.number + 1 or order.before != self.last:
            raise ValueError(f"order {order.number} does not follow order {self.number}")


def switches_of(events: Iterable[Event], trust: Trust) -> Switches:
    """The state after these orders, each signed by somebody who might; ValueError says which is not."""
    state = Switches()
    for event in events:
        state = _after(state, event, trust)
    return state


def switches_among(events: Iterable[Event], trust: Trust) -> tuple[Switches, tuple[str, ...]]:
    """The state by the orders of a journal that count, and which do not: somebody put them there."""
    state, ignored = Switches(), []
    for event in events:
        try:
            state = _after(state, event, trust) if event.kind in ORDERS else state
        except ValueError as error:
            ignored.append(f"entry {event.seq} ({event.kind} {event.subject}) does not count: {error}")
    return state, tuple(ignored)


def _after(state: Switches, event: Event, trust: Trust) -> Switches:
    try:
        order = Order.of(event)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"order {state.number + 1} is not well formed ({error!r})") from error
    if why := _unsigned(event, trust):
        if not _revoked_since(event, trust):
            raise ValueError(f"order {state.number + 1}: {why}")
        return state.past(order)
    try:
        return state.after(order)
    except ValueError:
        if state.void:
            return state.past(order)
        raise


def read_switches(releases: Path, trust: Trust, heads: Heads, least: int = 0) -> Switches:
    """The stop switches that count; BrokenSwitches unless every order is signed and none is missing.

    `least` is the number of the last order known: a shorter list lost one.
    """
    path, head = releases / FILE, heads.read(CHAIN)
    try:
        state = switches_of(_events(path), trust)
    except ValueError as error:
        raise BrokenSwitches(path, str(error)) from error
    if state.number < max(head.seq, least):
        raise BrokenSwitches(path, f"it ends at order {state.number}, there were {max(head.seq, least)}")
    if head.seq and state.orders[head.seq - 1].digest != head.link:
        raise BrokenSwitches(path, f"order {head.seq} is another than the one that was anchored")
    return state


def as_file(orders: Sequence[Order]) -> bytes:
    """The content of the file that holds these orders."""
    return canonical([order.as_json() for order in orders]) + b"\n"


def _events(path: Path) -> list[Event]:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ValueError("it is larger than 16 MB")
        return [_event(entry) for entry in json.loads(content)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from error
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is not well formed ({type(error).__name__})") from error


def _event(entry: Mapping[str, Any]) -> Event:
    return Event(
        str(entry["kind"]), str(entry["subject"]), str(entry["by"]), Role(entry["role"]), str(entry["at"]),
        dict(entry["body"]), str(entry["signature"]),
    )  # fmt: skip


def _unsigned(event: Event, trust: Trust) -> str:
    """Why an order's signature does not count; empty when it does."""
    return doubt(event, trust) if event.role in MAY else f"nobody gives it as {event.role}"


def _revoked_since(event: Event, trust: Trust) -> bool:
    """Whether the order counted when it was given, and its key was revoked later, back to before it."""
    at = moment(event.at)
    person = trust.listed(event.by, at)
    if person is None or event.role not in MAY or not person.may(event.role, at):
        return False
    return keys.verify_any(person.public_keys(at), event.signature, event.statement())
