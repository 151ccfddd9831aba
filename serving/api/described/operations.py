"""Every route in words, beside its entry in the route table: what it takes, answers and refuses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from serving.api.bodies import MOST_ITEMS, Body, CustomerBody, OutcomeBody, RedeemBody, ReviewBody
from serving.api.described import scores, services
from serving.api.described.shapes import SHARED, Schema, matching, record, shared, text
from serving.api.events import events_schema
from serving.api.questions import QUESTIONS, Question

JSON, HTML = "application/json", "text/html"
TAGS = {
    "decisions": "What to offer, whom to lend, what may be sold; each logged before it is answered.",
    "scores": "What the models say of a customer; they decide nothing by themselves.",
    "after": "What came of a decision: looked up, explained, answered, contested; and what happened since.",
    "loyalty": "Points.",
    "service": "What serves, and this description.",
}


@dataclass(frozen=True)
class Parameter:
    """Something a route takes in its query or a header."""

    name: str
    place: str
    schema: Schema
    about: str
    required: bool = False
    example: object = None


@dataclass(frozen=True)
class Operation:
    """One route: `problems` are statuses beside those that every route of its method may give."""

    method: str
    path: str
    name: str
    tag: str
    summary: str
    answer: Schema
    body: Schema | None = None
    problems: Sequence[int] = ()
    parameters: Sequence[Parameter] = ()
    in_languages: bool = False
    media: str = JSON
    title: str = field(default="The answer")


DECISION_ID = Parameter(
    "decision_id", "query", text(64, 1), "The decision, as its answer named it.", True, "5f0c1d2e3a4b"
)
KEY = Parameter(
    "Idempotency-Key", "header", matching("^[A-Za-z0-9_.:-]{8,100}$"),
    "One key for one wish: sent again it has one effect, and the same answer.", True, "order-2026-000815",
)  # fmt: skip
MAY_KEY = replace(KEY, required=False)


def operations() -> Iterator[Operation]:
    """Every route."""
    for question in QUESTIONS:
        yield _single(question)
        yield _batch(question)
    yield from OTHERS


def shapes() -> dict[str, Schema]:
    """Every shape that routes share, by name: bodies, answers, and what answers are made of."""
    taken: list[type[Body]] = [*(each.body for each in QUESTIONS), OutcomeBody, ReviewBody, RedeemBody]
    bodies = {body.__name__: _schema_of(body) for body in taken}
    whole: Schema = events_schema()
    events = {"EventsBody": services.EVENTS, "Event": whole["properties"]["events"]["items"]}
    return {**SHARED, **scores.SHAPES, **dict(sorted(bodies.items())), **events}


def _schema_of(body: type[Body]) -> Schema:
    """A body's JSON Schema, whole in itself."""
    found = _untitled(body.model_json_schema())
    assert isinstance(found, dict)
    return found


def _single(question: Question) -> Operation:
    return Operation(
        "POST", question.path, _name(question), _tag(question), question.summary,
        scores.ANSWERS[question.path], shared(question.body.__name__), (404, 409, 504), (MAY_KEY,),
        in_languages=True,
    )  # fmt: skip


def _batch(question: Question) -> Operation:
    items = {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": shared(question.body.__name__)}
    return Operation(
        "POST", f"{question.path}:batch", f"{_name(question)}-batch", _tag(question),
        f"{question.summary}, for up to {MOST_ITEMS:,} at once",
        scores.rows_of(scores.ANSWERS[question.path]), record({"items": items}), (404, 409, 504),
        (MAY_KEY,), in_languages=True, title="A status for each, in the order asked",
    )  # fmt: skip


def _name(question: Question) -> str:
    return question.path.removeprefix("/v1/").replace("/", "-")


def _tag(question: Question) -> str:
    return "scores" if question.path.startswith("/v1/score/") else "decisions"


def _untitled(value: object) -> object:
    """Without the titles that pydantic makes of names."""
    if isinstance(value, dict):
        return {
            name: _untitled(each)
            for name, each in value.items()
            if not (name == "title" and isinstance(each, str))
        }
    return [_untitled(each) for each in value] if isinstance(value, list) else value


OTHERS = (
    Operation(
        "GET", "/v1/decisions", "decision", "after",
        "One decision from the log, computed again, and the case it became",
        services.FOUND, problems=(404,), parameters=(DECISION_ID,), in_languages=True,
    ),
    Operation(
        "GET", "/v1/decisions/explanation", "decision-explanation", "after",
        "Why a decision came out as it did, and what can be done about it",
        services.EXPLANATION, problems=(404,), parameters=(DECISION_ID,), in_languages=True,
    ),
    Operation(
        "POST", "/v1/decisions/outcome", "decision-outcome", "after",
        "What the customer said to an offer; said again, it counts once",
        services.SAID, shared(OutcomeBody.__name__), (404, 409),
    ),
    Operation(
        "POST", "/v1/decisions/review", "decision-review", "after",
        "Have a person look at a credit decision; asked again, it is the same case",
        services.REVIEWED, shared(ReviewBody.__name__), (404, 409), in_languages=True,
    ),
    Operation(
        "POST", "/v1/loyalty/account", "loyalty-account", "loyalty",
        "A customer's points, with the schedule of their expiry",
        services.ACCOUNT, shared(CustomerBody.__name__),
    ),
    Operation(
        "POST", "/v1/loyalty/redeem", "loyalty-redeem", "loyalty",
        "Spend points; repeat with the same Idempotency-Key as often as you like",
        services.REDEEMED, shared(RedeemBody.__name__), (409,), (KEY,),
    ),
    Operation(
        "POST", "/v1/events", "events", "after",
        "Tell what happened, up to 1,000 events at once; each is durable before the answer",
        services.TAKEN, shared("EventsBody"), (409,), (MAY_KEY,),
        title="What became of each, in the order sent",
    ),
    Operation(
        "GET", "/v1/status", "status", "service", "What serves, and since which data", services.STATUS,
    ),
    Operation(
        "GET", "/v1/models", "models", "service", "The models of the release, their figures and approvals",
        services.MODELS,
    ),
    Operation(
        "GET", "/openapi.json", "openapi", "service", "This description", services.OPEN, title="OpenAPI 3.1",
    ),
    Operation(
        "GET", "/docs", "docs", "service", "This description for people", {"type": "string"}, media=HTML,
        title="One page, nothing loaded from outside",
    ),
)  # fmt: skip
