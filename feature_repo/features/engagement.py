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


def rating_mean(interactions: Seen, days: int) -> ir.Value:
    """Mean rating, 1 to 5, the customer gave in the last {days} days."""
    rated = interactions.within(days) & interactions.rating.notnull()
    return interactions.rating.sum(where=rated) / interactions.count(where=rated).nullif(0)


def channel_interactions(channel: str) -> Callable[[Seen, int], ir.Value]:
    """The feature that counts conversations through that channel."""

    def through(interactions: Seen, days: int) -> ir.Value:
        return interactions.count(where=interactions.within(days) & (interactions.channel == channel))

    through.__name__ = f"{channel}_interactions"
    through.__doc__ = f"Conversations by {channel} in the last {{days}} days."
    return through


def asked_about(topic: str) -> Callable[[Seen, int], ir.Value]:
    """The feature that counts conversations about that topic."""

    def about(interactions: Seen, days: int) -> ir.Value:
        return interactions.count(where=interactions.within(days) & (interactions.topic == topic))

    about.__name__ = f"asked_about_{topic}"
    about.__doc__ = f"Conversations about the topic '{topic}' in the last {{days}} days."
    return about


def inbound_share(interactions: Seen, days: int) -> ir.Value:
    """Share of the conversations of the last {days} days that the customer began."""
    known = interactions.within(days) & interactions.direction.notnull()
    begun = interactions.count(where=known & (interactions.direction == "inbound"))
    return begun / interactions.count(where=known).nullif(0)


def unresolved(interactions: Seen, days: int) -> ir.Value:
    """Conversations of the last {days} days whose matter is still open."""
    return interactions.count(where=interactions.within(days) & (interactions.outcome == "open"))


def rating_min(interactions: Seen, days: int) -> ir.Value:
    """Lowest rating, 1 to 5, the customer gave in the last {days} days."""
    return interactions.rating.min(where=interactions.within(days))


def ratings(interactions: Seen, days: int) -> ir.Value:
    """Ratings the customer gave in the last {days} days."""
    return interactions.rating.count(where=interactions.within(days))


def days_since_last_complaint(interactions: Seen) -> ir.Value:
    """Days since the last complaint."""
    return interactions.days_since_last(where=interactions.topic == "complaint")


def days_since_last_contact(interactions: Seen) -> ir.Value:
    """Days since the last conversation."""
    return interactions.days_since_last()


def offers(offers: Seen, days: int) -> ir.Value:
    """Offers made in the last {days} days."""
    return offers.count(where=offers.within(days))


def offers_accepted(offers: Seen, days: int) -> ir.Value:
    """Offers made in the last {days} days that were accepted before the date."""
    answered = (offers.outcome_at < offers.as_of).fill_null(True)
    return offers.count(where=offers.within(days) & (offers.outcome == "accepted") & answered)


def offers_ignored(offers: Seen, days: int) -> ir.Value:
    """Offers made in the last {days} days that were ignored, as known before the date."""
    answered = (offers.outcome_at < offers.as_of).fill_null(True)
    return offers.count(where=offers.within(days) & (offers.outcome == "ignored") & answered)


def offer_acceptance(offers: Seen, days: int) -> ir.Value:
    """Share of the offers made in the last {days} days that were accepted before the date."""
    made = offers.count(where=offers.within(days))
    return offers_accepted(offers, days).cast("float64") / made.nullif(0)


def days_since_last_offer(offers: Seen) -> ir.Value:
    """Days since the last offer, of the last year."""
    return offers.days_since_last()


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
    *entry(interactions, "count", 30, 90, 365, nothing=0),
    *entry(complaints, "count", 90, 365, nothing=0),
    *entry(channel_interactions("app"), "count", 90, nothing=0),
    *entry(channel_interactions("phone"), "count", 90, nothing=0),
    *entry(channel_interactions("branch"), "count", 90, nothing=0),
    *entry(asked_about("loan"), "count", 90, nothing=0),
    *entry(asked_about("mortgage"), "count", 90, nothing=0),
    *entry(asked_about("investment"), "count", 90, nothing=0),
    *entry(inbound_share, "share", 365),
    *entry(unresolved, "count", 90, nothing=0),
    *entry(rating_mean, "rating", 365),
    *entry(rating_min, "rating", 365),
    *entry(ratings, "count", 365, nothing=0),
    *entry(days_since_last_complaint, "days"),
    *entry(days_since_last_contact, "days"),
    *entry(offers, "count", 30, 180, nothing=0),
    *entry(offers_accepted, "count", 365, nothing=0),
    *entry(offers_ignored, "count", 365, nothing=0),
    *entry(offer_acceptance, "share", 365),
    *entry(days_since_last_offer, "days"),
    *entry(consent_marketing("email"), "flag"),
    *entry(consent_marketing("phone"), "flag"),
    *entry(consent_marketing("app"), "flag"),
    *entry(consent_profiling, "flag"),
)
