"""What the answers of the other routes look like: decisions looked up, outcomes, reviews, points, status."""

from serving.api.described.scores import ANSWERS, CODES
from serving.api.described.shapes import (
    CODE,
    DIGEST,
    FLAG,
    ID,
    MOMENT,
    NULL,
    PROBABILITY,
    REASONS,
    TEXT,
    Schema,
    among,
    by_name,
    either,
    listed,
    matching,
    maybe,
    record,
    shared,
    text,
    whole,
)

LANGUAGE = among("en", "zh")
KINDS = among("referral", "review", "appeal")
WAITS = {"id": ID, "kind": KINDS, "state": among("waiting", "in_work"), "due_at": MOMENT}
DECIDED = {
    "outcome": among("approve", "decline", "withdrawn", "upheld", "changed"),
    "decided_at": MOMENT,
    "decided_by": record({"person": {"const": True}, "role": text(64), "second_person": FLAG}),
    "reasons": REASONS,
    "letter": maybe(TEXT),
    "language": maybe(LANGUAGE),
    "appeal_until": maybe(MOMENT),
    "told_at": maybe(MOMENT),
}
CASE = either(
    record(WAITS),
    record({**WAITS, "state": among("decided", "told", "in_work"), **DECIDED}),
    record({"state": {"const": "unknown"}}),
    NULL,
)

SCALAR: Schema = {"type": ["string", "number", "boolean", "null"]}
SCORE = either(SCALAR, listed(SCALAR, 100))
DECISION = record(
    {
        "decision_id": ID,
        "request_id": ID,
        "customer_id": maybe(ID),
        "at": MOMENT,
        "use_case": text(64),
        "release": DIGEST,
        "parts": by_name(matching("^[0-9a-f]{16}$")),
        "policy": text(100),
        "request": by_name(SCALAR),
        "degraded": listed(text(100), 100),
    },
    {
        "scores": maybe(by_name(SCORE)),
        "outcome": either(text(64), CODES, NULL),
        "rules": CODES,
        "selection_probability": PROBABILITY,
        "automation": among("automated", "person"),
    },
)
FOUND = record(
    {
        "decision": DECISION,
        "case": CASE,
        "answer": either(*ANSWERS.values(), NULL),
        "replay": among("identical", "different", "another release made it"),
    }
)

SAID = record(
    {"decision_id": ID, "offer_id": ID, "outcome": among("accepted", "declined", "ignored"), "recorded": FLAG}
)
REVIEWED = record({"decision_id": ID, "opened": FLAG, "case": CASE})

POINTS = whole(0, None)
ACCOUNT = record(
    {
        "customer_id": ID,
        "points": POINTS,
        "owed": POINTS,
        "schedule": listed(record({"points": POINTS, "expires_at": MOMENT}), 100_000),
        "policy": text(100),
    }
)
REDEEMED = record(
    {
        "customer_id": ID,
        "points": POINTS,
        "at": MOMENT,
        "lots": listed(record({"lot": either(text(200), whole()), "points": POINTS}), 100_000),
    }
)

OPEN: Schema = {"type": "object"}
STATUS: Schema = {
    "type": "object",
    "properties": {
        "status": {"const": "ready"},
        "request_id": ID,
        "release": shared("Release"),
        "profile": among("demo", "bank"),
        "worker": text(100),
        "started_at": MOMENT,
        "demo_keys": FLAG,
        "switched": record({"number": whole(1), "by": text(200), "at": MOMENT}),
        "data_window": OPEN,
        "source": OPEN,
        "customers": whole(0),
    },
    "required": ["status", "request_id", "release"],
    "description": "What serves; members may be added.",
}
PART = record(
    {
        "digest": DIGEST,
        "gates": listed(OPEN),
        "run": either(OPEN, NULL),
        "approvals": listed(
            record({"person": text(200), "role": text(64), "at": text(64), "demo": FLAG}), 100
        ),
    },
    {"figures": OPEN},
)
MODELS = record(
    {"request_id": ID, "parts": by_name(PART)}, {"release": DIGEST, "data_window": OPEN, "source": OPEN}
)

EVENTS: Schema = {
    "type": "object",
    "properties": {
        "events": {
            "type": "array",
            "minItems": 1,
            "maxItems": 1_000,
            "items": {
                "type": "object",
                "description": "A row of a raw table, as Event says; one that is none is refused by itself.",
                "x-shape": shared("Event"),
            },
        }
    },
    "required": ["events"],
    "additionalProperties": False,
}
NUMBER = whole(1)


def _became(result: str, status: int, name: str, told: Schema) -> Schema:
    return record({"result": {"const": result}, "status": {"const": status}, name: told})


TAKEN = record(
    {
        "request_id": ID,
        "items": listed(
            either(
                record({"result": {"const": "accepted"}, "status": {"const": 202}, "number": NUMBER}),
                record({"result": {"const": "repeated"}, "status": {"const": 200}, "number": NUMBER}),
                record(
                    {"result": {"const": "refused"}, "status": {"const": 422}, "problem": shared("Problem")}
                ),
            ),
            least=1,
        ),
    }
)

EXPLANATION = record(
    {
        "decision_id": ID,
        "customer_id": maybe(ID),
        "at": MOMENT,
        "use_case": text(64),
        "decided": record({"outcome": either(text(64), CODES, NULL), "text": TEXT}),
        "data": record(
            {
                "sources": listed(record({"name": text(64), "text": TEXT, "as_of": maybe(MOMENT)}), 100),
                "declared": listed(record({"name": text(64), "text": TEXT}), 100),
                "counted": listed(record({"code": CODE, "text": TEXT}), 200),
                "missing": listed(record({"name": text(64), "text": TEXT}), 100),
            }
        ),
        "reasons": REASONS,
        "recourse": listed(listed(shared("Change"), 5), 10),
        "recourse_note": maybe(TEXT),
        "rules": listed(shared("Rule"), 100),
        "models": record({"used": listed(text(100), 20), "text": TEXT}),
        "people": record({"automation": among("automated", "person"), "text": TEXT}),
        "contest": record({"possible": FLAG, "until": maybe(MOMENT), "text": TEXT}),
        "release": record(
            {"digest": DIGEST, "parts": by_name(matching("^[0-9a-f]{16}$")), "policy": text(100)}
        ),
        "replay": among("identical", "different", "another release made it"),
    }
)
