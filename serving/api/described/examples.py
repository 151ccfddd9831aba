"""Examples of bodies and answers: those of the sandbox customers, so that they are what the service says."""

from collections.abc import Mapping
from typing import Any

import orjson

from serving.api.language import localised
from serving.api.sandbox import FILE
from serving.errors import UnknownCustomer

Examples = Mapping[str, Mapping[str, object]]
NBA, CREDIT = "/v1/decisions/next-best-action", "/v1/decisions/credit"
WHO: Mapping[str, tuple[str, ...]] = {
    NBA: ("sandbox-offers",),
    CREDIT: ("sandbox-approve", "sandbox-decline", "sandbox-refer"),
    "/v1/decisions/suitability": ("sandbox-approve",),
    "/v1/score/segment": ("sandbox-approve",),
    "/v1/score/propensity": ("sandbox-approve",),
    "/v1/score/credit": ("sandbox-borrower",),
    "/v1/score/recommendation": ("sandbox-no-profiling",),
}
MORE: Mapping[str, Mapping[str, object]] = {
    NBA: {"channel": "app", "top": 3},
    CREDIT: {"amount": 6000, "term_months": 24, "language": "en"},
    "/v1/decisions/suitability": {"product_id": "fund-growth"},
}
DECISION = "5f0c1d2e3a4b"
BODIES: Mapping[str, object] = {
    "/v1/decisions/outcome": {"decision_id": DECISION, "offer_id": "savings-term", "outcome": "accepted"},
    "/v1/decisions/review": {"decision_id": DECISION, "wish": "My income rose in March.", "language": "en"},
    "/v1/loyalty/account": {"customer_id": "c3b74oywzquhejjvd"},
    "/v1/loyalty/redeem": {"customer_id": "c3b74oywzquhejjvd", "points": 150},
    "/v1/events": {
        "events": [
            {"table": "customers", "customer_id": "c3b74oywzquhejjvd", "income_monthly": "5000.00"},
            {
                "table": "bookings",
                "booking_id": "b-000815",
                "account_id": "a-4711",
                "amount": "-12.50",
                "currency": "CNY",
                "booked_at": "2026-03-01T08:30:00Z",
                "channel": "card",
                "category": "card_payment",
            },
            {
                "table": "interactions",
                "interaction_id": "i-000815",
                "customer_id": "c3b74oywzquhejjvd",
                "at": "2026-03-01T08:30:00Z",
                "channel": "app",
                "direction": "inbound",
                "topic": "mortgage",
            },
        ]
    },
}
ANSWERS: Mapping[str, object] = {
    "/v1/decisions/outcome": {
        "decision_id": DECISION, "offer_id": "savings-term", "outcome": "accepted", "recorded": True,
    },
    "/v1/decisions/review": {
        "decision_id": DECISION, "opened": True,
        "case": {"id": f"{DECISION}.review", "kind": "review", "state": "waiting",
                 "due_at": "2026-03-15T00:00:00+00:00"},
    },
    "/v1/loyalty/account": {
        "customer_id": "c3b74oywzquhejjvd", "points": 250, "owed": 0,
        "schedule": [{"points": 250, "expires_at": "2028-03-01T00:00:00+00:00"}], "policy": "2026.1",
    },
    "/v1/loyalty/redeem": {
        "customer_id": "c3b74oywzquhejjvd", "points": 150, "at": "2026-03-01T00:00:00+00:00",
        "lots": [{"lot": 1, "points": 150}],
    },
    "/v1/events": {
        "request_id": "a1b2c3",
        "items": [{"result": "accepted", "status": 202, "number": number} for number in (1, 2, 3)],
    },
}  # fmt: skip


def examples_of_bodies(path: str) -> Examples:
    """Bodies to send to a route, by name; none where it takes none."""
    single, _, batch = path.partition(":")
    if single not in WHO:
        return {"one": {"value": BODIES[path]}} if path in BODIES else {}
    asked = {who: {"customer_id": who, **MORE.get(single, {})} for who in WHO[single]}
    if batch:
        return {"some": {"value": {"items": [asked[WHO[single][0]], *_unknown(single)]}}}
    return {who: {"value": body} for who, body in asked.items()}


def examples_of_answers(path: str) -> Examples:
    """Answers of a route, by name."""
    single, _, batch = path.partition(":")
    if single not in WHO:
        return {"one": {"value": ANSWERS[path]}} if path in ANSWERS else {}
    told = {who: _told(who, single) for who in WHO[single]}
    if batch:
        items = _rows(told[WHO[single][0]], single)
        return {"some": {"value": {"request_id": "a1b2c3", "items": items}}}
    found: dict[str, Mapping[str, object]] = {who: {"value": answer} for who, answer in told.items()}
    if single == CREDIT:
        chinese = orjson.loads(localised(orjson.dumps(told["sandbox-decline"]), "zh"))
        found["in-Chinese"] = {"summary": "With Accept-Language: zh", "value": chinese}
    return found


def _unknown(single: str) -> list[object]:
    return [] if single == CREDIT else [{"customer_id": "sandbox-nobody", **MORE.get(single, {})}]


def _rows(answer: object, single: str) -> list[object]:
    problem = {
        "type": "urn:bank:problem:unknown-customer", "title": "No such customer", "status": 404,
        "detail": str(UnknownCustomer("sandbox-nobody")), "request_id": "a1b2c3",
    }  # fmt: skip
    return [
        {"status": 200, "answer": answer},
        *({"status": 404, "problem": problem} for _ in _unknown(single)),
    ]


def _told(who: str, path: str) -> Any:
    return next(
        answer
        for customer, asked, answer in orjson.loads(FILE.read_bytes())
        if (customer, asked) == (who, path)
    )
