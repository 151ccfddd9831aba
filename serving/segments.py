"""Which segment each customer belongs to, as an answer says it."""

from serving.loaded import Loaded
from training.release.segmentation import F32Array


def segment_of(loaded: Loaded, matrix: F32Array) -> list[dict[str, object] | None]:
    """Each customer's segment from the global matrix; None where the release has no segmentation."""
    segmentation = loaded.runtime.segments
    if segmentation is None:
        return [None] * len(matrix)
    assigned = segmentation.assign(matrix[:, loaded.runtime.positions(segmentation.columns)])
    known: list[dict[str, object]] = [
        {
            "id": segment.id,
            "name": {"en": segment.name_en, "zh": segment.name_zh},
            "rule": segment.rule,
            "share": segment.share,
        }
        for segment in segmentation.segments
    ]
    return [known[int(index)] for index in assigned]
