"""What is good enough to be put before people: each gate has a value, a limit and a verdict."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Gate:
    """One test a model must pass before anybody is asked to approve it."""

    name: str
    value: float
    limit: float
    passed: bool

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


def _gate(name: str, value: float, limit: float, passed: bool) -> Gate:
    finite = value if value == value else -1.0  # evidence is JSON, which knows no NaN
    return Gate(name, round(float(finite), 5), round(float(limit), 5), bool(passed))
