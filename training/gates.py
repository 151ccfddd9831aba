"""What is good enough to be put before people: each gate has a value, a limit and a verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Gate:
    """One test a model must pass before anybody is asked to approve it."""

    name: str
    value: float
    limit: float
    passed: bool
    kind: str = "discrimination"

    def as_json(self) -> dict[str, str | float | bool]:
        """As evidence keeps it."""
        return asdict(self)


def at_least(name: str, value: float, limit: float) -> Gate:
    """Passes when value >= limit; NaN never passes.

    >>> at_least("ks", 0.4, 0.2).passed, at_least("ks", float("nan"), 0.2).passed
    (True, False)
    """
    return _gate(name, value, limit, value >= limit)


def at_most(name: str, value: float, limit: float) -> Gate:
    """Passes when value <= limit; NaN never passes."""
    return _gate(name, value, limit, value <= limit)


def refusal(gates: Sequence[Gate]) -> str:
    """Which gates said no, with value and limit; empty when all passed.

    >>> refusal([at_least("KS", 0.1, 0.2), at_most("ECE", 0.01, 0.02)])
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


def _gate(name: str, value: float, limit: float, passed: bool) -> Gate:
    finite = value if value == value else -1.0  # evidence is JSON, which knows no NaN
    return Gate(name, round(float(finite), 5), round(float(limit), 5), bool(passed))
