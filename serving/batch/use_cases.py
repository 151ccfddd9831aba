"""What a batch can ask about everybody: who is asked, which question, and the table users get.

Each answer's table has a row for each thing said of a customer; ids, times and reasons are those of the log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import orjson
import pyarrow as pa

from serving.batch.chunks import Decide
from serving.deciding import credit, next_best_action
from serving.deciding.asking import CustomerRequest, OfferRequest
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scorer

OFFERS = 3
FACTORS = ("P", "C", "V", "L", "priority")
OFFER = ("offer_id", "product_id", *FACTORS)
Row = tuple[object, ...]
OFFERED = pa.schema(
    [
        ("customer_id", pa.string()),
        ("decision_id", pa.string()),
        ("rank", pa.int32()),
        ("offer_id", pa.string()),
        ("product_id", pa.string()),
        *((name, pa.float64()) for name in FACTORS),
        ("arm", pa.string()),
        ("selection_probability", pa.float64()),
        ("reasons", pa.list_(pa.string())),
    ]
)
BEHAVIOUR = pa.schema(
    [
        ("customer_id", pa.string()),
        ("decision_id", pa.string()),
        ("probability_of_default", pa.float64()),
        ("grade", pa.string()),
        ("score", pa.float64()),
        ("decided_by", pa.string()),
        ("reasons", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class UseCase:
    """One question to everybody whose count in the online column `asks` is above zero.

    `rows` gives a decision's rows of the table, `outcome` the word it is counted under.
    """

    name: str
    asks: str
    decide: Decide
    request: Callable[[str], Request]
    schema: pa.Schema
    rows: Callable[[Decision], list[Row]]
    outcome: Callable[[Sequence[Row]], str]


def _offered(decision: Decision) -> list[Row]:
    """A row an offer, best first; one of rank 0 for a customer to whom nothing is offered."""
    answer = orjson.loads(decision.body)
    about = (answer["customer_id"], answer["decision_id"])
    arm = (answer["arm"], answer["selection_probability"])
    if not answer["offers"]:
        return [(*about, 0, *(None,) * len(OFFER), *arm, [])]
    return [
        (
            *about,
            each["rank"],
            *(each[name] for name in OFFER),
            *arm,
            [why["code"] for why in each["reasons"]],
        )
        for each in answer["offers"]
    ]


def _behaves(decision: Decision) -> list[Row]:
    answer = orjson.loads(decision.body)
    told: Mapping[str, object] = answer["behaviour"]
    codes = [each["code"] for each in answer["reasons"]]
    return [
        (answer["customer_id"], answer["decision_id"], *(told[name] for name in BEHAVIOUR.names[2:-1]), codes)
    ]


USE_CASES = {
    "next-best-action": UseCase(
        next_best_action.USE_CASE,
        "accounts_open",
        Scorer.next_best_action,
        lambda name: OfferRequest(name, None, OFFERS),
        OFFERED,
        _offered,
        lambda rows: f"{rows[-1][2]} offers",
    ),
    "score-credit": UseCase(
        credit.BEHAVIOUR,
        "loans_running",
        Scorer.credit_behaviour,
        CustomerRequest,
        BEHAVIOUR,
        _behaves,
        lambda rows: f"grade {rows[0][3]}",
    ),
}
