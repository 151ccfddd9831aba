"""What customers did with what they were offered: accepted offers use up caps and budgets.

An answer is kept once for each decision and offer. Taking an offer is one transaction: it is counted for
this customer and for everybody, or refused because nothing is left of it; two at once never share the last.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from crm_rules.database import Database, make_tables
from crm_rules.errors import AnsweredOtherwise, UsedUp
from crm_rules.offers.catalogue import Offer

Answer = Literal["accepted", "declined", "ignored"]
ACCEPTED: Answer = "accepted"
PLACE = "bank_offers"  # the schema in PostgreSQL
SCHEMA = """
CREATE TABLE IF NOT EXISTS offer_answers (
  decision_id TEXT NOT NULL, offer_id TEXT NOT NULL, customer_id TEXT NOT NULL, answer TEXT NOT NULL,
  at TEXT NOT NULL, PRIMARY KEY (decision_id, offer_id));
CREATE TABLE IF NOT EXISTS offer_uses (
  customer_id TEXT NOT NULL, offer_id TEXT NOT NULL, uses INTEGER NOT NULL,
  PRIMARY KEY (customer_id, offer_id));
CREATE TABLE IF NOT EXISTS offer_totals (offer_id TEXT NOT NULL PRIMARY KEY, uses INTEGER NOT NULL);
"""
NEEDED = {
    "offer_answers": "decision_id, offer_id, customer_id, answer, at",
    "offer_uses": "customer_id, offer_id, uses",
    "offer_totals": "offer_id, uses",
}
SAID = "SELECT answer FROM offer_answers WHERE decision_id = ? AND offer_id = ?"
SAY = "INSERT INTO offer_answers (decision_id, offer_id, customer_id, answer, at) VALUES (?, ?, ?, ?, ?)"
TOTALS = "SELECT offer_id, uses FROM offer_totals"
TOTAL = "SELECT uses FROM offer_totals WHERE offer_id = ?"
MINE = "SELECT uses FROM offer_uses WHERE customer_id = ? AND offer_id = ?"
ADD_TOTAL = (
    "INSERT INTO offer_totals (offer_id, uses) VALUES (?, 1)"
    " ON CONFLICT (offer_id) DO UPDATE SET uses = offer_totals.uses + 1"
)
ADD_MINE = (
    "INSERT INTO offer_uses (customer_id, offer_id, uses) VALUES (?, ?, 1)"
    " ON CONFLICT (customer_id, offer_id) DO UPDATE SET uses = offer_uses.uses + 1"
)
EVERY_ANSWER = "SELECT decision_id, offer_id, customer_id, answer, at FROM offer_answers"
MOST_ASKED = 500  # customers in one query


@dataclass(frozen=True)
class Counted:
    """Uses so far: `mine` by customer, then by offer; `everybodys` by offer."""

    mine: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    everybodys: Mapping[str, int] = field(default_factory=dict)


NOTHING = Counted()


@dataclass(frozen=True)
class Said:
    """What a customer said to one offer of a decision; `at` is ISO 8601."""

    decision_id: str
    offer_id: str
    customer_id: str
    answer: Answer
    at: str


def said_of(database: Database, decision_ids: Sequence[str]) -> list[Said]:
    """What was said to the offers of these decisions, by decision and offer."""
    found = list[Said]()
    for start in range(0, len(decision_ids), MOST_ASKED):
        some = decision_ids[start : start + MOST_ASKED]
        marks = ", ".join("?" * len(some))
        sql = f"{EVERY_ANSWER} WHERE decision_id IN ({marks})"
        found += (Said(*row) for row in database.ask(sql, some))
    return sorted(found, key=lambda said: (said.decision_id, said.offer_id))


def said_since(database: Database, at: str) -> Iterator[Said]:
    """What was said from a moment on (ISO 8601)."""
    return (Said(*row) for row in database.stream(f"{EVERY_ANSWER} WHERE at >= ? ORDER BY at", (at,)))


class OfferUses:
    """The answers to offers of one bank, in SQLite or PostgreSQL. Safe to call from several threads."""

    def __init__(self, database: Database) -> None:
        self._database = database
        make_tables(database, SCHEMA, NEEDED)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def counted(self, customer_ids: Sequence[str]) -> Counted:
        """The uses of these customers, and of everybody together."""
        totals = {str(offer_id): int(uses) for offer_id, uses in self._database.ask(TOTALS)}
        mine: dict[str, dict[str, int]] = {}
        if not totals:  # nobody used any, so none of these did
            return NOTHING
        for start in range(0, len(customer_ids), MOST_ASKED):
            some = customer_ids[start : start + MOST_ASKED]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT customer_id, offer_id, uses FROM offer_uses WHERE customer_id IN ({marks})"  # noqa: S608  # only marks
            for customer_id, offer_id, uses in self._database.ask(sql, some):
                mine.setdefault(str(customer_id), {})[str(offer_id)] = int(uses)
        return Counted(mine, totals)

    def answer(self, decision_id: str, offer_id: str) -> str | None:
        """What was said to an offer of a decision; None where nothing was."""
        found = self._database.ask(SAID, (decision_id, offer_id))
        return str(found[0][0]) if found else None

    def say(self, said: Said, offer: Offer | None) -> bool:
        """Keep an answer; whether it is new. Accepting an offer of which nothing is left is UsedUp.

        `offer` is None where there is no such offer any more: it can be declined, not accepted.
        AnsweredOtherwise when the customer said something else to this offer before.
        """
        with self._database.transaction():
            before = self.answer(said.decision_id, said.offer_id)
            if before is not None:
                if before != said.answer:
                    raise AnsweredOtherwise(said.offer_id, before)
                return False
            if said.answer == ACCEPTED:
                self._require_left(said, offer)
                self._database.write(ADD_TOTAL, [(said.offer_id,)])
                self._database.write(ADD_MINE, [(said.customer_id, said.offer_id)])
            told = (said.decision_id, said.offer_id, said.customer_id, said.answer, said.at)
            self._database.write(SAY, [told])
        return True

    def _require_left(self, said: Said, offer: Offer | None) -> None:
        if offer is None:
            raise UsedUp(said.offer_id, "there is no such offer any more")
        uses = self._one(TOTAL, (said.offer_id,))
        mine = self._one(MINE, (said.customer_id, said.offer_id))
        if offer.cap_per_customer is not None and mine >= offer.cap_per_customer:
            raise UsedUp(said.offer_id, "the customer has used it as often as one customer may")
        if offer.cap is not None and uses >= offer.cap:
            raise UsedUp(said.offer_id, "it was used as often as it may be")
        if offer.budget is not None and uses * offer.cost + offer.cost > offer.budget:
            raise UsedUp(said.offer_id, "its budget is spent")

    def _one(self, sql: str, values: Sequence[object]) -> int:
        found = self._database.ask(sql, values)
        return int(found[0][0]) if found else 0
