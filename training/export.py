"""Release parts on disk: model.json, graphs and factors, and the frozen bins drift compares with."""

import io
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.trained import Trained
from training.validation import F64

F32 = npt.NDArray[np.float32]
DECILES = np.linspace(0.1, 0.9, 9)


def write_part(trained: Trained, folder: Path) -> Path:
    """Write the part's files into `folder`; it appears whole or not at all."""
    described = {"model.json": as_json(trained.model), "reference.json": as_json(trained.reference)}
    draft = folder.with_name(folder.name + ".draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, content in {**described, **trained.files}.items():
        (draft / name).write_bytes(content)
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)
    return folder


def as_json(value: Mapping[str, object]) -> bytes:
    """Sorted, finite JSON: the same object always gives the same bytes.

    >>> as_json({"b": 1, "a": 0.5})
    b'{"a":0.5,"b":1}'
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def finite(values: Mapping[str, object]) -> dict[str, object]:
    """The same figures with null for what is not a number.

    >>> finite({"a": [1.0, float("nan")]})
    {'a': [1.0, None]}
    """
    return {key: _finite(value) for key, value in values.items()}


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return finite(value)
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def arrays(**named: npt.NDArray[np.float64]) -> bytes:
    """An .npz of plain float64 arrays, readable with allow_pickle=False."""
    held = io.BytesIO()
    plain = {name: np.ascontiguousarray(array, np.float64) for name, array in named.items()}
    np.savez(held, allow_pickle=False, **plain)
    return held.getvalue()


def reference(
    matrix: F32, columns: Sequence[str], scores: Mapping[str, F64], window: Mapping[str, str]
) -> dict[str, object]:
    """Frozen decile bins of every column and score, on rows the model has not trained on.

    >>> frozen = reference(np.array([[1.0], [2.0], [np.nan], [2.0]], np.float32), ["x"], {}, {})
    >>> frozen["columns"]["x"]["edges"], frozen["columns"]["x"]["missing"]
    ([2.0], 0.25)
    """
    return {
        "n": len(matrix),
        "window": dict(window),
        "columns": {name: bins(matrix[:, j]) for j, name in enumerate(columns)},
        "scores": {name: bins(values) for name, values in scores.items()},
    }


def scored_before(scores: F64) -> dict[str, object]:
    """The frozen bins of a model's scores on rows it was trained on, and how many they are."""
    return bins(scores) | {"n": len(scores)}


def bins(values: npt.NDArray[np.floating]) -> dict[str, object]:
    """Inner deciles as edges of [edge i-1, edge i), the share of the known rows in each, and of missing."""
    known = np.asarray(values, np.float64)[~np.isnan(values)]
    if not len(known):
        return {"edges": [], "shares": [1.0], "missing": 1.0}
    edges = np.unique(np.quantile(known, DECILES, method="higher"))
    edges = edges[edges > known.min()]
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return {
        "edges": edges.tolist(),
        "shares": (counts / len(known)).tolist(),
        "missing": 1 - len(known) / len(values),
    }
