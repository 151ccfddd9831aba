"""What the answers to questions look like: scores and decisions, alone and in a batch."""

from collections.abc import Mapping

from serving.api.described.shapes import (
    CODE,
    CONTRIBUTIONS,
    DIGEST,
    FLAG,
    ID,
    LEVEL,
    MOMENT,
    PROBABILITY,
    REASONS,
    RISK,
    RULES,
    SEGMENT,
    SEGMENTS_BY_RULE,
    TEXT,
    Schema,
    among,
    by_name,
    either,
    listed,
    maybe,
    number,
    record,
    shared,
    text,
    whole,
)

OUTCOMES = among("approve", "refer", "decline")
STAGES = ("eligibility", "applicability", "suitability", "contact", "arbitration")
CODES = listed(CODE, 200)


def sealed(members: Mapping[str, Schema]) -> Schema:
    """An answer with what every answer carries."""
    begins = {"decision_id": ID, "request_id": ID, "at": MOMENT, "customer_id": maybe(ID)}
    ends = {
        "degraded": listed(text(100), 100),
        "stopped": listed(text(200), 100),
        "feature_time": maybe(MOMENT),
        "feature_age_s": maybe(whole()),
        "release": shared("Release"),
    }
    return record({**begins, **members, **ends}, {"sandbox": {"const": True}})


TIER = record({"id": ID, "name": TEXT})
RFM = record({"recency": LEVEL, "frequency": LEVEL, "monetary": LEVEL})
SEGMENTS = sealed(
    {
        "segment": SEGMENT,
        "value": maybe(record({"tier": TIER, "rfm": RFM})),
        "rule_segments": SEGMENTS_BY_RULE,
    }
)

EFFECT = record(
    {"shown": PROBABILITY, "withheld": PROBABILITY, "uplift": number(-1, 1), "within_days": number(0, 3_660)}
)
NEED = record(
    {"probability": PROBABILITY, "base_rate": PROBABILITY, "reasons": CONTRIBUTIONS}, {"offer": EFFECT}
)
PROPENSITY = sealed({"propensity": by_name(NEED, 100), "churn": maybe(NEED), "response": maybe(NEED)})

BEHAVIOUR = sealed({"behaviour": maybe(record(RISK)), "reasons": REASONS, "note": maybe(TEXT)})

RECOMMENDATION = sealed(
    {
        "recommender": maybe(among("hybrid", "content", "popularity")),
        "products": listed(record({"product_id": ID, "score": number()}), 10),
        "ruled_out": listed(record({"product_id": ID, "rules": CODES}), 10_000),
        "rules": RULES,
    }
)

SUITABILITY = sealed(
    {
        "product_id": ID,
        "suitable": FLAG,
        "customer_level": maybe(LEVEL),
        "product_level": maybe(LEVEL),
        "assessed_days_ago": maybe(whole()),
        "assessment_valid_days": whole(0, 3_660),
        "rules": RULES,
    }
)

OFFER = record(
    {
        "rank": whole(1, 10),
        "offer_id": ID,
        "product_id": maybe(ID),
        "family": maybe(ID),
        "issue": among("grow", "serve", "keep"),
        "group": text(64),
        "title": TEXT,
        "text": maybe(TEXT),
        "benefit": record({"fee": number(), "rate": number()}),
        "valid_to": maybe(text(40)),
        "P": number(0, 1, "How likely it is wanted."),
        "C": number(0, None, "The context's weight."),
        "V": number(None, None, "What it is worth to the bank."),
        "L": number(0, None, "The lever of people who plan."),
        "priority": number(None, None, "P x C x V x L."),
        "share_in_family": maybe(PROBABILITY),
        "reasons": CONTRIBUTIONS,
    }
)
NEXT_BEST_ACTION = sealed(
    {
        "personalised": FLAG,
        "segment": maybe(SEGMENT),
        "rule_segments": SEGMENTS_BY_RULE,
        "churn": maybe(PROBABILITY),
        "offers": listed(OFFER, 10),
        "channels": listed(among("email", "phone", "app"), 3),
        "why": record({"recommender": maybe(among("hybrid", "content"))}),
        "funnel": record(
            {"offers": whole(0), "removed": record({name: whole(0) for name in STAGES}), "left": whole(0)}
        ),
        "ruled_out": listed(
            record({"offer_id": ID, "product_id": maybe(ID), "stage": among(*STAGES), "rules": CODES}), 10_000
        ),
        "rules": RULES,
        "arm": among("best", "random", "non_personalised", "unprofiled"),
        "selection_probability": PROBABILITY,
    }
)

TERMS = record(
    {
        "amount": number(0, 1e9),
        "term_months": whole(1, 600),
        "rate": number(0, 100),
        "instalment": number(0),
        "limit": number(0),
    }
)
NOTICE = record(
    {
        "outcome": among("refer", "decline"),
        "language": among("en", "zh"),
        "reasons": listed(CODE, 4),
        "due_at": MOMENT,
        "appeal_until": MOMENT,
        "delivery": among("app", "email", "post"),
        "digest": DIGEST,
        "text": text(),
    }
)
CREDIT = sealed(
    {
        "outcome": OUTCOMES,
        **RISK,
        "newcomer": FLAG,
        "terms": maybe(TERMS),
        "reasons": REASONS,
        "rules": RULES,
        "recourse": listed(listed(shared("Change"), 5), 10),
        "recourse_note": maybe(TEXT),
        "ruled_out": listed(OUTCOMES, 3),
        "automation": among("automated", "person"),
        "case": maybe(record({"id": ID, "due_at": MOMENT})),
        "review": TEXT,
        "adverse_action": maybe(NOTICE),
    }
)

SHAPES: Mapping[str, Schema] = {
    "NextBestAction": NEXT_BEST_ACTION,
    "CreditDecision": CREDIT,
    "Suitability": SUITABILITY,
    "Segments": SEGMENTS,
    "Propensities": PROPENSITY,
    "CreditBehaviour": BEHAVIOUR,
    "Recommendation": RECOMMENDATION,
}
ANSWERS: Mapping[str, Schema] = {
    "/v1/decisions/next-best-action": shared("NextBestAction"),
    "/v1/decisions/credit": shared("CreditDecision"),
    "/v1/decisions/suitability": shared("Suitability"),
    "/v1/score/segment": shared("Segments"),
    "/v1/score/propensity": shared("Propensities"),
    "/v1/score/credit": shared("CreditBehaviour"),
    "/v1/score/recommendation": shared("Recommendation"),
}


def rows_of(answer: Schema) -> Schema:
    """What a batch answers: a status for each row, in the order asked."""
    good = record({"status": {"const": 200}, "answer": answer})
    bad = record({"status": {"const": 404}, "problem": shared("Problem")})
    return record({"request_id": ID, "items": listed(either(good, bad), 1_000, least=1)})
