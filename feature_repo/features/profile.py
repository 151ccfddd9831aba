"""Who the customer is: the version of their record in force."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.raw.contracts import CONTACT_CHANNELS
from feature_repo.snapshot import Seen, days_between
from feature_repo.sources import MONTH_DAYS, level
from feature_repo.zones import CODE


def age_years(customers: Seen) -> ir.Value:
    """Years between the year of birth and the year of the date."""
    return customers.as_of.year() - customers.birth_year


def is_female(customers: Seen) -> ir.Value:
    """Whether the customer is a woman."""
    return customers.gender == "female"


def is_company(customers: Seen) -> ir.Value:
    """Whether the customer is a company."""
    return customers.party_type == "company"


def tenure_months(customers: Seen) -> ir.Value:
    """Months since the customer joined the bank."""
    return customers.days_since(customers.joined_at) / MONTH_DAYS


def income_monthly(customers: Seen) -> ir.Value:
    """Monthly income on file."""
    return customers.income_monthly


def risk_level(customers: Seen) -> ir.Value:
    """How much investment risk the customer may take, C1 to C5 as 1 to 5."""
    return level(customers.risk_level)


def risk_assessment_age_days(customers: Seen) -> ir.Value:
    """Days since that risk level was assessed; unknown when that is said to be still to come."""
    age = customers.days_since(customers.assessed_at)
    return (age >= 0).ifelse(age, None)


def has_relationship_manager(customers: Seen) -> ir.Value:
    """Whether a relationship manager looks after the customer."""
    return customers.relationship_manager.notnull()


def accounts_open(accounts: Seen) -> ir.Value:
    """Accounts the customer owns that are open."""
    return accounts.count(where=is_open(accounts) & (accounts.role == "owner"))


def accounts_opened(accounts: Seen, days: int) -> ir.Value:
    """Own accounts opened in the last {days} days."""
    opened = (accounts.role == "owner") & (accounts.opened_at < accounts.as_of)
    return accounts.count(where=opened & (days_between(accounts.opened_at, accounts.as_of) <= days))


def accounts_closed(accounts: Seen, days: int) -> ir.Value:
    """Own accounts closed in the last {days} days."""
    age = days_between(accounts.closed_at, accounts.as_of)
    return accounts.count(where=(accounts.role == "owner") & (age > 0) & (age <= days))


def account_age_days(accounts: Seen) -> ir.Value:
    """Days since the oldest of the customer's own accounts was opened."""
    return days_between(accounts.opened_at, accounts.as_of).max(where=accounts.role == "owner")


def account_types(accounts: Seen) -> ir.Value:
    """Different types among the customer's own open accounts."""
    return accounts.type.nunique(where=is_open(accounts) & (accounts.role == "owner"))


def prefers_digital(customers: Seen) -> ir.Value:
    """Whether the channel the customer prefers is the app, chat or e-mail."""
    return customers.preferred_channel.isin(("app", "chat", "email"))


def preferred_channel(customers: Seen) -> ir.Value:
    """The channel the customer prefers, by its place among the channels; 0 is the phone."""
    return _code(customers.preferred_channel, CONTACT_CHANNELS, range(len(CONTACT_CHANNELS)))


def time_zone(customers: Seen) -> ir.Value:
    """The time zone the customer lives in, by its place among the zones; unknown when it is none of them."""
    return _code(customers.time_zone, list(CODE), list(CODE.values()))


def accounts_authorised(accounts: Seen) -> ir.Value:
    """Open accounts of somebody else that the customer may use."""
    return accounts.count(where=is_open(accounts) & (accounts.role == "authorised"))


def is_open(accounts: Seen) -> ir.BooleanValue:
    """Whether the account was not closed before the date."""
    return (accounts.closed_at >= accounts.as_of).fill_null(True)


def _code(name: ir.Value, names: Sequence[str], codes: Sequence[int]) -> ir.Value:
    # By place: a case for each of hundreds of names takes ten times as long. None of them is place -1.
    place = ibis.array(list(names)).index(name)
    return ibis.array([None, *codes])[(place + 1).cast("int32")]


FEATURES: tuple[Feature, ...] = (
    *entry(age_years, "years"),
    *entry(is_female, "flag"),
    *entry(is_company, "flag"),
    *entry(tenure_months, "months"),
    *entry(income_monthly, "money"),
    *entry(risk_level, "level"),
    *entry(risk_assessment_age_days, "days"),
    *entry(accounts_open, "count", nothing=0),
    *entry(accounts_authorised, "count", nothing=0),
    *entry(accounts_opened, "count", 365, nothing=0),
    *entry(accounts_closed, "count", 365, nothing=0),
    *entry(account_age_days, "days"),
    *entry(account_types, "count", nothing=0),
    *entry(prefers_digital, "flag"),
    *entry(has_relationship_manager, "flag"),
    *entry(preferred_channel, "code"),
    *entry(time_zone, "code"),
)
