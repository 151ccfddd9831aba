"""What a feature is: one small function over a source, its name, its window and its unit."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc, signature
from math import isnan, nan

import ibis.expr.types as ir

from feature_repo.features.columns import OWNERS, PROTECTED, PROXIES, PURPOSES, view_of


@dataclass(frozen=True)
class Feature:
    """One column. `build` makes its expression from what it reads.

    `reads` names a source, or, for a feature made of features, the columns it is made of. `nothing`
    is the value of a customer without rows: 0 for counts and sums, NaN (null) where none is known.
    """

    name: str
    unit: str
    window_days: int | None
    doc: str
    reads: tuple[str, ...]
    nothing: float
    build: Callable[..., ir.Value]

    @property
    def view(self) -> str:
        """The view it belongs to: its group."""
        return view_of(self.name)

    @property
    def protected(self) -> bool:
        """Whether it is kept out of credit and offers."""
        return self.name in PROTECTED

    @property
    def proxy(self) -> bool:
        """Whether it stands for a protected attribute, and is kept out of credit."""
        return self.name in PROXIES

    @property
    def owner(self) -> str:
        """Who answers for it."""
        return OWNERS[self.view]

    @property
    def purposes(self) -> frozenset[str]:
        """What it may be used for: marketing, credit, service."""
        return frozenset(purpose for purpose, columns in PURPOSES.items() if self.name in columns)

    def or_nothing(self, value: ir.Value) -> ir.Value:
        """The value, or what stands for it where the customer has no rows."""
        return value if isnan(self.nothing) else value.fill_null(self.nothing)


def entry(
    function: Callable[..., ir.Value], unit: str, *windows: int, nothing: float = nan
) -> tuple[Feature, ...]:
    """The features a function makes: one, or one for each window of so many days.

    >>> def inflow(bookings, days):
    ...     "Money received in the last {days} days."
    >>> [(f.name, f.doc, f.reads) for f in entry(inflow, "money", 30, 90, nothing=0)][1]
    ('inflow_90d', 'Money received in the last 90 days.', ('bookings',))
    """
    reads = tuple(name for name in signature(function).parameters if name != "days")
    name, doc = function.__name__, " ".join((getdoc(function) or "").split())
    if not windows:
        return (Feature(name, unit, None, doc, reads, nothing, function),)
    return tuple(
        Feature(
            f"{name}_{days}d", unit, days, doc.format(days=days), reads, nothing, _windowed(function, days)
        )
        for days in windows
    )


def _windowed(function: Callable[..., ir.Value], days: int) -> Callable[..., ir.Value]:
    return lambda *read: function(*read, days=days)
