"""The lending rules, one predicate each over priced applications; crm_rules/README.md says them exactly.

Money is in whole cents. A comparison with what is unknown is false; what follows from that stands in each
rule's `needs`, or LEND-08 and LEND-11 send the application to a person.
"""

import numpy as np

from crm_rules.lending.applicants import Priced
from crm_rules.lending.limits import LendingSituation
from crm_rules.lending.terms import cents
from crm_rules.rules import Effect, Mask, rule

OWN = "bank policy"
GDPR22 = "GDPR Art 22; PIPL Art 24"
AFFORDABLE = "CCD2 2023/2225 Art 18"
CAPACITY = "capacity to contract: PRC Civil Code Art 17-19; Reg B 1002.6(b)(2)"


@rule(code="LEND-01", law=OWN, effect=Effect.DECLINE, zh="预计违约风险高于本行可接受的上限。")
def risk_too_high(asked: Priced, cuts: LendingSituation) -> Mask:
    """The estimated risk of default is above the highest the bank takes."""
    return asked.pd > cuts.decline_above_pd


@rule(code="LEND-02", law=OWN, effect=Effect.REFER, zh="预计违约风险介于两个界限之间，由人工决定。")
def risk_needs_a_look(asked: Priced, cuts: LendingSituation) -> Mask:
    """The estimated risk of default is between the two limits, so a person decides."""
    return (asked.pd >= cuts.approve_below_pd) & (asked.pd <= cuts.decline_above_pd)


@rule(code="LEND-03", law=AFFORDABLE, effect=Effect.DECLINE)
def instalment_not_affordable(asked: Priced, cuts: LendingSituation) -> Mask:
    """The instalment takes a larger share of the income than the policy allows."""
    return asked.instalment > cuts.instalment_to_income_max * asked.income


@rule(code="LEND-04", law=OWN, effect=Effect.DECLINE)
def payments_are_late(asked: Priced, cuts: LendingSituation) -> Mask:
    """A payment on a running loan is late by more days than the policy allows."""
    return asked.asked.days_past_due >= cuts.decline_from_days_past_due


@rule(code="LEND-05", law=CAPACITY, effect=Effect.DECLINE)
def a_minor(asked: Priced, cuts: LendingSituation) -> Mask:
    """The applicant is not of age."""
    return ~asked.asked.is_company & (asked.asked.age_years < cuts.adult_from_age)


@rule(code="LEND-06", law=OWN, effect=Effect.REFER)
def amount_needs_a_person(asked: Priced, cuts: LendingSituation) -> Mask:
    """The amount is above what may be decided without a person."""
    return asked.amount > cents(cuts.amount_max)


@rule(code="LEND-07", law=OWN, effect=Effect.REFER)
def newcomer_asks_for_much(asked: Priced, cuts: LendingSituation) -> Mask:
    """The applicant is new to the bank, and the amount is above what a newcomer gets without a person."""
    return asked.asked.is_newcomer & (asked.amount > cents(cuts.newcomer_amount_max))


@rule(code="LEND-08", law=GDPR22, effect=Effect.PERSON)
def something_is_unknown(asked: Priced, cuts: LendingSituation) -> Mask:
    """The risk, the amount, the term or the income is not known, or makes no sense."""
    return np.isnan(asked.pd) | np.isnan(asked.amount) | np.isnan(asked.term_months) | np.isnan(asked.income)


@rule(code="LEND-09", law=GDPR22, effect=Effect.PERSON)
def input_is_degraded(asked: Priced, cuts: LendingSituation) -> Mask:
    """Part of what the decision reads could not be reached."""
    return asked.asked.degraded


@rule(code="LEND-10", law=GDPR22, effect=Effect.PERSON)
def model_is_stopped(asked: Priced, cuts: LendingSituation) -> Mask:
    """The bank has stopped the model that estimates the risk."""
    return asked.asked.stopped


@rule(code="LEND-11", law=GDPR22, effect=Effect.PERSON)
def grade_without_terms(asked: Priced, cuts: LendingSituation) -> Mask:
    """The policy gives no price and no limits for the applicant's grade."""
    return np.isnan(asked.rate)


@rule(code="LEND-12", law=OWN, effect=Effect.REFER)
def more_than_the_grade_gets(asked: Priced, cuts: LendingSituation) -> Mask:
    """The amount is above what the applicant's grade gets without a person."""
    return asked.amount > asked.grade_amount_max


