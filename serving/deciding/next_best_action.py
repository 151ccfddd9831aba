"""What to offer next: allowed, sensible, suitable, at the right time; then first things first.

catalogue -> eligibility -> applicability -> suitability -> contact -> P x C x V x L.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import orjson

from crm_rules.offers import arms
from crm_rules.offers.contacting import open_now
from crm_rules.offers.screening import STAGES
from crm_rules.vocabulary import MARKETING_CHANNELS
from serving.deciding.asking import OfferRequest
from serving.deciding.candidates import Candidates, candidates
from serving.deciding.drivers import Drivers, drivers_of
from serving.deciding.loaded import Loaded, Mask
from serving.deciding.offering import CHURN, Offered, offered
from serving.deciding.phrases import Json, rule_texts
from serving.deciding.records import Case, Decision, decide
from serving.deciding.seen import Seen

USE_CASE = "next_best_action"
CONSENTS = {
    "email": "consent_marketing_email",
    "phone": "consent_marketing_phone",
    "app": "consent_marketing_app",
    "profiling": "consent_profiling",
}
CONSENT_COLUMNS = tuple(CONSENTS.values())
STAGE_NAMES = tuple(map(str, STAGES))
NUMBERS = ("P", "C", "V", "L", "priority", "share_in_family")
Reasons = Mapping[tuple[str, int], Drivers]


@dataclass(frozen=True)
class Listed:
    """n customers after the funnel, as plain values: everything here is a list with an entry for each.

    `shown` and `ranked` are places of offers, best first, `numbers` the NUMBERS of those shown. `held` are
    the bits of the codes against every offer, `against` those against any.
    """

    shown: list[list[int]]
    numbers: list[list[list[float]]]
    ranked: list[list[int]]
    held: list[list[int]]
    against: list[int]
    removed: list[list[int]]
    personal: list[bool]
    arm: list[int]
    explored: list[bool]
    probability: list[float]
    channels: list[list[str]]
    members: list[dict[str, float]]
    consent: list[dict[str, float]]
    kinds: list[str | None]
    candidates: list[Candidates]


def next_best_action(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Decide n cases of one snapshot; each `case.request` is an OfferRequest."""
    if not cases:
        return []
    seen = Seen(loaded, cases[0].snapshot)
    found = offered(cases, seen)
    listed = _listed(cases, seen, found)
    reasons = drivers_of(loaded, seen.matrix, _shown_families(cases, loaded, listed))
    return [_decide(case, seen, listed, reasons) for case in cases]


def _listed(cases: Sequence[Case], seen: Seen, found: Offered) -> Listed:
    funnel, book, names = found.funnel, seen.loaded.rulebook, list(found.needs.members)
    held = funnel.screening.held
    left = (funnel.order >= 0).sum(axis=1).tolist()
    ranked = [places[:many] for places, many in zip(funnel.order.tolist(), left, strict=True)]
    members = [values.tolist() for values in found.needs.members.values()]
    consents = seen.snapshot.columns(CONSENT_COLUMNS).T
    shown = [places[: _top(case)] for places, case in zip(ranked, cases, strict=True)]
    return Listed(
        shown,
        _numbers(seen, found, max(map(len, shown))),
        ranked,
        held.tolist(),
        np.bitwise_or.reduce(held, axis=1).tolist(),
        funnel.by_stage.tolist(),
        funnel.profiled.tolist(),
        funnel.arm.tolist(),
        funnel.explored.tolist(),
        funnel.probability.tolist(),
        _channels(open_now(found.customers, book.policy)),
        [dict(zip(names, row, strict=True)) for row in zip(*members, strict=True)] or [{}] * len(seen),
        [dict(zip(CONSENTS, row, strict=True)) for row in consents.tolist()],
        recommender_kinds(seen),
        candidates(book.offers, funnel, ranked),
    )


def _top(case: Case) -> int:
    assert isinstance(case.request, OfferRequest)
    return case.request.top


def _channels(open_: Mask) -> list[list[str]]:
    """The channels each customer may be spoken to about offers at this moment."""
    return [
        [name for name, is_open in zip(MARKETING_CHANNELS, row, strict=True) if is_open]
        for row in open_.tolist()
    ]


