"""What a run logs, as MLflow wants it: flat figures, short parameters, tags."""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import TypeVar

from training.evidence.record import Record
from training.export import as_json

Each = TypeVar("Each")
LONGEST = 500  # signs of a parameter


def flat(values: Mapping[str, object], before: str = "") -> dict[str, float]:
    """Nested figures as MLflow wants them: dotted names, finite numbers only.

    >>> flat({"a": {"b": 1, "c": [0.5, 0.75]}, "d": "text"})
    {'a.b': 1.0, 'a.c.0': 0.5, 'a.c.1': 0.75}
    """
    found: dict[str, float] = {}
    for key, value in values.items():
        name = allowed(f"{before}{key}")
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        elif isinstance(value, list):
            found |= flat({str(i): each for i, each in enumerate(value)}, f"{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
            found[name] = float(value)
    return found


def allowed(name: str) -> str:
    """The name with an underscore for every sign MLflow refuses.

    >>> allowed("MAP@5")
    'MAP_5'
    """
    return "".join(sign if sign.isalnum() or sign in "_-./ " else "_" for sign in name)


def params(record: Record) -> dict[str, str]:
    """Seed, choice and parameters, those of a member with its name before them; cut where too long."""
    nested = {f"{name}.{key}" if isinstance(held, Mapping) else name: text
              for name, held in record.parameters.items()
              for key, text in (held.items() if isinstance(held, Mapping) else [("", held)])}  # fmt: skip
    named = {"seed": record.lineage.seed, "chosen": record.chosen} | nested
    return {allowed(key): str(text)[:LONGEST] for key, text in named.items()}


def tags(record: Record) -> dict[str, str]:
    """Who, when, from what, by which code, and what was left out."""
    lineage = record.lineage
    source = f"{lineage.source['name']} {str(lineage.source['digest'])[:16]}"
    return {
        "author": lineage.author, "trained_at": lineage.trained_at, "feature_service": record.service,
        "source": source, "window_from": record.window["from"], "window_to": record.window["to"],
        "git_commit": lineage.git_commit, "lock": lineage.lock[:16],
        "left_out": as_json(dict(record.left_out)).decode(),
    }  # fmt: skip


def batched(items: Sequence[Each], most: int) -> Iterator[Sequence[Each]]:
    """The items in pieces of at most so many.

    >>> list(batched([1, 2, 3], 2))
    [[1, 2], [3]]
    """
    for start in range(0, len(items), most):
        yield items[start : start + most]
