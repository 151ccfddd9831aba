"""A plot and its table twin: what the eye sees and the numbers behind it."""

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | None


@dataclass(frozen=True)
class Exhibit:
    """One piece of evidence. `title` is its finding, in English and in Chinese.

    `image` is a PNG (empty where the table says it all); `rows` hold as many cells as `header`.
    """

    title: str
    title_zh: str
    image: bytes
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        if any(len(row) != len(self.header) for row in self.rows):
            raise ValueError(f"Exhibit '{self.title}' has rows of other lengths than its header.")


def rounded(values: Sequence[float], digits: int = 4) -> tuple[float, ...]:
    """Numbers as a table prints them.

    >>> rounded([0.123456, 2])
    (0.1235, 2.0)
    """
    return tuple(round(float(value), digits) for value in values)
