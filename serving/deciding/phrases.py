"""What answers say in the same words every time: offers, rules and segments, as JSON made once."""

from collections.abc import Sequence
from functools import lru_cache

import orjson

from crm_rules.offers.screening import CODES, STAGE_OF, STAGES, codes_of
from crm_rules.segments import RuleSegment
from serving.deciding.rulebook import RULE_TEXTS, Rulebook
from training.release.segmentation import Segment

Json = orjson.Fragment
MOST = 65_536  # texts of one kind that are kept


class Phrases:
    """The texts of one release under one policy; `segments` are the learned ones, in the model's order."""

    def __init__(self, book: Rulebook, segments: Sequence[Segment]) -> None:
        self._book = book
        self._family: list[str] = book.offers.family.tolist()
        self.segments = [_json(_segment(each)) for each in segments]
        self.rule_segments = lru_cache(MOST)(self._rule_segments)
        self.offer = lru_cache(MOST)(self._offer)
        self.ruled_out = lru_cache(MOST)(self._ruled_out)

    def family(self, at: int) -> str:
        """The family of an offer, "" for none."""
        return self._family[at]

    def families(self, shown: Sequence[int]) -> list[str]:
        """The families of some offers, each once."""
        return sorted({self._family[at] for at in shown} - {""})

    def _rule_segments(self, bits: bytes) -> tuple[list[str], Json]:
        """The segments by rule of these bits in the file's order, the lowest bit first: ids and texts."""
        held = int.from_bytes(bits, "little")
        found = [one for at, one in enumerate(self._book.segments.segments) if held >> at & 1]
        return [one.id for one in found], _json([_rule_segment(one) for one in found])

    def _offer(self, rank: int, at: int, channel: str | None) -> bytes:
        """How an answer begins to speak of an offer: all that does not depend on the customer.

        The beginning of a JSON object, up to the comma before what does; put as on that channel.
        """
        entry, title = self._book.offers.entries[at], self._book.title(at)
        treatment = entry.treatments.get(channel or "")
        told = {
            "rank": rank,
            "offer_id": entry.offer_id,
            "product_id": entry.product_id,
            "family": self._family[at] or None,
            "issue": entry.issue,
            "group": entry.group,
            "title": {"en": title.en, "zh": title.zh},
            "text": {"en": treatment.en, "zh": treatment.zh} if treatment else None,
            "benefit": {"fee": entry.benefit.fee, "rate": entry.benefit.rate},
            "valid_to": entry.valid_to.isoformat() if entry.valid_to else None,
        }
        return orjson.dumps(told)[:-1] + b","

    def _ruled_out(self, at: int, held: int) -> Json:
        """An offer that the codes of these bits took away; the first says in which stage."""
        entry, codes = self._book.offers.entries[at], codes_of(held)
        stage = STAGES[STAGE_OF[CODES.index(codes[0])]]
        return _json(
            {"offer_id": entry.offer_id, "product_id": entry.product_id, "stage": stage, "rules": codes}
        )


@lru_cache(MOST)
def rule_texts(held: int) -> Json:
    """The sentences of the codes of these bits, by code."""
    return _json([RULE_TEXTS[code] for code in sorted(codes_of(held))])


def _rule_segment(one: RuleSegment) -> dict[str, object]:
    """A segment by rule as an answer says it."""
    return {"id": one.id, "name": {"en": one.name_en, "zh": one.name_zh}}


def _segment(found: Segment) -> dict[str, object]:
    return {
        "id": found.id,
        "name": {"en": found.name_en, "zh": found.name_zh},
        "rule": found.rule,
        "share": found.share,
    }


def _json(value: object) -> Json:
    return Json(orjson.dumps(value))
