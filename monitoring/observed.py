"""Logged decisions as arrays: the features each was made from, and the scores it gave."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_repo.features.application import FEATURES_READ, REQUEST_COLUMNS, application_features
from training.release.manifest import Origin
from training.release.packing import unpack

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Observed:
    """n decisions of one use case: columns and scores by name, each (n,), NaN where unknown."""

    n: int
    columns: Mapping[str, Floats]
    scores: Mapping[str, Floats]


def observe(payloads: Iterable[bytes], release: str, origin: Origin) -> Observed:
    """Read the decisions that `release` made; those of others are passed over."""
    rows, scores, requests = list[Floats](), list[Mapping[str, object]](), list[Mapping[str, object]]()
    for payload in payloads:
        record = json.loads(payload)
        if record["release"] == release:
            rows.append(unpack(record["features"]["values"], len(origin.columns)))
            scores.append(_flat(record.get("scores") or {}))
            requests.append(record["request"])
    matrix = np.array(rows).reshape(len(rows), len(origin.columns))
    columns = {name: matrix[:, at] for at, name in enumerate(origin.columns)}
    if any("amount" in request for request in requests):
        asked = {name: _numbers(requests, name) for name in REQUEST_COLUMNS}
        columns |= application_features(asked, {name: columns[name] for name in FEATURES_READ})
    names = {name for each in scores for name, value in each.items() if _is_number(value)}
    return Observed(len(rows), columns, {name: _numbers(scores, name) for name in sorted(names)})


def _flat(scores: Mapping[str, object]) -> dict[str, object]:
    """A segment S1, S2, ... as its position, as the reference counts them."""
    segment = scores.get("segment")
    return {**scores, "segment": int(segment[1:]) - 1} if isinstance(segment, str) else dict(scores)


def _numbers(records: Iterable[Mapping[str, object]], name: str) -> Floats:
    return np.array([_number(record.get(name)) for record in records], np.float64)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
