"""What to offer next: eligible, suitable, consented; then first things first.

catalogue -> eligibility -> suitability -> consent and contact -> P x C x V x L.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crm_rules.offers.arbitration import arbitrate
from crm_rules.offers.columns import CUSTOMER_COLUMNS, Customers, Products
from crm_rules.offers.consent import open_channels
from crm_rules.offers.screening import OFFER_CODES, Screening, screen
from serving.asking import OfferRequest
from serving.drivers import Drivers, drivers_of
from serving.loaded import Loaded
from serving.needs import Needs, needs
from serving.online import F32Array, F64Array, Snapshot
from serving.records import Case, Decision, decide
from serving.rulebook import NO_MODEL, RULE_TEXTS
from serving.segments import Placed, place
from training.release.packing import pack

USE_CASE = "next_best_action"
CODES = (*OFFER_CODES, NO_MODEL)
SELECTION_PROBABILITY = 1.0  # the policy is deterministic: the best offer is always the one shown
CONSENTS = {
    "email": "consent_marketing_email",
    "phone": "consent_marketing_phone",
    "app": "consent_marketing_app",
    "profiling": "consent_profiling",
}


@dataclass(frozen=True)
class Funnel:
    """n customers after the funnel: what was removed and why, what is left and in which order.

    `order` is (n, P), positions in the catalogue, best first, then -1.
    """

    customers: Customers
    placed: Placed
    screening: Screening
    needs: Needs
    context: F64Array
    priority: F64Array
    order: npt.NDArray[np.int64]
    first_rule: npt.NDArray[np.int8]
    recommenders: Sequence[str | None]


def next_best_action(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Decide n cases of one snapshot; each `case.request` is an OfferRequest."""
    if not cases:
        return []
    snapshot = cases[0].snapshot
    matrix = snapshot.matrix(loaded.runtime.columns, {})
    channels = [case.request.channel for case in cases if isinstance(case.request, OfferRequest)]
    placed = place(loaded, snapshot, matrix)
    funnel = _funnel(snapshot, loaded, placed, needs_of(snapshot, loaded, matrix), channels)
    reasons = drivers_of(loaded, matrix, _shown_families(cases, loaded, funnel))
    return [_decide(case, loaded, funnel, reasons) for case in cases]


def needs_of(snapshot: Snapshot, loaded: Loaded, matrix: F32Array) -> Needs:
    """Propensities and shares of every customer, from a snapshot and its global matrix."""
    return needs(loaded, snapshot, loaded.runtime.margins(matrix), loaded.owned(snapshot))


def screened(
    snapshot: Snapshot, loaded: Loaded, placed: Placed, shelf: Products
) -> tuple[Customers, Screening]:
    """The customers as rules read them, and every offer rule's verdict on the products of `shelf`."""
    columns = {name: snapshot.column(name) for name in CUSTOMER_COLUMNS}
    customers = Customers.from_columns(columns, loaded.owned(snapshot), placed.members)
    return customers, screen(customers, shelf, loaded.rulebook.policy)


def _funnel(
    snapshot: Snapshot, loaded: Loaded, placed: Placed, needed: Needs, channels: Sequence[str | None]
) -> Funnel:
    book = loaded.rulebook
    customers, screening = screened(snapshot, loaded, placed, book.products)
    context = np.stack([book.contexts[channel] for channel in channels])
    ids = book.products.product_id
    ranking = arbitrate(needed.product, context, book.value, book.lever, screening.blocked, ids, len(ids))
    unmodelled = ~screening.blocked & np.isnan(ranking.priority)
    first = np.where(unmodelled, np.int8(len(OFFER_CODES)), screening.first_rule)
    kinds = recommender_kinds(loaded, snapshot)
    return Funnel(
        customers, placed, screening, needed, context, ranking.priority, ranking.order, first, kinds
    )


def _shown(case: Case, funnel: Funnel) -> list[int]:
    """The positions of the products this case is shown, best first."""
    assert isinstance(case.request, OfferRequest)
    return [int(at) for at in funnel.order[case.row] if at >= 0][: case.request.top]


