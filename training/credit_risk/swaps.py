"""Who changes sides when a challenger takes over from a champion at the same number of approvals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.credit_risk.situations import IN_CHINESE
from training.evidence.canvas import below
from training.evidence.exhibit import Exhibit
from training.validation import F64, Labels

CHAMPIONS = {"the champion": "现行模型", "the scorecard": "评分卡"}


@dataclass(frozen=True)
class Swaps:
    """The four corners: rows and defaults where both approve, one of them, or neither."""

    both: tuple[int, int]
    swapped_in: tuple[int, int]
    swapped_out: tuple[int, int]
    neither: tuple[int, int]

    @property
    def fewer_defaults(self) -> int:
        """Defaults the challenger's book has less, at the same number of approvals."""
        return self.swapped_out[1] - self.swapped_in[1]

    def as_json(self) -> dict[str, object]:
        """As metrics keep it: [rows, defaults] each."""
        return {
            "both": list(self.both), "swapped_in": list(self.swapped_in),
            "swapped_out": list(self.swapped_out), "neither": list(self.neither),
            "fewer_defaults": self.fewer_defaults,
        }  # fmt: skip


def swap_set(champion_p: F64, challenger_p: F64, y: Labels, cut_off: float) -> Swaps:
    """Compare two models' approvals: the champion's below the cut-off, as many of the challenger's safest.

    Ties at the challenger's border go in row order.

    >>> champion, challenger = np.array([0.01, 0.02, 0.3, 0.4]), np.array([0.1, 0.5, 0.2, 0.6])
    >>> found = swap_set(champion, challenger, np.array([0, 1, 0, 1], np.int8), 0.1)
    >>> found.swapped_in, found.swapped_out, found.fewer_defaults
    ((1, 0), (1, 1), 1)
    """
    old = champion_p < cut_off
    new = np.zeros(len(y), bool)
    new[np.argsort(challenger_p, kind="stable")[: int(old.sum())]] = True

    def corner(mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, int]:
        return int(mask.sum()), int(y[mask].sum())

    return Swaps(corner(old & new), corner(new & ~old), corner(old & ~new), corner(~old & ~new))


def exhibit(name: str, champion: str, swaps: Swaps, window: Mapping[str, str]) -> Exhibit:
    """The four corners as a table; its title says what the swap is worth."""
    rows = []
    for label, (n, bad) in (
        ("both approve", swaps.both), ("only the challenger", swaps.swapped_in),
        ("only the champion", swaps.swapped_out), ("neither", swaps.neither),
    ):  # fmt: skip
        rows.append((label, n, bad, round(bad / n, 4) if n else None))
    n = sum(corner[0] for corner in (swaps.both, swaps.swapped_in, swaps.swapped_out, swaps.neither))
    fewer = swaps.fewer_defaults
    return Exhibit(
        f"Credit {name}, swap set against {champion}: {fewer:+d} defaults avoided at the same approvals "
        f"({below(window, n)})",
        f"信用风险（{IN_CHINESE[name]}），与{CHAMPIONS[champion]}相比的置换集：同等通过数下"
        f"违约减少 {fewer} 笔", b"",
        ("", "rows", "defaults", "bad rate"), tuple(rows),
    )  # fmt: skip
