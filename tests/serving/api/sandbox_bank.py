"""What the sandbox customers are told: decided once by the real Scorer over a tiny bank, and kept.

`python -m tests.serving.api.sandbox_bank` decides again and writes serving/api/sandbox.json.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from feature_repo.features.services import SERVED
from feature_repo.packed_rows import PackedRows
from serving.api.bodies import Body
from serving.api.questions import QUESTIONS, Question
from serving.api.sandbox import FILE, PREFIX
from serving.deciding.asking import CreditRequest, Stamp
from serving.deciding.scoring import Scorer
from serving.errors import UnknownCustomer
from serving.worker.answering import METHODS
from tests.conftest import AT, EVENT_US, IDS, Tiny, feature_row, make_scorer, make_tiny

NEWCOMER, DEGRADED = "sandbox-newcomer", "sandbox-degraded"
ROWS: dict[str, tuple[dict[str, float], tuple[str, ...]]] = {
    "sandbox-approve": (feature_row(), ("savings-day",)),
    "sandbox-decline": (feature_row(income_monthly=800.0, inflow_90d=2_400.0), ("loan-cash",)),
    "sandbox-refer": (feature_row(income_monthly=1_500.0, payments_late_365d=1.0), ()),
    "sandbox-offers": (feature_row(risk_level=5.0, mobile_share_90d=0.9, inflow_90d=40_000.0), ()),
    "sandbox-no-profiling": (feature_row(consent_profiling=0.0, risk_level=np.nan), ("card-gold",)),
    "sandbox-borrower": (feature_row(loans_running=1.0, payments_late_365d=1.0), ("loan-cash",)),
    DEGRADED: (feature_row(), ()),
}  # fmt: skip
ASKED: Mapping[str, object] = {
    "amount": 6_000, "term_months": 24, "channel": "app", "top": 3, "product_id": "fund-growth",
    "declared_income": None, "language": "en",
}  # fmt: skip


def recorded(folder: Path) -> dict[str, dict[str, object]]:
    """Every answer by customer and path; None where the customer is unknown."""
    tiny = make_tiny(folder)
    write_rows(tiny)
    scorer = make_scorer(tiny)
    return {
        customer: {question.path: _told(scorer, question, customer) for question in QUESTIONS}
        for customer in (*ROWS, NEWCOMER)
    }


def write_rows(tiny: Tiny) -> None:
    """The rows of the sandbox customers; the degraded one lacks those of one view."""
    with PackedRows.open(tiny.online, read_only=False) as rows:
        for place, (view, columns) in enumerate(SERVED.items()):
            known = [name for name in ROWS if name != DEGRADED or place]
            matrix = [[ROWS[name][0].get(column, np.nan) for column in columns] for name in known]
            rows.write(view, columns, known, [EVENT_US] * len(known), np.array(matrix))
        owned = [[float(product in held) for product in IDS] for _, held in ROWS.values()]
        rows.write("owned", IDS, list(ROWS), [EVENT_US] * len(ROWS), np.array(owned))


def _told(scorer: Scorer, question: Question, customer: str) -> object:
    word = question.path.rpartition("/")[2]
    stamp = Stamp(f"{customer}.{word}", "sandbox", AT.isoformat(), "sandbox")
    asked = _body(question, customer).asked()  # type: ignore[attr-defined]
    if customer == NEWCOMER and isinstance(asked, CreditRequest):
        asked = replace(asked, customer_id=None)  # as an app asks for somebody new
    [found] = METHODS[question.method](scorer, [asked], [stamp])
    if isinstance(found, UnknownCustomer):
        return None
    return {**orjson.loads(found.body), "customer_id": customer, "sandbox": True}


def _body(question: Question, customer: str) -> Body:
    asked = {name: value for name, value in ASKED.items() if name in question.body.model_fields}
    return question.body.model_validate({"customer_id": customer, **asked})


def lines(found: Mapping[str, Mapping[str, object]]) -> Iterator[bytes]:
    """The file: JSON with one answer a line."""
    rows = [
        orjson.dumps([customer, path, answer])
        for customer, told in found.items()
        for path, answer in told.items()
    ]
    yield b"[\n" + b",\n".join(rows) + b"\n]\n"


def main() -> int:
    """Write the file."""
    assert all(name.startswith(PREFIX) for name in (*ROWS, NEWCOMER))
    with tempfile.TemporaryDirectory() as folder:
        FILE.write_bytes(b"".join(lines(recorded(Path(folder)))))
    sys.stdout.write(f"{FILE} is written.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
