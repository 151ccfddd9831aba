"""How does the score answer to its inputs? Each column moved by itself, the others as they are."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from training.evidence.canvas import BLUE, GREY, ORANGE, below, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.validation import F64

F32 = npt.NDArray[np.float32]
SHOWN, MOST_ROWS = 15, 2000


def sensitivity(
    title: str, title_zh: str, score: Callable[[F32], F64], matrix: F32, columns: Sequence[str],
    window: Mapping[str, str],
) -> Exhibit:  # fmt: skip
    """The mean score of (n, F) rows when all get a column's 10 % or 90 % quantile, and when it is unknown.

    Some 2,000 rows spread evenly over `matrix` are moved; missing values of other columns stay missing.
    The table holds every column, the widest swing first; the plot the fifteen widest.
    """
    rows = matrix[:: max(1, len(matrix) // MOST_ROWS)]
    average = float(score(rows).mean())
    found = [_moved(score, rows, j, name) for j, name in enumerate(columns)]
    table = tuple(sorted(found, key=lambda row: -abs(_number(row[4]) - _number(row[3]))))
    widest = table[0]
    finding = (f"{title}: most sensitive to {widest[0]}, mean score {_number(widest[3]):.4g} to "
               f"{_number(widest[4]):.4g}")  # fmt: skip
    finding_zh = (
        f"{title_zh}：对 {widest[0]} 最敏感，平均评分 {_number(widest[3]):.4g} 至 {_number(widest[4]):.4g}"
    )
    note = f"{below(window, len(rows))}; 10 % to 90 % quantile of each; limit line: average {average:.4g}"
    return Exhibit(finding, finding_zh, _drawn(finding, note, table[:SHOWN], average), _HEADER, table)


_HEADER = ("column", "10 % quantile", "90 % quantile", "score at 10 %", "score at 90 %", "score if unknown")


def _moved(score: Callable[[F32], F64], rows: F32, j: int, name: str) -> tuple[Cell, ...]:
    known = rows[~np.isnan(rows[:, j]), j]
    low, high = np.quantile(known, (0.1, 0.9)) if len(known) else (np.nan, np.nan)
    means: list[float] = []
    for value in (low, high, np.nan):
        moved = rows.copy()
        moved[:, j] = value
        means.append(float(score(moved).mean()))
    ends = rounded((low, high)) if len(known) else (None, None)
    return name, *ends, *rounded(means, 6)


def _drawn(finding: str, note: str, table: Sequence[tuple[Cell, ...]], average: float) -> bytes:
    figure, (axes,) = canvas(finding, note, height=1.2 + 0.24 * len(table))
    figure.subplots_adjust(left=0.32)
    place = np.arange(len(table))[::-1]
    for end, colour, label in ((3, ORANGE, "at 10 %"), (4, BLUE, "at 90 %")):
        values = np.array([_number(row[end]) for row in table])
        axes.barh(place, values - average, left=average, color=colour, height=0.7, label=label)
    axes.axvline(average, color=GREY, linestyle="--")
    axes.set_yticks(place, [str(row[0]) for row in table])
    named(axes, "mean score", "")
    return png(figure)


def _number(cell: Cell) -> float:
    return float("nan") if cell is None else float(cell)
