"""Which segments each customer is in, learned and by rule, and what the customer is worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from serving.deciding.loaded import Indices, Loaded, Mask
from serving.deciding.online import Snapshot
from serving.deciding.phrases import Json
from training.release.segmentation import F32Array
from training.release.value import TIERS

Answer = dict[str, object]


@dataclass(frozen=True)
class Placed:
    """n customers: `position` (n,) of the learned segment, `ruled` (n,) each by id of a segment by rule.

    `rfm` (n, 3) and `tier` (n,) are None where the release does not know them; `position` as well.
    """

    loaded: Loaded
    customers: int
    position: Indices | None
    ruled: Mapping[str, Mask]
    rfm: npt.NDArray[np.int64] | None
    tier: npt.NDArray[np.int64] | None

    @property
    def learned(self) -> dict[str, Mask]:
        """Who is in which learned segment, by id."""
        segments = self.loaded.runtime.segments
        if segments is None or self.position is None:
            return {}
        inside = self.position == np.arange(len(segments.ids))[:, None]
        return dict(zip(segments.ids, inside, strict=True))

    def segment(self, row: int) -> Json | None:
        """One customer's learned segment as an answer says it."""
        return self.loaded.phrases.segments[self._positions[row]] if self._positions else None

    def rule_segments(self, row: int) -> Json:
        """The segments by rule one customer is in, as an answer says them, in the file's order."""
        return self._ruled[row][1]

    def value(self, row: int) -> Answer | None:
        """One customer's value tier and RFM scores, 5 the best."""
        if self.rfm is None or self.tier is None:
            return None
        name, english, chinese = TIERS[self._tiers[row]]
        scores = zip(("recency", "frequency", "monetary"), self._scores[row], strict=True)
        return {"tier": {"id": name, "name": {"en": english, "zh": chinese}}, "rfm": dict(scores)}

    def scores(self, row: int) -> Answer:
        """What the decision record keeps."""
        segments = self.loaded.runtime.segments
        return {
            "segment": segments.ids[self._positions[row]] if segments and self._positions else None,
            "rule_segments": self._ruled[row][0],
            "value_tier": TIERS[self._tiers[row]][0] if self._tiers else None,
            "rfm": self._scores[row] if self._scores else None,
        }

    @cached_property
    def _positions(self) -> list[int]:
        return [] if self.position is None else self.position.tolist()

    @cached_property
    def _ruled(self) -> list[tuple[list[str], Json]]:
        """The ids of the segments by rule each is in, and what an answer says of them."""
        if not self.ruled:
            return [self.loaded.phrases.rule_segments(b"")] * self.customers
        inside = np.packbits(np.array([*self.ruled.values()]), axis=0, bitorder="little").T
        return [self.loaded.phrases.rule_segments(bits.tobytes()) for bits in inside]

    @cached_property
    def _tiers(self) -> list[int]:
        return [] if self.tier is None else self.tier.tolist()

    @cached_property
    def _scores(self) -> list[list[int]]:
        return [] if self.rfm is None else self.rfm.tolist()


def place(loaded: Loaded, snapshot: Snapshot, matrix: F32Array) -> Placed:
    """Place n customers, from a snapshot and its global matrix."""
    runtime, rules = loaded.runtime, loaded.rulebook.segments
    columns = rules.columns
    ruled = rules.members(dict(zip(columns, snapshot.columns(columns), strict=True)))
    learned = runtime.segments
    if learned is None:
        return Placed(loaded, len(snapshot), None, ruled, None, None)
    position = learned.assign(matrix.take(runtime.positions(learned.columns), axis=1))
    if learned.value is None:
        return Placed(loaded, len(snapshot), position, ruled, None, None)
    worth = matrix.take(runtime.positions(learned.value.columns), axis=1)
    return Placed(loaded, len(snapshot), position, ruled, learned.value.rfm(worth), learned.value.tier(worth))
