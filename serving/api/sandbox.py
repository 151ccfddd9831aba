"""Sandbox customers: ids that an app may ask about in its tests, and that answer the same every time.

Their answers were decided once by the Scorer and are kept in `sandbox.json`; whatever is asked about one,
its one answer to that question comes back. Nothing of it reaches the engine, the decision log or a count.
Ids that begin with `sandbox-` are nobody's: ingestion makes pseudonyms without a hyphen.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import orjson

from serving.errors import MixedSandbox, UnknownCustomer

PREFIX = "sandbox-"
FILE = Path(__file__).with_name("sandbox.json")


class Asking(Protocol):
    """A question about somebody."""

    @property
    def customer_id(self) -> str | None:
        """Whom it is about."""


class Sandbox:
    """The answers about sandbox customers, by customer and path of the question."""

    def __init__(self, told: Mapping[tuple[str, str], bytes]) -> None:
        self._told = told

    @staticmethod
    def load(path: Path = FILE) -> "Sandbox":
        """The answers kept with the program."""
        rows = orjson.loads(path.read_bytes())
        return Sandbox(
            {
                (customer, asked): orjson.dumps(answer)
                for customer, asked, answer in rows
                if answer is not None
            }
        )

    @property
    def customers(self) -> list[str]:
        """Every sandbox customer, sorted."""
        return sorted({customer for customer, _ in self._told})

    def answers(self, path: str, asked: Sequence[Asking]) -> list[bytes | UnknownCustomer] | None:
        """The answer to each question of one request; None when it is about no sandbox customer.

        `path` is that of the single question. MixedSandbox when other customers are among them.
        """
        ids = [each.customer_id or "" for each in asked]
        inside = [each.startswith(PREFIX) for each in ids]
        if not any(inside):
            return None
        if not all(inside):
            raise MixedSandbox
        return [self._told.get((each, path)) or UnknownCustomer(each) for each in ids]