def _shown_families(cases: Sequence[Case], loaded: Loaded, funnel: Funnel) -> dict[str, list[int]]:
    """The rows to which each family is shown."""
    families: dict[str, list[int]] = {}
    for case in cases:
        for family in sorted({str(loaded.rulebook.products.family[at]) for at in _shown(case, funnel)}):
            families.setdefault(family, []).append(case.row)
    return families


def _decide(
    case: Case,
    loaded: Loaded,
    funnel: Funnel,
    reasons: Mapping[tuple[str, int], Drivers],
) -> Decision:
    row, book = case.row, loaded.rulebook
    ranked, shown = [int(at) for at in funnel.order[row] if at >= 0], _shown(case, funnel)
    shown_families = sorted({str(book.products.family[at]) for at in shown})
    why = {family: reasons[family, row] for family in shown_families}
    out = {int(at): _codes(funnel, row, int(at)) for at in np.flatnonzero(funnel.first_rule[row] >= 0)}
    allowed = open_channels(funnel.customers, book.policy)[row]
    answer: dict[str, object] = {
        "segment": funnel.placed.segment(row),
        "rule_segments": funnel.placed.rule_segments(row),
        "churn": float(churn[row]) if (churn := funnel.needs.members.get("churn")) is not None else None,
        "offers": [
            {
                "rank": rank,
                **_offer(loaded, funnel, row, at),
                "reasons": reasons[str(book.products.family[at]), row],
            }
            for rank, at in enumerate(shown, start=1)
        ],
        "channels": [
            channel
            for channel, is_open in zip(book.policy.consent.marketing_channels, allowed, strict=True)
            if is_open
        ],
        "why": {"recommender": funnel.recommenders[row]},
        "ruled_out": [
            {"product_id": book.products.product_id[at], "rules": codes} for at, codes in out.items()
        ],
        "rules": [RULE_TEXTS[code] for code in sorted({code for codes in out.values() for code in codes})],
        "selection_probability": SELECTION_PROBABILITY,
    }
    kept = _kept(case, loaded, funnel, ranked, shown)
    return decide(case, loaded, answer, {**kept, "reasons": why})


def _offer(loaded: Loaded, funnel: Funnel, row: int, at: int) -> dict[str, object]:
    book, title = loaded.rulebook, loaded.rulebook.titles[at]
    share = float(funnel.needs.share[row, at])
    return {
        "product_id": book.products.product_id[at],
        "family": str(book.products.family[at]),
        "title": {"en": title.en, "zh": title.zh},
        "P": float(funnel.needs.product[row, at]),
        "C": float(funnel.context[row, at]),
        "V": float(book.value[at]),
        "L": float(book.lever[at]),
        "priority": float(funnel.priority[row, at]),
        "share_in_family": share,
    }


def _codes(funnel: Funnel, row: int, at: int) -> list[str]:
    held = [
        code
        for code, is_removed in zip(
            funnel.screening.codes, funnel.screening.removed[:, row, at].tolist(), strict=True
        )
        if is_removed
    ]
    return held or [NO_MODEL]


def _kept(
    case: Case,
    loaded: Loaded,
    funnel: Funnel,
    ranked: Sequence[int],
    shown: Sequence[int],
) -> dict[str, object]:
    book, row = loaded.rulebook, case.row
    factors = [funnel.needs.product[row], funnel.context[row], book.value, book.lever, funnel.priority[row]]
    return {
        "scores": {name: float(values[row]) for name, values in funnel.needs.members.items()}
        | funnel.placed.scores(row),
        "candidates": {
            "codes": list(CODES),
            "rules": base64.b64encode(funnel.first_rule[row].tobytes()).decode(),
            "ranked": list(ranked),
            "factors": pack(np.stack([factor[list(ranked)] for factor in factors]).ravel()),
        },
        "outcome": [book.products.product_id[at] for at in shown],
        "selection_probability": SELECTION_PROBABILITY,
        "consent": {name: case.snapshot.value(column, row) for name, column in CONSENTS.items()},
        "automation": "automated",
    }


def recommender_kinds(loaded: Loaded, snapshot: Snapshot) -> list[str | None]:
    """What each customer's shares come from: with products held the hybrid, with none what is known of them.

    None where the release has no recommender.
    """
    if loaded.runtime.affinities is None:
        return [None] * len(snapshot)
    held = loaded.held_by_recommender(snapshot)
    return ["hybrid" if each.any() else "content" for each in held]
