"""Giving orders about stop switches: checked, recorded in the journal, then written where workers look."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crm_rules.errors import BrokenSwitches, NotAllowed
from crm_rules.governance import drafts
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.journal import Event, Journal, Writing, signed
from crm_rules.governance.people import Trust
from crm_rules.governance.plain import LONGEST, unreadable
from crm_rules.governance.session import Signer
from crm_rules.governance.stops import Kind
from crm_rules.governance.switches import (
    ASKED,
    CHAIN,
    FILE,
    MAY,
    STARTED,
    STOPPED,
    Order,
    Switches,
    as_file,
    read_switches,
    switches_among,
)

LONGEST_NAME = 200
Switch = tuple[Kind, str]


@dataclass(frozen=True)
class Switchboard:
    """Where stop switches are put on and taken off; `releases` is the folder that workers watch.

    An order is recorded in the journal before the file changes: one that was cut short in between is
    written by the next command, whichever it is.
    """

    releases: Path
    journal: Journal
    trust: Trust
    heads: Heads

    def stop(self, switch: Switch, signer: Signer, at: datetime, reason: str) -> Order:
        """Put a switch on, at once, by one person; the order that stops it.

        When it is on and nobody asks to take it off nothing is added: the order is the one there is.
        """
        self._require(switch, reason)
        with self.journal.writing() as turn:
            state = self._state(turn.events())
            found = state.stopping(switch)
            if found is None or state.asked(switch):
                found = self._order(turn, state, STOPPED, switch, signer, at, {"reason": reason})
        self.finish()
        return found

    def start(self, switch: Switch, signer: Signer, at: datetime, reason: str) -> tuple[Order, bool]:
        """Ask to take a switch off, or take it off where another person asked; whether it is off now.

        NotAllowed when it is not on, and for the same person twice.
        """
        self._require(switch, reason)
        with self.journal.writing() as turn:
            state = self._state(turn.events())
            if state.stopping(switch) is None:
                raise NotAllowed(f"Taking off the switch of {switch[0]} '{switch[1]}'", "it is not on")
            asked, body = state.asked(switch), {"reason": reason}
            if asked is not None and asked.by == signer.person.id:
                raise NotAllowed(
                    f"Taking off the switch of {switch[0]} '{switch[1]}'",
                    f"'{asked.by}' asked for it; another person takes it off with the same command",
                )
            if asked is None:
                order = self._order(turn, state, ASKED, switch, signer, at, body)
            else:
                body["asked"] = asked.digest
                order = self._order(turn, state, STARTED, switch, signer, at, body)
        self.finish()
        return order, asked is not None

    def finish(self) -> Switches:
        """Let the file and its head follow the journal, where that was cut short; the state.

        BrokenSwitches when the journal holds fewer orders than were anchored, or others.
        """
        path = self.releases / FILE
        with self.heads.turn(CHAIN):
            state, head = self._state(self.journal.events()), self.heads.read(CHAIN)
            if state.number and not self._written(state):
                drafts.replace(path, as_file(state.orders))
            if state.number > head.seq:
                self.heads.write(CHAIN, Head(state.number, state.last))
        return state

    def _written(self, state: Switches) -> bool:
        try:
            found = read_switches(self.releases, self.trust, self.heads)
        except BrokenSwitches:
            return False
        return (found.number, found.last) == (state.number, state.last)

    def _state(self, events: list[Event]) -> Switches:
        """By the orders that count: one that somebody put in the journal keeps nobody from the next."""
        (state, _), head = switches_among(events, self.trust), self.heads.read(CHAIN)
        if head.seq > state.number or (head.seq and state.orders[head.seq - 1].digest != head.link):
            found = f"the journal does not hold the order {head.seq} that was anchored"
            raise BrokenSwitches(self.releases / FILE, found)
        return state

    def _order(
        self, turn: Writing, state: Switches, kind: str, switch: Switch, signer: Signer, at: datetime,
        more: dict[str, str],
    ) -> Order:  # fmt: skip
        role = next((role for role in MAY if self.trust.member(signer.person.id, at).may(role, at)), None)
        if role is None:
            held = ", ".join(signer.person.roles) or "none"
            raise NotAllowed(
                f"An order about the switch of {switch[0]} '{switch[1]}'",
                f"'{signer.person.id}' has the roles {held}; it takes {' or '.join(MAY)}",
            )
        body = {"number": state.number + 1, "before": state.last, **more}
        subject = f"{switch[0]}/{switch[1]}"
        event = signed(kind, subject, signer.person.id, role, at, body, signer.key)
        order = Order.of(event)
        state.after(order)  # what a reader would refuse is not recorded
        turn.append(event)
        return order

    def _require(self, switch: Switch, reason: str) -> None:
        thing, name = f"An order about the switch of {switch[0]} '{switch[1][:50]}'", switch[1]
        if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
            raise NotAllowed(thing, f"a name has 1 to {LONGEST_NAME} printable signs")
        if not reason.strip() or unreadable(reason) is not None:
            raise NotAllowed(thing, f"it takes a reason of 1 to {LONGEST:,} signs that are seen, in one line")
