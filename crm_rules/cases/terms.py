"""Under which terms a case is decided: the policy of the moment it was opened, kept with the opening.

So who may decide what follows from the case alone, years later and under any policy. A limit that is lowered
concerns the cases opened from then on.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from crm_rules.cases.limits import Authority, CaseLimits
from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.governance.person import Role, moment

CREDIT = (CaseKind.REFERRAL, CaseKind.REVIEW, CaseKind.APPEAL)
DUE = "due_at"


def due(kind: CaseKind, at: datetime, limits: CaseLimits) -> datetime:
    """By when a case that is opened then has to be decided."""
    return at + timedelta(days=limits.days[kind])


@dataclass(frozen=True)
class Terms:
    """What was in force when a case was opened."""

    due_at: datetime
    authority: Mapping[Role, Authority]
    second: tuple[Role, ...]
    never_override: tuple[str, ...]

    @staticmethod
    def of(opening: Opening, limits: CaseLimits) -> "Terms":
        """The terms of a case that is opened now; a date its decision told the customer stands."""
        told = opening.about.get(DUE)
        return Terms(
            moment(told) if isinstance(told, str) else due(opening.kind, opening.at, limits),
            {Role(role): may for role, may in limits.authority.items()},
            tuple(Role(role) for role in limits.second),
            limits.never_override,
        )

    def roles(self, kind: CaseKind) -> tuple[Role, ...]:
        """Who works on cases of that kind: who may decide the largest amounts comes first."""
        if kind is CaseKind.CONDUCT:
            return (Role.COMPLIANCE,)
        return tuple(sorted(self.authority, key=lambda role: (-self.authority[role].alone, role)))

    def seconds(self, kind: CaseKind) -> tuple[Role, ...]:
        """Who looks at such a case as a second person, or takes it from somebody who cannot go on."""
        return (Role.COMPLIANCE,) if kind is CaseKind.CONDUCT else self.second

    def as_json(self) -> dict[str, object]:
        """As the opening's row holds them."""
        return {
            "due_at": self.due_at.isoformat(),
            "authority": {str(role): asdict(may) for role, may in self.authority.items()},
            "second": [str(role) for role in self.second],
            "never_override": list(self.never_override),
        }

    @staticmethod
    def from_json(told: Mapping[str, Any]) -> "Terms":
        """Read them; KeyError, TypeError or ValueError when they are not well formed."""
        return Terms(
            moment(told["due_at"]),
            {Role(role): Authority(**may) for role, may in told["authority"].items()},
            tuple(Role(role) for role in told["second"]),
            tuple(told["never_override"]),
        )
