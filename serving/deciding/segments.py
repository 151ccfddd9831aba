"""Which segments each customer is in, learned and by rule, and what the customer is worth."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from serving.deciding.loaded import Loaded, Mask
from serving.deciding.online import Snapshot
from training.release.segmentation import F32Array
from training.release.value import TIERS

Answer = dict[str, object]


@dataclass(frozen=True)
class Placed:
    """n customers: `position` (n,) of the learned segment, `ruled` (n,) each by id of a segment by rule.

    `rfm` (n, 3) and `tier` (n,) are None where the release does not know them; `position` as well.
    """

    loaded: Loaded
    position: npt.NDArray[np.intp] | None
    ruled: Mapping[str, Mask]
    rfm: npt.NDArray[np.int64] | None
    tier: npt.NDArray[np.int64] | None

    @property
    def learned(self) -> dict[str, Mask]:
        """Who is in which learned segment, by id."""
        segments = self.loaded.runtime.segments
        if segments is None or self.position is None:
            return {}
        return {name: self.position == at for at, name in enumerate(segments.ids)}

    def segment(self, row: int) -> Answer | None:
        """One customer's learned segment as an answer says it."""
        if self.position is None:
            return None
        found = self.loaded.runtime.segmentation.segments[int(self.position[row])]
        return {
            "id": found.id,
            "name": {"en": found.name_en, "zh": found.name_zh},
            "rule": found.rule,
            "share": found.share,
        }

    def rule_segments(self, row: int) -> list[Answer]:
        """The segments by rule one customer is in, in the file's order."""
        return [
            {"id": one.id, "name": {"en": one.name_en, "zh": one.name_zh}}
            for one in self.loaded.rulebook.segments.segments
            if self.ruled[one.id][row]
        ]

    def value(self, row: int) -> Answer | None:
        """One customer's value tier and RFM scores, 5 the best."""
        if self.rfm is None or self.tier is None:
            return None
        name, english, chinese = TIERS[int(self.tier[row])]
        scores = zip(("recency", "frequency", "monetary"), self.rfm[row].tolist(), strict=True)
        return {"tier": {"id": name, "name": {"en": english, "zh": chinese}}, "rfm": dict(scores)}

    def scores(self, row: int) -> Answer:
        """What the decision record keeps."""
        segment = self.segment(row)
        return {
            "segment": segment["id"] if segment else None,
            "rule_segments": [one["id"] for one in self.rule_segments(row)],
            "value_tier": TIERS[int(self.tier[row])][0] if self.tier is not None else None,
            "rfm": self.rfm[row].tolist() if self.rfm is not None else None,
        }


def place(loaded: Loaded, snapshot: Snapshot, matrix: F32Array) -> Placed:
    """Place n customers, from a snapshot and its global matrix."""
    learned, rules = loaded.runtime.segments, loaded.rulebook.segments
    ruled = rules.members({name: snapshot.column(name) for name in rules.columns})
    if learned is None:
        return Placed(loaded, None, ruled, None, None)
    position = learned.assign(matrix[:, loaded.runtime.positions(learned.columns)])
    if learned.value is None:
        return Placed(loaded, position, ruled, None, None)
    worth = matrix[:, loaded.runtime.positions(learned.value.columns)]
    return Placed(loaded, position, ruled, learned.value.rfm(worth), learned.value.tier(worth))
