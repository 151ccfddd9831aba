"""Who may call what: one table of routes with the scope each needs. What is not in it is refused.

Tokens are JWTs signed with Ed25519 and nothing else; `serving/tokens` makes and checks them.
"""

from collections.abc import Mapping

from serving.tokens.caller import Caller
from serving.tokens.check import TokenCheck
from serving.tokens.issuing import issue, token_key
from serving.tokens.scopes import CUSTOMER_SCOPES, EVERY_SCOPE, Scope
from serving.tokens.strict import AUDIENCE, ISSUER

__all__ = [
    "AUDIENCE", "CLOSED", "CUSTOMER_SCOPES", "EVERY_SCOPE", "ISSUER", "OPEN", "ROUTES", "Caller", "Scope",
    "TokenCheck", "issue", "token_key",
]  # fmt: skip

ROUTES: Mapping[tuple[str, str], Scope] = {
    ("POST", "/v1/decisions/next-best-action"): Scope.DECIDE,
    ("POST", "/v1/decisions/next-best-action:batch"): Scope.DECIDE,
    ("POST", "/v1/decisions/credit"): Scope.DECIDE,
    ("POST", "/v1/decisions/credit:batch"): Scope.DECIDE,
    ("GET", "/v1/decisions"): Scope.READ_DECISIONS,
    ("GET", "/v1/decisions/explanation"): Scope.READ_DECISIONS,
    ("POST", "/v1/decisions/review"): Scope.REVIEW,
    ("POST", "/v1/decisions/suitability"): Scope.DECIDE,
    ("POST", "/v1/decisions/suitability:batch"): Scope.DECIDE,
    ("POST", "/v1/decisions/outcome"): Scope.OUTCOME,
    ("POST", "/v1/score/segment"): Scope.SCORE,
    ("POST", "/v1/score/segment:batch"): Scope.SCORE,
    ("POST", "/v1/score/propensity"): Scope.SCORE,
    ("POST", "/v1/score/propensity:batch"): Scope.SCORE,
    ("POST", "/v1/score/credit"): Scope.SCORE,
    ("POST", "/v1/score/credit:batch"): Scope.SCORE,
    ("POST", "/v1/score/recommendation"): Scope.SCORE,
    ("POST", "/v1/score/recommendation:batch"): Scope.SCORE,
    ("POST", "/v1/loyalty/account"): Scope.READ_LOYALTY,
    ("POST", "/v1/loyalty/redeem"): Scope.REDEEM,
    ("POST", "/v1/events"): Scope.EVENTS,
    ("GET", "/v1/status"): Scope.STATUS,
    ("GET", "/v1/models"): Scope.STATUS,
    ("GET", "/openapi.json"): Scope.STATUS,
    ("GET", "/docs"): Scope.STATUS,
}
CLOSED: Mapping[tuple[str, str], Scope] = {  # BentoML's own routes that tell about the inside
    ("GET", "/metrics"): Scope.STATUS,
}

OPEN: frozenset[tuple[str, str]] = frozenset({("GET", "/livez"), ("GET", "/readyz"), ("GET", "/healthz")})
