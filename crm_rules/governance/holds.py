"""Holds: what has to be looked at before the next promotion of a part. They never stop what runs.

A hold has a day from which it blocks: a rollback is reviewed within days, a review has a due date. It is
lifted by a person other than the one who placed it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from crm_rules.governance.journal import Event
from crm_rules.governance.person import Role

HELD, LIFTED, VALIDATED = "held", "lifted", "validated"
EVERY = "*"  # a hold on every part
LIFTS = (Role.VALIDATOR, Role.RISK_APPROVER, Role.COMPLIANCE)
PLACES = (*LIFTS, Role.AUDITOR, Role.OPERATOR)  # an operator by rolling back


@dataclass(frozen=True)
class Hold:
    """Why a part (`*` is every part) is not promoted from the day `due` on (ISO), unless it is lifted."""

    id: str
    part: str
    reason: str
    by: str
    at: str
    due: str

    def blocks(self, part: str, on: date) -> bool:
        """Whether it stops a promotion of that part on that day."""
        return self.part in (part, EVERY) and date.fromisoformat(self.due) <= on


@dataclass(frozen=True)
class Holds:
    """The holds that are not lifted, and how long parts count as validated beyond their evidence."""

    open: Mapping[str, Hold] = field(default_factory=dict)
    validated: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def after(self, event: Event) -> "Holds":
        """The holds after an event; those of other kinds change nothing."""
        body: Mapping[str, Any] = event.body
        if event.kind == HELD:
            hold = Hold(event.subject, body["part"], body["reason"], event.by, event.at, body["due"])
            return replace(self, open={**self.open, hold.id: hold})
        if event.kind == LIFTED:
            return replace(
                self, open={name: each for name, each in self.open.items() if name != event.subject}
            )
        if event.kind == VALIDATED:
            return replace(self, validated={**self.validated, (body["part"], body["digest"]): body["until"]})
        return self

    def blocking(self, part: str, at: datetime) -> list[Hold]:
        """Those that stop a promotion of that part now."""
        return [hold for hold in self.open.values() if hold.blocks(part, at.date())]
