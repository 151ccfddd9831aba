"""Where two decisions about the same customer differ, to the last bit."""

import math
from collections.abc import Iterator

from tests.reference.shapes import Decision, Factors


def differences(expected: Decision, found: Decision) -> list[str]:
    """One line for each thing in which they differ; empty where they are the same."""
    return [*_of_the_whole(expected, found), *_of_offers(expected, found)]


def _of_the_whole(expected: Decision, found: Decision) -> Iterator[str]:
    for name in ("arm", "order", "probability", "stages"):
        wanted, got = getattr(expected, name), getattr(found, name)
        if wanted != got:
            yield f"{name} is {got}, not {wanted}"
    if set(expected.removed) != set(found.removed):
        yield f"offers are {sorted(found.removed)}, not {sorted(expected.removed)}"


def _of_offers(expected: Decision, found: Decision) -> Iterator[str]:
    for name, codes in expected.removed.items():
        if (got := found.removed.get(name)) != codes:
            yield f"{name} is removed by {got}, not {codes}"
        if name in found.factors and not codes:  # the factors of what is left decide its place
            yield from _of_factors(name, expected.factors[name], found.factors[name])


def _of_factors(name: str, expected: Factors, found: Factors) -> Iterator[str]:
    for factor in ("chance", "context", "value", "lever", "priority"):
        wanted, got = getattr(expected, factor), getattr(found, factor)
        if wanted != got and not (math.isnan(wanted) and math.isnan(got)):
            yield f"{factor} of {name} is {got!r}, not {wanted!r}"
