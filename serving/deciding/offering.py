"""From a snapshot to the funnel: customers and chances as the rules of offers read them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from crm_rules.offers import funnel
from crm_rules.offers.chances import Chances, Estimates, chances
from crm_rules.offers.customers import COLUMNS, Customers, Moments
from crm_rules.offers.funnel import Asked, Funnel
from crm_rules.offers.screening import Screening, screen, screen_without_profile
from crm_rules.rules import Mask
from serving.deciding.asking import OfferRequest
from serving.deciding.loaded import Loaded
from serving.deciding.needs import Needs, needs, popularity
from serving.deciding.online import F32Array, F64Array, Snapshot
from serving.deciding.records import Case
from serving.deciding.segments import Placed, place
from serving.deciding.uses import counts

CHURN = "churn"
I64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Offered:
    """n customers with what the models say of them, as the funnel left them."""

    customers: Customers
    placed: Placed
    needs: Needs
    funnel: Funnel


def offered(cases: Sequence[Case], loaded: Loaded, matrix: F32Array) -> Offered:
    """Run the funnel for n cases of one snapshot; each `case.request` is an OfferRequest."""
    snapshot, book = cases[0].snapshot, loaded.rulebook
    placed, needed = place(loaded, snapshot, matrix), needs_of(snapshot, loaded, matrix)
    asked = [case.request for case in cases if isinstance(case.request, OfferRequest)]
    channels = [each.channel for each in asked]
    known = customers_of(cases, loaded, placed, channels)
    leaving = needed.members.get(CHURN, known.leaving)
    held = book.offers.across(loaded.owned(snapshot))
    customers = replace(known, owned=held, leaving=leaving)
    if book.offers.limited:
        mine, everybodys = counts([case.uses for case in cases], book.offers)
        customers = replace(customers, used=mine, used_by_all=everybodys)
    whom = Asked(
        [each.customer_id for each in asked],
        moments_of(cases),
        np.array([each.personalised for each in asked], np.bool_),
    )
    said = chances_of(loaded, needed, leaving)
    return Offered(customers, placed, needed, funnel.run(customers, book.offers, book.policy, said, whom))


def chances_of(loaded: Loaded, needed: Needs, leaving: F64Array) -> Chances:
    """P of every offer, by what the models say of products."""
    popular = popularity(loaded, len(leaving)) if loaded.runtime.affinities is not None else None
    return chances(loaded.rulebook.offers, Estimates(needed.product, popular, leaving))


def needs_of(snapshot: Snapshot, loaded: Loaded, matrix: F32Array) -> Needs:
    """Propensities and shares of every customer, from a snapshot and its global matrix."""
    return needs(loaded, snapshot, loaded.runtime.margins(matrix), loaded.owned(snapshot))


def informed(cases: Sequence[Case], loaded: Loaded, placed: Placed, personal: Mask) -> Screening:
    """Every offer rule's verdict on the products alone, for scores that only inform.

    `personal` (n,) is whose learned segments may count.
    """
    plain, policy = loaded.rulebook.plain, loaded.rulebook.policy
    customers = customers_of(cases, loaded, placed, [None] * len(cases))
    known = screen(customers, plain, policy)
    unknown = screen_without_profile(known, customers, plain, policy)
    return Screening(np.where(personal[None, :, None], known.removed, unknown.removed))


def customers_of(
    cases: Sequence[Case], loaded: Loaded, placed: Placed, channels: Sequence[str | None]
) -> Customers:
    """n customers as rules read them, each at the moment of the decision; `owned` are the products."""
    snapshot = cases[0].snapshot
    columns = {name: snapshot.column(name) for name in COLUMNS}
    events = snapshot.event_us[:, snapshot.origin.views.index("profile")]
    moments = Moments(
        moments_of(cases),
        events,
        loaded.rulebook.policy.calendar.zone,
    )
    known = Customers.known(columns, moments, loaded.owned(snapshot), channels)
    return replace(known, ruled=placed.ruled, learned=placed.learned)


def moments_of(cases: Sequence[Case]) -> I64Array:
    """When each case is decided, microseconds UTC, (n,)."""
    known = {at: _microseconds(at) for at in {case.stamp.at for case in cases}}
    return np.array([known[case.stamp.at] for case in cases], np.int64)


def _microseconds(at: str) -> int:
    moment = datetime.fromisoformat(at)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
