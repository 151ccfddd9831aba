"""What a token can allow, and what a customer's own can."""

from enum import StrEnum


class Scope(StrEnum):
    """What a token allows."""

    SCORE = "score:read"
    DECIDE = "decisions:make"
    READ_DECISIONS = "decisions:read"
    REVIEW = "decisions:review"
    OUTCOME = "decisions:outcome"
    READ_LOYALTY = "loyalty:read"
    REDEEM = "loyalty:write"
    EVENTS = "events:write"
    STATUS = "status:read"


EVERY_SCOPE = tuple(str(scope) for scope in Scope)
INSIDE = frozenset({Scope.EVENTS, Scope.STATUS})  # what happened is the bank's word, and so is how it fares
CUSTOMER_SCOPES = tuple(scope for scope in EVERY_SCOPE if scope not in INSIDE)
