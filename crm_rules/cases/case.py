"""A case as its events left it: who holds it, what was looked at, what was decided, what was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.cases.terms import Terms
from crm_rules.governance.person import Role, moment

APPROVE, DECLINE, WITHDRAWN = "approve", "decline", "withdrawn"
UPHELD, CHANGED = "upheld", "changed"
DISMISSED, CONFIRMED = "dismissed", "confirmed"
OUTCOMES: Mapping[CaseKind, tuple[str, ...]] = {
    CaseKind.REFERRAL: (APPROVE, DECLINE, WITHDRAWN),
    CaseKind.REVIEW: (UPHELD, CHANGED),
    CaseKind.APPEAL: (UPHELD, CHANGED),
    CaseKind.CONDUCT: (DISMISSED, CONFIRMED),
}
OTHER_WAY = {APPROVE: DECLINE, DECLINE: APPROVE}


class State(StrEnum):
    """Where a case stands."""

    WAITING = "waiting"  # for somebody to claim it
    IN_WORK = "in_work"
    TO_CONFIRM = "to_confirm"  # decided by one, to be confirmed by another
    DECIDED = "decided"
    TOLD = "told"  # the letter was delivered


@dataclass(frozen=True)
class Exhibit:
    """Something that was looked at: a note, and the digest of the file it is about; never its content."""

    by: str
    at: str
    note: str
    file: Mapping[str, object] | None


@dataclass(frozen=True)
class Ruling:
    """What a person decided, and why: `reasons` (code, en, zh) are told, `text` stays in the bank."""

    outcome: str
    reasons: tuple[Mapping[str, str], ...]
    text: str
    by: str
    role: Role
    at: str
    needs_second: bool
    overrides: bool


@dataclass(frozen=True)
class Letter:
    """What is told, by language: outcome, text, digest. `language` is the one that is sent."""

    language: str
    texts: Mapping[str, Mapping[str, object]]
    appeal_until: str | None
    at: str


@dataclass(frozen=True)
class Case:
    """One case. `ignored` says which of its rows have no effect, and why."""

    opening: Opening
    terms: Terms
    holder: str = ""
    holders: tuple[str, ...] = ()  # everybody who ever claimed it
    evidence: tuple[Exhibit, ...] = ()
    ruling: Ruling | None = None
    confirmed_by: str = ""
    decided_at: str = ""
    letter: Letter | None = None
    channel: str = ""
    told_at: str = ""
    last: str = ""
    ignored: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Its id."""
        return self.opening.case_id

    @property
    def kind(self) -> CaseKind:
        """Why a person has to look."""
        return self.opening.kind

    @property
    def state(self) -> State:
        """Where it stands."""
        if self.told_at:
            return State.TOLD
        if self.decided_at:
            return State.DECIDED
        if self.ruling is not None:
            return State.TO_CONFIRM
        return State.IN_WORK if self.holder else State.WAITING

    @property
    def closed(self) -> bool:
        """Whether nothing is left to do; nobody is told of a conduct case."""
        return bool(self.told_at or (self.decided_at and self.kind is CaseKind.CONDUCT))

    @property
    def outcome(self) -> str | None:
        """What holds for the customer once it is decided: a contested decision stands, or turns."""
        if self.ruling is None or not self.decided_at:
            return None
        contested = str(self.opening.about.get("outcome", ""))
        if self.ruling.outcome == UPHELD:
            return contested
        return OTHER_WAY[contested] if self.ruling.outcome == CHANGED else self.ruling.outcome

    @property
    def amount(self) -> float:
        """What it is about, in the base currency; NaN where nothing is said of it."""
        amount = self.opening.about.get("amount")
        return float(amount) if isinstance(amount, int | float) else float("nan")

    def rules(self, name: str = "rules") -> tuple[str, ...]:
        """The codes of the rules that held, or under "declined_by" of those that alone would decline."""
        told = self.opening.about.get(name, ())
        return tuple(str(code) for code in told) if isinstance(told, list | tuple) else ()

    def overdue(self, now: datetime) -> bool:
        """Whether it is not decided, and should be."""
        return not self.decided_at and now > self.terms.due_at

    def decided(self) -> datetime:
        """When it was decided."""
        return moment(self.decided_at)
