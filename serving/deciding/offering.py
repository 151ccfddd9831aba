"""From a snapshot to the funnel: customers and chances as the rules of offers read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from crm_rules.offers import funnel
from crm_rules.offers.chances import Chances, Estimates, chances
from crm_rules.offers.customers import COLUMNS, Customers, Moments
from crm_rules.offers.funnel import Asked, Funnel
from crm_rules.offers.screening import Screening, screen_both
from crm_rules.rules import Mask
from serving.deciding.asking import OfferRequest
from serving.deciding.loaded import Loaded
from serving.deciding.needs import Needs, needs
from serving.deciding.online import F64Array
from serving.deciding.records import Case
from serving.deciding.seen import Seen
from serving.deciding.uses import counts

CHURN = "churn"
I64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Offered:
    """n customers with what the models say of them, as the funnel left them."""

    customers: Customers
    needs: Needs
    funnel: Funnel


def offered(cases: Sequence[Case], seen: Seen) -> Offered:
    """Run the funnel for n cases of one snapshot; each `case.request` is an OfferRequest."""
    book, needed = seen.loaded.rulebook, needs(seen)
    asked = [case.request for case in cases if isinstance(case.request, OfferRequest)]
    known = customers_of(cases, seen, [each.channel for each in asked])
    leaving = needed.members.get(CHURN, known.leaving)
    customers = known.having(owned=book.offers.across(seen.owned), leaving=leaving)
    if book.offers.limited:
        mine, everybodys = counts([case.uses for case in cases], book.offers)
        customers = customers.having(used=mine, used_by_all=everybodys)
    whom = Asked(
        [each.customer_id for each in asked],
        moments_of(cases),
        np.array([each.personalised for each in asked], np.bool_),
    )
    said = chances_of(seen.loaded, needed, leaving)
    return Offered(customers, needed, funnel.run(customers, book.offers, book.policy, said, whom))


def chances_of(loaded: Loaded, needed: Needs, leaving: F64Array) -> Chances:
    """P of every offer, by what the models say of products."""
    popular = loaded.popularity[None] if loaded.runtime.affinities is not None else None
    return chances(loaded.rulebook.offers, Estimates(needed.product, popular, leaving))


def informed(cases: Sequence[Case], seen: Seen, personal: Mask) -> Screening:
    """Every offer rule's verdict on the products alone, for scores that only inform.

    `personal` (n,) is whose learned segments may count.
    """
    plain, policy = seen.loaded.rulebook.plain, seen.loaded.rulebook.policy
    customers = customers_of(cases, seen, [None] * len(cases))
    known, unknown = screen_both(customers, plain, policy)
    return Screening(np.where(personal[:, None], known, unknown))


def customers_of(cases: Sequence[Case], seen: Seen, channels: Sequence[str | None]) -> Customers:
    """n customers as rules read them, each at the moment of the decision; `owned` are the products."""
    snapshot = seen.snapshot
    columns = dict(zip(COLUMNS, snapshot.columns(COLUMNS), strict=True))
    events = snapshot.event_us[:, snapshot.origin.views.index("profile")]
    moments = Moments(moments_of(cases), events, seen.loaded.rulebook.policy.calendar.zone)
    known = Customers.known(columns, moments, seen.owned, channels)
    return known.having(ruled=seen.placed.ruled, learned=seen.placed.learned)


def moments_of(cases: Sequence[Case]) -> I64Array:
    """When each case is decided, microseconds UTC, (n,)."""
    known = {at: _microseconds(at) for at in {case.stamp.at for case in cases}}
    return np.array([known[case.stamp.at] for case in cases], np.int64)


def _microseconds(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
