"""What to offer next: allowed, sensible, suitable, at the right time; then first things first.

catalogue -> eligibility -> applicability -> suitability -> contact -> P x C x V x L.
"""

import base64
from collections.abc import Mapping, Sequence

import numpy as np

from crm_rules.offers import arms
from crm_rules.offers.contacting import open_channels, quiet_now
from crm_rules.offers.screening import CODES, STAGE_OF, STAGES
from crm_rules.vocabulary import MARKETING_CHANNELS
from serving.deciding.asking import OfferRequest
from serving.deciding.drivers import Drivers, drivers_of
from serving.deciding.loaded import Loaded
from serving.deciding.offering import CHURN, Offered, offered
from serving.deciding.online import Snapshot
from serving.deciding.records import Case, Decision, decide
from serving.deciding.rulebook import RULE_TEXTS
from training.release.packing import pack

USE_CASE = "next_best_action"
CONSENTS = {
    "email": "consent_marketing_email",
    "phone": "consent_marketing_phone",
    "app": "consent_marketing_app",
    "profiling": "consent_profiling",
}


def next_best_action(cases: Sequence[Case], loaded: Loaded) -> list[Decision]:
    """Decide n cases of one snapshot; each `case.request` is an OfferRequest."""
    if not cases:
        return []
    snapshot = cases[0].snapshot
    matrix = snapshot.matrix(loaded.runtime.columns, {})
    found = offered(cases, loaded, matrix)
    reasons = drivers_of(loaded, matrix, _shown_families(cases, loaded, found))
    kinds = recommender_kinds(loaded, snapshot)
    return [_decide(case, loaded, found, reasons, kinds[case.row]) for case in cases]


def _ranked(case: Case, found: Offered) -> list[int]:
    """The places of the offers that are left for this case, best first."""
    return [int(at) for at in found.funnel.order[case.row] if at >= 0]


def _shown(case: Case, found: Offered) -> list[int]:
    """The places of the offers this case is shown, best first."""
    assert isinstance(case.request, OfferRequest)
    return _ranked(case, found)[: case.request.top]


def _shown_families(cases: Sequence[Case], loaded: Loaded, found: Offered) -> dict[str, list[int]]:
    """The rows to which each family is shown with a reason of their own."""
    families: dict[str, list[int]] = {}
    for case in cases:
        if found.funnel.personal(case.row):
            for family in _families(_shown(case, found), loaded):
                families.setdefault(family, []).append(case.row)
    return families


def _families(shown: Sequence[int], loaded: Loaded) -> list[str]:
    return sorted({str(loaded.rulebook.offers.family[at]) for at in shown} - {""})


def _decide(
    case: Case,
    loaded: Loaded,
    found: Offered,
    reasons: Mapping[tuple[str, int], Drivers],
    kind: str | None,
) -> Decision:
    row, funnel = case.row, found.funnel
    shown, personal = _shown(case, found), found.funnel.personal(row)
    out = funnel.screening.told(row)
    churn = found.needs.members.get(CHURN)
    answer: dict[str, object] = {
        "personalised": personal,
        "segment": found.placed.segment(row) if personal else None,
        "rule_segments": found.placed.rule_segments(row) if personal else [],
        "churn": float(churn[row]) if personal and churn is not None else None,
        "offers": [
            {"rank": rank, **_offer(case, loaded, found, at), "reasons": _why(loaded, reasons, row, at)}
            for rank, at in enumerate(shown, start=1)
        ],
        "channels": _channels(loaded, found, row),
        "why": {"recommender": kind if personal else None},
        "funnel": _stages(loaded, found, row, case),
        "ruled_out": [_ruled_out(loaded, found, row, at, codes) for at, codes in out.items()],
        "rules": [RULE_TEXTS[code] for code in sorted({code for codes in out.values() for code in codes})],
        "arm": arms.NAMES[funnel.arm[row]],
        "selection_probability": float(funnel.probability[row]),
    }
    why = {family: reasons[family, row] for family in _families(shown, loaded) if personal}
    return decide(case, loaded, answer, {**_kept(case, loaded, found), "reasons": why})


def _offer(case: Case, loaded: Loaded, found: Offered, at: int) -> dict[str, object]:
    book, row, funnel = loaded.rulebook, case.row, found.funnel
    entry, place, title = book.offers.entries[at], int(book.offers.position[at]), book.title(at)
    assert isinstance(case.request, OfferRequest)
    treatment = entry.treatments.get(case.request.channel or "")
    return {
        "offer_id": entry.offer_id,
        "product_id": entry.product_id,
        "family": str(book.offers.family[at]) or None,
        "issue": entry.issue,
        "group": entry.group,
        "title": {"en": title.en, "zh": title.zh},
        "text": {"en": treatment.en, "zh": treatment.zh} if treatment else None,
        "benefit": {"fee": entry.benefit.fee, "rate": entry.benefit.rate},
        "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
        "P": float(funnel.chance[row, at]),
        "C": float(funnel.context[row, at]),
        "V": float(book.offers.worth[at]),
        "L": float(book.offers.lever[at]),
        "priority": float(funnel.priority[row, at]),
        "share_in_family": float(found.needs.share[row, place])
        if place >= 0 and funnel.personal(row)
        else None,
    }


def _why(loaded: Loaded, reasons: Mapping[tuple[str, int], Drivers], row: int, at: int) -> Drivers:
    return reasons.get((str(loaded.rulebook.offers.family[at]), row), [])


def _channels(loaded: Loaded, found: Offered, row: int) -> list[str]:
    """The channels this customer may be spoken to about offers at this moment."""
    policy, customer = loaded.rulebook.policy, found.customers.one(row)
    agreed = open_channels(customer, policy)[0]
    return [
        name
        for name, is_open in zip(MARKETING_CHANNELS, agreed.tolist(), strict=True)
        if is_open and not quiet_now(customer, name, policy)[0]
    ]


def _stages(loaded: Loaded, found: Offered, row: int, case: Case) -> dict[str, object]:
    """How many offers there were, what each stage removed, how many were left."""
    removed = found.funnel.removed_by_stage(row)
    return {"offers": len(loaded.rulebook.offers), "removed": removed, "left": len(_ranked(case, found))}


def _ruled_out(loaded: Loaded, found: Offered, row: int, at: int, codes: Sequence[str]) -> dict[str, object]:
    entry = loaded.rulebook.offers.entries[at]
    stage = STAGES[STAGE_OF[found.funnel.screening.first[row, at]]]
    return {"offer_id": entry.offer_id, "product_id": entry.product_id, "stage": stage, "rules": codes}


def _kept(case: Case, loaded: Loaded, found: Offered) -> dict[str, object]:
    offers, row, funnel = loaded.rulebook.offers, case.row, found.funnel
    ranked = _ranked(case, found)
    factors = [funnel.chance[row], funnel.context[row], offers.worth, offers.lever, funnel.priority[row]]
    return {
        "scores": {name: float(values[row]) for name, values in found.needs.members.items()}
        | found.placed.scores(row),
        "candidates": {
            "codes": list(CODES),
            "rules": base64.b64encode(funnel.screening.first[row].tobytes()).decode(),
            "ranked": ranked,
            "factors": pack(np.stack([factor[ranked] for factor in factors]).ravel()),
        },
        "outcome": [offers.entries[at].offer_id for at in _shown(case, found)],
        "arm": arms.NAMES[funnel.arm[row]],
        "explored": bool(funnel.explored[row]),
        "selection_probability": float(funnel.probability[row]),
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
