"""May this customer have this product now? Asked before a sale, whoever proposed it and whenever that was.

The same rules that keep a product out of an offer answer here, at this moment: an assessment that expired
or a product that was rated anew since the offer says no.
"""

from collections.abc import Sequence

import numpy as np

from crm_rules.offers.eligibility import withdrawn_from_sale
from crm_rules.offers.offers import Offers
from crm_rules.offers.screening import CODES, OFFER_RULES, screen
from crm_rules.rules import UNAVAILABLE, Stage
from serving.deciding.asking import SuitabilityRequest
from serving.deciding.loaded import Loaded
from serving.deciding.offering import customers_of
from serving.deciding.records import Case, Decision, decide
from serving.deciding.rulebook import RULE_TEXTS
from serving.deciding.seen import Seen
from serving.errors import UnknownProduct

USE_CASE = "suitability"
ASKED = tuple(
    rule.code for rule in OFFER_RULES if rule.stage in (Stage.ELIGIBILITY, Stage.SUITABILITY)
)  # fmt: skip
AFTER_THE_SALE = "ELIG-01"  # more of what somebody holds may be sold; only offering it again makes no sense
COUNTED = frozenset((*ASKED, UNAVAILABLE)) - {AFTER_THE_SALE}


def suitability(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Answer n cases of one snapshot; each `case.request` is a SuitabilityRequest."""
    if not cases:
        return []
    seen, plain, policy = Seen(loaded, cases[0].snapshot), loaded.rulebook.plain, loaded.rulebook.policy
    customers = customers_of(cases, seen, [None] * len(cases))
    removed = screen(customers, plain, policy).removed
    answers = []
    for case in cases:
        assert isinstance(case.request, SuitabilityRequest)
        at = plain.place[case.request.product_id]
        held = [CODES[code] for code in np.flatnonzero(removed[:, case.row, at]).tolist()]
        codes = [code for code in held if code in COUNTED]
        days = float(customers.assessment_days[case.row])
        answer: dict[str, object] = {
            "product_id": case.request.product_id,
            "suitable": not codes,
            "customer_level": _level(float(customers.risk_level[case.row])),
            "product_level": _level(float(plain.risk_level[at])),
            "assessed_days_ago": None if np.isnan(days) else int(days),
            "assessment_valid_days": policy.suitability.assessment_valid_days,
            "rules": [RULE_TEXTS[code] for code in codes],
        }
        outcome = "suitable" if not codes else "unsuitable"
        answers.append(decide(case, loaded, answer, {"outcome": outcome, "rules": codes}))
    return answers


def against(case: Case, loaded: Loaded, offer_id: str) -> list[str]:
    """The codes that forbid one offer to one customer now; budgets and caps are left to their store."""
    offers, policy = loaded.rulebook.offers, loaded.rulebook.policy
    if offer_id not in offers.place:
        return [withdrawn_from_sale.code]
    customers = customers_of([case], Seen(loaded, case.snapshot), [None])
    known = customers.having(owned=np.zeros((1, len(offers)), np.bool_))
    codes = screen(known, offers, policy).codes(0, offers.place[offer_id])
    return [code for code in codes if code in COUNTED]


def require_known(requests: Sequence[SuitabilityRequest], offers: Offers) -> None:
    """UnknownProduct for the first that is not on sale."""
    for each in requests:
        if each.product_id not in offers.place:
            raise UnknownProduct(each.product_id)


def _level(level: float) -> int | None:
    return int(level) if 1 <= level <= 5 else None