def _shown_families(cases: Sequence[Case], loaded: Loaded, listed: Listed) -> dict[str, list[int]]:
    """The rows to which each family is shown with a reason of their own."""
    families: dict[str, list[int]] = {}
    for case in cases:
        if listed.personal[case.row]:
            for family in loaded.phrases.families(listed.shown[case.row]):
                families.setdefault(family, []).append(case.row)
    return families


def _decide(case: Case, seen: Seen, listed: Listed, reasons: Reasons) -> Decision:
    row, loaded, phrases = case.row, seen.loaded, seen.loaded.phrases
    shown, personal = listed.shown[row], listed.personal[row]
    answer: dict[str, object] = {
        "personalised": personal,
        "segment": seen.placed.segment(row) if personal else None,
        "rule_segments": seen.placed.rule_segments(row) if personal else [],
        "churn": listed.members[row].get(CHURN) if personal else None,
        "offers": _offers(case, seen, listed, reasons),
        "channels": listed.channels[row],
        "why": {"recommender": listed.kinds[row] if personal else None},
        "funnel": {
            "offers": len(loaded.rulebook.offers),
            "removed": dict(zip(STAGE_NAMES, listed.removed[row], strict=True)),
            "left": len(listed.ranked[row]),
        },
        "ruled_out": [phrases.ruled_out(at, held) for at, held in enumerate(listed.held[row]) if held],
        "rules": rule_texts(listed.against[row]),
        "arm": arms.NAMES[listed.arm[row]],
        "selection_probability": listed.probability[row],
    }
    why = {family: reasons[family, row] for family in phrases.families(shown) if personal}
    return decide(case, loaded, answer, {**_kept(case, seen, listed), "reasons": why})


def _offers(case: Case, seen: Seen, listed: Listed, reasons: Reasons) -> list[Json]:
    """The offers as the answer shows them: what is always said of each, then what this customer makes it."""
    assert isinstance(case.request, OfferRequest)
    row, phrases, channel = case.row, seen.loaded.phrases, case.request.channel
    told = []
    for rank, (at, numbers) in enumerate(zip(listed.shown[row], listed.numbers[row], strict=False), start=1):
        known: dict[str, object] = dict(zip(NUMBERS, numbers, strict=True))
        known["reasons"] = reasons.get((phrases.family(at), row), [])
        told.append(Json(phrases.offer(rank, at, channel) + orjson.dumps(known)[1:]))
    return told


def _numbers(seen: Seen, found: Offered, most: int) -> list[list[list[float]]]:
    """The NUMBERS of the first offers of each customer, at most so many; NaN for what is not said."""
    funnel, offers = found.funnel, seen.loaded.rulebook.offers
    order, rows = funnel.order[:, :most], np.arange(len(seen))[:, None]
    place = offers.position[order]
    shares = found.needs.share[rows, place] if found.needs.share.shape[1] else np.full(order.shape, np.nan)
    factors = (
        funnel.chance[rows, order],
        funnel.context[rows, order],
        offers.worth[order],
        offers.lever[order],
        funnel.priority[rows, order],
        np.where((place >= 0) & funnel.profiled[:, None], shares, np.nan),
    )
    return np.stack(factors, axis=-1).tolist()  # type: ignore[no-any-return]  # three deep


def _kept(case: Case, seen: Seen, listed: Listed) -> dict[str, object]:
    row, ids = case.row, seen.loaded.rulebook.offers.offer_id
    return {
        "scores": listed.members[row] | seen.placed.scores(row),
        "candidates": listed.candidates[row],
        "outcome": [ids[at] for at in listed.shown[row]],
        "arm": arms.NAMES[listed.arm[row]],
        "explored": listed.explored[row],
        "selection_probability": listed.probability[row],
        "consent": listed.consent[row],
        "automation": "automated",
    }


def recommender_kinds(seen: Seen) -> list[str | None]:
    """What each customer's shares come from: with products held the hybrid, with none what is known of them.

    None where the release has no recommender.
    """
    if seen.held is None:
        return [None] * len(seen)
    holds: list[bool] = np.asarray(seen.held.any(axis=1)).tolist()
    return ["hybrid" if some else "content" for some in holds]
