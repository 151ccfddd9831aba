"""The recommender as the files of a release part."""

from collections.abc import Mapping
from dataclasses import asdict

from training.export import arrays
from training.release.recommendation import EFFECTS, Recommender


def as_json(model: Recommender) -> dict[str, object]:
    """What model.json says of it."""
    bands = model.layout.bands
    return {
        "kind": "hybrid",
        "products": [asdict(each) for each in model.products],
        "bands": {"columns": list(bands.columns), "edges": [each.tolist() for each in bands.edges]},
        "segments": model.layout.segments,
        "segmentation": model.segmentation,
        "encoding": model.encoding.as_json(),
        "calibration": {name: {"a": line.a, "b": line.b} for name, line in model.calibration.items()},
        "popularity": model.popularity.tolist(),
        "horizon_days": model.horizon_days,
    }


def as_files(model: Recommender) -> Mapping[str, bytes]:
    """Its tables of effects."""
    return {EFFECTS: arrays(effects=model.effects, by_attribute=model.by_attribute)}
