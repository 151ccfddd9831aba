"""What a policy says about cases: by when, who decides how much alone, what nobody overrides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from crm_rules.cases.opening import CaseKind
from crm_rules.errors import InvalidPolicy
from crm_rules.lending.policy import LENDING_CODES
from crm_rules.strict_toml import Among, Within
from crm_rules.vocabulary import Money

DECIDERS = ("underwriter", "risk_approver", "compliance")


@dataclass(frozen=True)
class Authority:
    """Up to which amount somebody decides alone, and up to which against the rules; the bounds included."""

    alone: Money
    override: Money


@dataclass(frozen=True)
class CaseLimits:
    """How cases are decided.

    `days` until a case of each kind has to be decided; `second` are the roles of the second pair of eyes;
    the rules in `never_override` are overridden by nobody.
    """

    days: Annotated[Mapping[str, Annotated[int, Within(1, 365)]], Among(tuple(CaseKind))]
    authority: Annotated[Mapping[str, Authority], Among(DECIDERS)]
    second: Annotated[tuple[str, ...], Among(DECIDERS)]
    never_override: Annotated[tuple[str, ...], Among(LENDING_CODES)]

    def check(self) -> None:
        """InvalidPolicy when a kind has no deadline, or authorities contradict each other."""
        if missing := sorted(set(CaseKind) - set(self.days)):
            raise InvalidPolicy("cases.days", f"lacks {[str(kind) for kind in missing]}")
        if not self.second or not self.authority:
            key = "cases.authority" if self.second else "cases.second"
            raise InvalidPolicy(key, "names nobody, so that no case could be decided")
        for role, may in self.authority.items():
            if may.override > may.alone:
                raise InvalidPolicy(
                    f"cases.authority.{role}.override", f"is {may.override}, above alone {may.alone}"
                )
