"""How customer and bank talk, and what the customer allows."""

from collections.abc import Callable

import ibis.expr.types as ir

from feature_repo.features.feature import Feature, entry
from feature_repo.snapshot import Seen


def interactions(interactions: Seen, days: int) -> ir.Value:
    """Conversations in the last {days} days."""
    return interactions.count(where=interactions.within(days))


def complaints(interactions: Seen, days: int) -> ir.Value:
    """Complaints in the last {days} days."""
    return interactions.count(where=interactions.within(days) & (interactions.topic == "complaint"))


def app_interactions(interactions: Seen, days: int) -> ir.Value:
    """Conversations in the app in the last {days} days."""
    return interactions.count(where=interactions.within(days) & (interactions.channel == "app"))


def rating_mean(interactions: Seen, days: int) -> ir.Value:
    """Mean rating, 1 to 5, the customer gave in the last {days} days."""
    rated = interactions.within(days) & interactions.rating.notnull()
    return interactions.rating.sum(where=rated) / interactions.count(where=rated).nullif(0)


def days_since_last_contact(interactions: Seen) -> ir.Value:
    """Days since the last conversation."""
    return interactions.days_since(interactions.event.max())


def offers(offers: Seen, days: int) -> ir.Value:
    """Offers made in the last {days} days."""
    return offers.count(where=offers.within(days))


def offers_accepted(offers: Seen, days: int) -> ir.Value:
    """Offers made in the last {days} days that were accepted before the date."""
    answered = (offers.outcome_at < offers.as_of).fill_null(True)
    return offers.count(where=offers.within(days) & (offers.outcome == "accepted") & answered)


def consent_profiling(consents: Seen) -> ir.Value:
    """Whether the customer allows profiling: 1 given, 0 withdrawn."""
    return in_force(consents, consents.purpose == "profiling")


def consent_marketing(channel: str) -> Callable[[Seen], ir.Value]:
    """The feature that tells whether marketing through that channel is allowed."""

    def flag(consents: Seen) -> ir.Value:
        return in_force(consents, (consents.purpose == "marketing") & (consents.channel == channel))

    flag.__name__ = f"consent_marketing_{channel}"
    flag.__doc__ = f"Whether the customer allows marketing by {channel}: 1 given, 0 withdrawn."
    return flag


def in_force(consents: Seen, which: ir.BooleanValue) -> ir.Value:
    """Whether the last of these consents was given; withdrawn wins at the same moment."""
    given = consents.event.max(where=which & (consents.state == "given"))
    withdrawn = consents.event.max(where=which & (consents.state == "withdrawn"))
    return withdrawn.isnull().ifelse(given.notnull().nullif(False), (given > withdrawn).fill_null(False))


FEATURES: tuple[Feature, ...] = (
    *entry(interactions, "count", 90, nothing=0),
    *entry(complaints, "count", 365, nothing=0),
    *entry(app_interactions, "count", 90, nothing=0),
    *entry(rating_mean, "rating", 365),
    *entry(offers, "count", 180, nothing=0),
    *entry(offers_accepted, "count", 365, nothing=0),
    *entry(days_since_last_contact, "days"),
    *entry(consent_marketing("email"), "flag"),
    *entry(consent_marketing("phone"), "flag"),
    *entry(consent_marketing("app"), "flag"),
    *entry(consent_profiling, "flag"),
)