@rule(code="LEND-13", law=OWN, effect=Effect.REFER)
def longer_than_the_grade_gets(asked: Priced, cuts: LendingSituation) -> Mask:
    """The term is longer than the applicant's grade gets without a person."""
    return asked.term_months > asked.grade_term_months_max


@rule(code="LEND-14", law=OWN, effect=Effect.REFER, zh="该评级的每笔申请均由人工决定。")
def grade_needs_a_look(asked: Priced, cuts: LendingSituation) -> Mask:
    """A person decides about every application of this grade."""
    return asked.of_grade(cuts.refer_grades)


@rule(code="LEND-15", law=OWN, effect=Effect.DECLINE, zh="本行不向该评级发放贷款。")
def grade_gets_no_loan(asked: Priced, cuts: LendingSituation) -> Mask:
    """The bank grants nothing in this grade."""
    return asked.of_grade(cuts.decline_grades)


@rule(code="LEND-16", law=AFFORDABLE, effect=Effect.DECLINE, needs=("running",))
def debt_service_not_affordable(asked: Priced, cuts: LendingSituation) -> Mask:
    """All instalments together take a larger share of the income than the policy allows."""
    return asked.service > cuts.debt_service_to_income_max * asked.income


@rule(code="LEND-17", law=AFFORDABLE, effect=Effect.DECLINE, needs=("running",))
def too_little_is_left(asked: Priced, cuts: LendingSituation) -> Mask:
    """After all instalments less of the income is left than the policy asks for."""
    return asked.left < cents(cuts.income_left_least)


@rule(code="LEND-18", law=CAPACITY, effect=Effect.REFER)
def age_is_not_sure(asked: Priced, cuts: LendingSituation) -> Mask:
    """By the year of birth the applicant may be not yet of age, or the bank does not know its customer's."""
    age = asked.asked.age_years
    unsure: Mask = (age == cuts.adult_from_age) | (np.isnan(age) & ~asked.asked.is_newcomer)
    return unsure & ~asked.asked.is_company


@rule(code="LEND-19", law=OWN, effect=Effect.DECLINE)
def a_loan_was_written_off(asked: Priced, cuts: LendingSituation) -> Mask:
    """The bank had to write off as many loans of the applicant as the policy names, or more."""
    return asked.asked.loans_written_off >= cuts.decline_from_loans_written_off


@rule(code="LEND-20", law=OWN, effect=Effect.REFER)
def refused_lately(asked: Priced, cuts: LendingSituation) -> Mask:
    """As many applications were refused within a year as the policy names, or more."""
    return asked.asked.applications_refused_365d >= cuts.refer_from_refused_365d


@rule(code="LEND-21", law=OWN, effect=Effect.DECLINE)
def delinquent_elsewhere(asked: Priced, cuts: LendingSituation) -> Mask:
    """The bureau reports more delinquencies than the policy allows."""
    return asked.asked.bureau_delinquencies > cuts.bureau_delinquencies_max


@rule(code="LEND-22", law=OWN, effect=Effect.REFER, needs=("exposure",))
def owes_more_than_the_grade_may(asked: Priced, cuts: LendingSituation) -> Mask:
    """What would be owed in all is above what the applicant's grade may owe without a person."""
    return asked.owed > asked.grade_exposure_max


@rule(code="LEND-23", law=AFFORDABLE, effect=Effect.REFER, needs=("exposure",))
def owes_much_for_the_income(asked: Priced, cuts: LendingSituation) -> Mask:
    """What would be owed in all is more yearly incomes than are decided without a person."""
    return asked.owed > (12 * cuts.refer_above_yearly_incomes) * asked.income


@rule(code="LEND-24", law=AFFORDABLE, effect=Effect.DECLINE, needs=("exposure",))
def owes_too_much_for_the_income(asked: Priced, cuts: LendingSituation) -> Mask:
    """What would be owed in all is more yearly incomes than the bank takes."""
    return asked.owed > (12 * cuts.decline_above_yearly_incomes) * asked.income


LENDING_RULES = (
    risk_too_high, risk_needs_a_look, instalment_not_affordable, payments_are_late, a_minor,
    amount_needs_a_person, newcomer_asks_for_much, something_is_unknown, input_is_degraded,
    model_is_stopped, grade_without_terms, more_than_the_grade_gets, longer_than_the_grade_gets,
    grade_needs_a_look, grade_gets_no_loan, debt_service_not_affordable, too_little_is_left,
    age_is_not_sure, a_loan_was_written_off, refused_lately, delinquent_elsewhere,
    owes_more_than_the_grade_may, owes_much_for_the_income, owes_too_much_for_the_income,
)  # fmt: skip
