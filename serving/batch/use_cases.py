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
from serving.deciding.loaded import Loaded
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scorer
from training.release.packing import unpack

OFFERS = 3
FACTORS = ("P", "C", "V", "L", "priority")
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
    rows: Callable[[Decision, Loaded], list[Row]]
    outcome: Callable[[Sequence[Row]], str]


def _offered(decision: Decision, loaded: Loaded) -> list[Row]:
    """A row an offer, best first; one of rank 0 for a customer to whom nothing is offered."""
    kept, record, offers = decision.kept, decision.record, loaded.rulebook.offers
    candidates, reasons = kept["candidates"], kept["reasons"]
    assert isinstance(candidates, dict)
    assert isinstance(reasons, dict)
    last = (kept["arm"], kept["selection_probability"])
    shown = kept["outcome"]
    assert isinstance(shown, list)
    if not shown:
        return [(record.customer_id, record.decision_id, 0, None, None, *(None,) * len(FACTORS), *last, [])]
    ranked = candidates["ranked"]
    factors = unpack(candidates["factors"], len(FACTORS) * len(ranked)).reshape(len(FACTORS), -1)
    told = factors[:, : len(shown)].T.tolist()
    return [
        (
            record.customer_id, record.decision_id, rank, name, offers.entries[at].product_id,
            *told[rank - 1], *last, [each["code"] for each in reasons.get(str(offers.family[at]), ())],
        )
        for rank, (name, at) in enumerate(zip(shown, ranked, strict=False), start=1)
    ]  # fmt: skip


def _behaves(decision: Decision, loaded: Loaded) -> list[Row]:
    answer = orjson.loads(decision.body)
    told: Mapping[str, object] = answer["behaviour"]
    record, names = decision.record, BEHAVIOUR.names[2:-1]
    codes = [each["code"] for each in answer["reasons"]]
    return [(record.customer_id, record.decision_id, *(told[name] for name in names), codes)]


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
