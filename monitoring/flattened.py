"""A decision's record as a row for analysts: named columns instead of what replays."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from crm_rules.offers.uses import Said

FACTORS = ("P", "C", "V", "L")
PRIORITY = "priority"
NUMBERS = [(name, pa.float64()) for name in (*FACTORS, PRIORITY)]
MOMENT = pa.timestamp("us", "UTC")
TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        ("decision_id", pa.string()),
        ("at", MOMENT),
        ("use_case", pa.string()),
        ("customer_id", pa.string()),
        ("request_id", pa.string()),
        ("caller", pa.string()),
        ("release", pa.string()),
        ("policy", pa.string()),
        ("arm", pa.string()),
        ("explored", pa.bool_()),
        ("selection_probability", pa.float64()),
        ("outcome", pa.string()),
        ("scores", pa.map_(pa.string(), pa.float64())),
        ("labels", pa.map_(pa.string(), pa.string())),
        ("offers", pa.list_(pa.struct([("offer_id", pa.string()), *NUMBERS]))),
        ("reasons", TEXTS),
        ("rules", TEXTS),
        ("consent", pa.map_(pa.string(), pa.float64())),
        ("degraded", TEXTS),
        ("stops", TEXTS),
        ("automation", pa.string()),
        (
            "answers",
            pa.list_(pa.struct([("offer_id", pa.string()), ("answer", pa.string()), ("at", MOMENT)])),
        ),
    ]
)
SAME = (
    "decision_id", "use_case", "customer_id", "request_id", "caller", "release", "policy", "arm", "explored",
    "selection_probability", "rules", "degraded", "stops", "automation",
)  # fmt: skip


def flattened(record: Mapping[str, Any], said: Iterable[Said]) -> dict[str, object]:
    """The row of a record and what the customer said to its offers.

    `scores` are its numbers, `labels` its texts (lists as JSON); `reasons` the columns that spoke most, of an
    offer behind its family; `offers` what was shown, best first; `outcome` null where offers are the outcome.
    """
    outcome, scores = record.get("outcome"), record.get("scores") or {}
    numbers = {name: float(value) for name, value in scores.items() if _is_number(value)}
    return {
        **{name: record.get(name) for name in SAME},
        "at": moment(record["at"]),
        "outcome": outcome if isinstance(outcome, str) else None,
        "scores": sorted(numbers.items()),
        "labels": sorted((name, _text(value)) for name, value in scores.items() if name not in numbers),
        "offers": _offers(outcome, record.get("candidates")),
        "reasons": _reasons(record.get("reasons")),
        "consent": sorted((name, value) for name, value in (record.get("consent") or {}).items()),
        "answers": [{"offer_id": s.offer_id, "answer": s.answer, "at": moment(s.at)} for s in said],
    }


def moment(at: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(at).astimezone(UTC)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


def _offers(outcome: object, candidates: Mapping[str, Any] | None) -> list[dict[str, object]] | None:
    """What was shown with its factors; the ranked come first in the order they are shown in."""
    if not isinstance(outcome, list) or candidates is None:
        return None
    factors = _factors(candidates["factors"], len(candidates["ranked"]))
    return [
        {"offer_id": offer_id, **dict(zip((*FACTORS, PRIORITY), factors[rank].tolist(), strict=True))}
        for rank, offer_id in enumerate(outcome)
    ]


def _factors(packed: str, many: int) -> npt.NDArray[np.float64]:
    """P, C, V, L and priority of n ranked offers, (n, 5).

    A record holds float32 for each offer, (n, 4); an earlier one float64 with the priority, (5, n).
    """
    content = base64.b64decode(packed)
    if len(content) == many * (len(FACTORS) + 1) * 8:
        return np.frombuffer(content, "<f8").reshape(len(FACTORS) + 1, many).T
    factors = np.frombuffer(content, "<f4").reshape(many, len(FACTORS)).astype(np.float64)
    return np.column_stack([factors, factors.prod(axis=1)])


def _reasons(reasons: Mapping[str, Sequence[Any]] | Sequence[Any] | None) -> list[str]:
    if isinstance(reasons, Mapping):
        return [f"{family}: {why['code']}" for family, those in sorted(reasons.items()) for why in those]
    return [str(why[0]) for why in reasons or ()]
