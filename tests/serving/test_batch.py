"""The nightly batch asks the Scorer what HTTP asks it."""

import itertools
import json
from collections.abc import Sequence

from monitoring.decision_log import Record
from serving.asking import OfferRequest
from serving.batch import score_batch
from serving.records import Decision
from serving.scoring import Scorer
from tests.conftest import AT, stamp


class Kept:
    def __init__(self) -> None:
        self.chunks: list[list[Record]] = []

    def append(self, records: Sequence[Record]) -> None:
        self.chunks.append(list(records))


def test_a_batch_decides_as_a_single_question_does_in_chunks(scorer: Scorer) -> None:
    kept, numbers = Kept(), itertools.count()
    ids = ["ann", "ben", "nobody", "cat", "dan"]
    result = score_batch(scorer, ids, kept, AT, lambda: f"b-{next(numbers)}", "nightly", chunk=2)
    assert (result.decided, result.unknown) == (4, 1)
    assert [len(chunk) for chunk in kept.chunks] == [2, 1, 1]
    for record in itertools.chain.from_iterable(kept.chunks):
        assert record.customer_id is not None
        [alone] = scorer.next_best_action([OfferRequest(record.customer_id)], [stamp()])
        assert isinstance(alone, Decision)
        ours, single = json.loads(record.payload), json.loads(alone.record.payload)
        assert ours["candidates"] == single["candidates"]
        assert ours["features"] == single["features"]
        assert scorer.replay(record.payload).same
