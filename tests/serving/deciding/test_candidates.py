"""What a record keeps of every offer says the same as the answer does of those it names."""

import base64

import numpy as np
import orjson

from serving.deciding.asking import OfferRequest
from serving.deciding.records import Decision
from serving.deciding.scoring import Scorer
from tests.conftest import CUSTOMERS, stamp

NONE = 255


def test_a_record_keeps_the_first_rule_against_each_offer_and_the_numbers_of_the_others(
    scorer: Scorer,
) -> None:
    ids = scorer.loaded.rulebook.offers.offer_id
    asked = [OfferRequest(name, None, 50) for name in CUSTOMERS]
    for decision in scorer.next_best_action(asked, [stamp()] * len(asked)):
        assert isinstance(decision, Decision)
        said, kept = orjson.loads(decision.body), orjson.loads(decision.record.payload)["candidates"]
        places = base64.b64decode(kept["rules"])
        first = {name: kept["codes"][at] for name, at in zip(ids, places, strict=True) if at != NONE}
        assert first == {each["offer_id"]: each["rules"][0] for each in said["ruled_out"]}
        factors = np.frombuffer(base64.b64decode(kept["factors"]), "<f4").reshape(-1, 4)
        assert [ids[at] for at in kept["ranked"]] == [each["offer_id"] for each in said["offers"]]
        shown = np.array([[each[name] for name in "PCVL"] for each in said["offers"]]).reshape(-1, 4)
        np.testing.assert_array_equal(factors, shown.astype(np.float32))
