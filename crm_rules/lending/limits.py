"""What a policy says about lending: cut-offs of each situation and grade, recourse and notices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among, Within
from crm_rules.vocabulary import Money, Share, Years

LEVERS = ("amount", "term_months", "co_applicant", "card", "arrears")
LANGUAGES = ("en", "zh")
DELIVERIES = ("app", "email", "post")

Months = Annotated[int, Within(1, 600)]
Count = Annotated[int, Within(0, 1_000)]
FromCount = Annotated[int, Within(1, 1_000)]
YearlyIncomes = Annotated[float, Within(0, 100)]
NoticeDays = Annotated[int, Within(1, 365)]


@dataclass(frozen=True)
class LendingSituation:
    """Cut-offs of one credit situation: approve below one PD, decline above another, a person between.

    Of the grades named a person decides, or none is granted. What an applicant can afford is a share of
    the income, for this loan and for all, and what must be left of it; what they may owe in all is a number
    of yearly incomes: above one a person decides, above the other it is declined.
    """

    approve_below_pd: Share
    decline_above_pd: Share
    refer_grades: tuple[str, ...]
    decline_grades: tuple[str, ...]
    instalment_to_income_max: Annotated[float, Within(0, 10)]
    debt_service_to_income_max: Annotated[float, Within(0, 10)]
    income_left_least: Money
    amount_max: Money
    newcomer_amount_max: Money
    refer_above_yearly_incomes: YearlyIncomes
    decline_above_yearly_incomes: YearlyIncomes
    decline_from_days_past_due: Annotated[int, Within(1, 3_660)]
    decline_from_loans_written_off: FromCount
    refer_from_refused_365d: FromCount
    bureau_delinquencies_max: Count
    adult_from_age: Years


@dataclass(frozen=True)
class Grade:
    """What a grade gets: its price (interest a year), the largest amount and term, the most owed in all."""

    rate: Annotated[float, Within(0, 1)]
    amount_max: Money
    term_months_max: Months
    exposure_max: Money


@dataclass(frozen=True)
class Recourse:
    """How far an applicant may be told to go, and how much each change asks of them.

    `effort` weighs an amount given up entirely, a year more of repaying, and each of the others once.
    """

    ways: Annotated[int, Within(0, 5)]
    amount_least_share: Share
    amount_round_to: Annotated[float, Within(0.01, 1e6)]
    term_months_max: Months
    card_utilisation: Share
    effort: Annotated[Mapping[str, Annotated[float, Within(0, 10)]], Among(LEVERS)]


@dataclass(frozen=True)
class Wording:
    """A text of the bank's own, in both languages."""

    en: str
    zh: str


@dataclass(frozen=True)
class NoticeLimits:
    """By when a notice is due, how long an appeal is taken, how it is delivered, and the bank's own words.

    `delivery` lists what is allowed, the usual one first; `bureau` names whom bureau data come from and
    `statement` is what the law of the bank's country wants said.
    """

    notice_days: NoticeDays
    appeal_days: NoticeDays
    language: Annotated[str, Among(LANGUAGES)]
    delivery: Annotated[tuple[str, ...], Among(DELIVERIES)]
    bureau: Wording
    statement: Wording


@dataclass(frozen=True)
class Lending:
    """Lending policy for a new application and for a customer with a running loan."""

    application: LendingSituation
    behaviour: LendingSituation
    grades: Mapping[str, Grade]
    recourse: Recourse
    notice: NoticeLimits

    def situation(self, name: str) -> LendingSituation:
        """The cut-offs of "application" or "behaviour"; KeyError for any other name."""
        return {"application": self.application, "behaviour": self.behaviour}[name]

    def check(self) -> None:
        """InvalidPolicy when two keys contradict each other, or something that is needed is not there."""
        for name in ("application", "behaviour"):
            self._check_situation(f"lending.{name}", self.situation(name))
        if missing := sorted(set(LEVERS) - set(self.recourse.effort)):
            raise InvalidPolicy("lending.recourse.effort", f"lacks {missing}")
        if not self.grades:
            raise InvalidPolicy("lending.grades", "names no grade, so nothing could be approved")
        if not self.notice.delivery:
            raise InvalidPolicy("lending.notice.delivery", f"is empty; name one of {list(DELIVERIES)}")

    def _check_situation(self, path: str, cuts: LendingSituation) -> None:
        for low, high in (
            ("approve_below_pd", "decline_above_pd"),
            ("refer_above_yearly_incomes", "decline_above_yearly_incomes"),
        ):
            if (least := getattr(cuts, low)) > (most := getattr(cuts, high)):
                raise InvalidPolicy(f"{path}.{low}", f"is {least}, above {high} {most}")
        for key in ("refer_grades", "decline_grades"):
            if unknown := sorted(set(getattr(cuts, key)) - set(self.grades)):
                raise InvalidPolicy(f"{path}.{key}", f"names {unknown}, which lending.grades does not")
        if both := sorted(set(cuts.refer_grades) & set(cuts.decline_grades)):
            raise InvalidPolicy(f"{path}.refer_grades", f"names {both}, which decline_grades names too")
