"""What is good enough to be put before people: each gate has a value, a limit and a verdict."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from feature_repo.errors import BankError

Kind = Literal[
    "discrimination", "champion", "calibration", "stability", "fairness", "faithfulness", "leak", "latency",
    "size", "signature", "reproducibility", "parity", "card", "pack", "pia", "content",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
_NEEDED, _NUMBERS = (
    ("kind", "name", "value", "limit", "passed"),
    ("value", "limit", "low", "high", "champion"),
)


class BrokenGate(BankError, ValueError):
    """What should be a gate, in evidence or a record, is none."""

    def __init__(self, found: str) -> None:
        self.found = found
        super().__init__(f"A gate cannot be read: {found}. Train or request again; nothing was guessed.")


@dataclass(frozen=True)
class Gate:
    """One test a part must pass before anybody is asked to approve it.

    `name` is a sentence fragment a person understands; it may begin with the member. `low` and `high`
    bound the value at 95 %, `champion` is the champion's own figure on the same rows. Whether people
    may overrule a gate follows from its kind and the model's tier, elsewhere.
    """

    kind: Kind
    name: str
    value: float
    limit: float
    passed: bool
    low: float | None = None
    high: float | None = None
    champion: float | None = None
    note: str = ""

    def as_json(self) -> dict[str, str | float | bool]:
        """As evidence keeps it; what is not known is left out.

        >>> Gate("leak", "score: AUC", 0.8, 0.99, True).as_json()
        {'kind': 'leak', 'name': 'score: AUC', 'value': 0.8, 'limit': 0.99, 'passed': True}
        """
        return {key: value for key, value in asdict(self).items() if value is not None and value != ""}

    @staticmethod
    def from_json(held: Mapping[str, object]) -> "Gate":
        """What `as_json` said; BrokenGate for anything else.

        >>> Gate.from_json({"kind": "leak", "name": "AUC", "value": 0.8, "limit": 0.9, "passed": 1})
        Traceback (most recent call last):
        ...
        training.gates.BrokenGate: A gate cannot be read: 'passed' is 1. Train or request again; ...
        """
        known = Gate.__dataclass_fields__
        if unknown := sorted(set(held) - set(known)):
            raise BrokenGate(f"it says {unknown}, which no gate has")
        if lacking := [key for key in _NEEDED if key not in held]:
            raise BrokenGate(f"it lacks {lacking}")
        for key, value in held.items():
            if not _fits(key, value):
                raise BrokenGate(f"'{key}' is {value!r}")
        return Gate(**held)  # type: ignore[arg-type]  # each was looked at


def at_least(
    kind: Kind, name: str, value: float, limit: float, *, low: float | None = None,
    high: float | None = None, champion: float | None = None, note: str = "",
) -> Gate:  # fmt: skip
    """Passes when value >= limit; NaN never passes.

    >>> [at_least("discrimination", "KS", value, 0.2).passed for value in (0.4, float("nan"))]
    [True, False]
    """
    return held_to(kind, name, value, limit, value >= limit, low, high, champion, note)


def at_most(
    kind: Kind, name: str, value: float, limit: float, *, low: float | None = None,
    high: float | None = None, champion: float | None = None, note: str = "",
) -> Gate:  # fmt: skip
    """Passes when value <= limit; NaN never passes."""
    return held_to(kind, name, value, limit, value <= limit, low, high, champion, note)


def held_to(
    kind: Kind, name: str, value: float, limit: float, passed: bool, low: float | None = None,
    high: float | None = None, champion: float | None = None, note: str = "",
) -> Gate:  # fmt: skip
    """A gate with a verdict of its own; numbers are rounded, what is no number is -1."""
    finite = value if math.isfinite(value) else -1.0  # evidence is JSON, which knows neither
    return Gate(kind, name, _short(finite), _short(limit), bool(passed), _rounded(low), _rounded(high),
                _rounded(champion), note)  # fmt: skip


def refusal(gates: Sequence[Gate]) -> str:
    """Which gates said no, with value and limit; empty when all passed.

    >>> refusal([at_least("discrimination", "KS", 0.1, 0.2), at_most("calibration", "ECE", 0.01, 0.02)])
    'its gate said no: KS 0.1, limit 0.2'
    """
    found = [f"{gate.name} {gate.value:g}, limit {gate.limit:g}" for gate in gates if not gate.passed]
    return f"its gate said no: {'; '.join(found)}" if found else ""


def admitted(gates: Mapping[str, Sequence[Gate]]) -> tuple[list[str], dict[str, str]]:
    """The members of a part whose gates all passed, and why the others are left out of it.

    A part none of whose members passes keeps them all, and is refused as a whole at promotion.
    """
    refused = {name: why for name, found in gates.items() if (why := refusal(found))}
    if len(refused) == len(gates):
        return list(gates), {}
    return [name for name in gates if name not in refused], refused


def _fits(key: str, value: object) -> bool:
    if key == "kind":
        return value in KINDS
    if key == "passed":
        return isinstance(value, bool)
    if key in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return isinstance(value, str) and (key == "note" or bool(value))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else _short(value)


def _short(value: float) -> float:
    """Five decimals, or five digits of what is smaller than that.

    >>> _short(0.1234567), _short(1.23456e-9), _short(0.0)
    (0.12346, 1.2346e-09, 0.0)
    """
    return round(float(value), 5) if abs(value) >= 1e-4 else float(f"{float(value):.4e}")
