"""What a policy says about lending: cut-offs of each situation, and how far recourse goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among, Within
from crm_rules.vocabulary import Money, Share, Years

LEVERS = ("amount", "term_months", "co_applicant", "card", "arrears")


@dataclass(frozen=True)
class LendingSituation:
    """Cut-offs of one credit situation: approve below one PD, decline above another, a person between."""

    approve_below_pd: Share
    decline_above_pd: Share
    instalment_to_income_max: Annotated[float, Within(0, 10)]
    amount_max: Money
    newcomer_amount_max: Money
    decline_from_days_past_due: Annotated[int, Within(1, 3_660)]
    adult_from_age: Years


@dataclass(frozen=True)
class Recourse:
    """How far an applicant may be told to go, and how much each change asks of them.

    `effort` weighs an amount given up entirely, a year more of repaying, and each of the others once.
    """

    ways: Annotated[int, Within(0, 5)]
    amount_least_share: Share
    amount_round_to: Annotated[float, Within(0.01, 1e6)]
    term_months_max: Annotated[int, Within(1, 600)]
    card_utilisation: Share
    effort: Annotated[Mapping[str, Annotated[float, Within(0, 10)]], Among(LEVERS)]


@dataclass(frozen=True)
class Lending:
    """Lending policy for a new application and for a customer with a running loan."""

    application: LendingSituation
    behaviour: LendingSituation
    recourse: Recourse

    def situation(self, name: str) -> LendingSituation:
        """The cut-offs of "application" or "behaviour"; KeyError for any other name."""
        return {"application": self.application, "behaviour": self.behaviour}[name]

    def check(self) -> None:
        """InvalidPolicy when two numbers contradict each other, or a lever has no effort."""
        for name in ("application", "behaviour"):
            cuts = self.situation(name)
            if cuts.approve_below_pd > cuts.decline_above_pd:
                raise InvalidPolicy(
                    f"lending.{name}.approve_below_pd",
                    f"is {cuts.approve_below_pd}, above decline_above_pd {cuts.decline_above_pd}",
                )
        if missing := sorted(set(LEVERS) - set(self.recourse.effort)):
            raise InvalidPolicy("lending.recourse.effort", f"lacks {missing}")
