"""Does the score rank? ROC with KS, and what a campaign of the best tenths would hold."""

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from training.evidence.canvas import BLUE, GREY, ORANGE, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.scored import Scored
from training.validation import F64, Labels, auc, auc_interval, ks, lift

GRID = np.linspace(0, 1, 21)
TENTHS = 10
_GAINS = (
    "tenth",
    "rows",
    "positives",
    "rate",
    "lift",
    "found so far",
    "lift so far",
    "baseline found so far",
)


def roc(rows: Scored) -> Exhibit:
    """The ROC curve beside the plain baseline's, and the two outcomes' distributions that KS compares."""
    found, plain = auc_interval(rows.y, rows.p), auc(rows.y, rows.plain)
    low, high = found.as_list()
    figures = f"AUC {found.value:.3f} [{low:.3f}, {high:.3f}]"
    most = ks(rows.y, rows.p)
    finding = f"{rows.title}: {figures}, plain baseline {plain:.3f}; KS {most:.2f}"
    finding_zh = f"{rows.title_zh}：{figures}，简单基线 {plain:.3f}；KS {most:.2f}"
    figure, (left, right) = canvas(finding, f"{rows.note}; limit line: chance", panels=2)
    for score, colour, label in ((rows.plain, ORANGE, "plain baseline"), (rows.p, BLUE, "model")):
        left.plot(*_curve(rows.y, score), color=colour, label=f"{label} {auc(rows.y, score):.3f}")
    left.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="chance .500")
    named(left, "share of the others", "share of the positives found")
    _two_distributions(right, rows, most)
    share, model = _curve(rows.y, rows.p)
    baseline = np.interp(GRID, *_curve(rows.y, rows.plain))
    table = tuple(
        (*rounded((x, np.interp(x, share, model), b)),) for x, b in zip(GRID, baseline, strict=True)
    )
    return Exhibit(finding, finding_zh, png(figure),
                   ("share of others", "found by the model", "found by the baseline"), table)  # fmt: skip


def _curve(y: Labels, score: F64) -> tuple[F64, F64]:
    """Share of negatives and of positives above each threshold, ties taken whole; at most 400 points."""
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.r_[score[order][1:] != score[order][:-1], True])
    hit = np.r_[0, np.cumsum(y[order])[ends]] / y.sum()
    missed = np.r_[0, np.cumsum(1 - y[order])[ends]] / (1 - y).sum()
    kept = np.unique(np.linspace(0, len(hit) - 1, 400).astype(int))
    return missed[kept], hit[kept]


def _two_distributions(axes: Axes, rows: Scored, most: float) -> None:
    ranks = _place(rows.p)
    grid = np.linspace(0, 1, 200)
    below = [np.searchsorted(np.sort(ranks[rows.y == side]), grid, "right") / (rows.y == side).sum()
             for side in (0, 1)]  # fmt: skip
    axes.plot(grid, below[0], color=GREY, label="others")
    axes.plot(grid, below[1], color=BLUE, label="positives")
    widest = int(np.abs(below[0] - below[1]).argmax())
    axes.vlines(grid[widest], below[1][widest], below[0][widest], color=ORANGE, label=f"KS {most:.2f}")
    named(axes, "share of all rows, lowest score first", "share at or below")


def _place(score: F64) -> F64:
    return np.searchsorted(np.sort(score), score, side="right") / len(score)


def gains(rows: Scored) -> Exhibit:
    """Cumulative gain and lift by tenths of the rows, best first."""
    best, plain = lift(rows.y, rows.p), lift(rows.y, rows.plain)
    captured = min(1.0, best * 0.1)
    finding = (f"{rows.title}: the best tenth holds {captured:.0%} of the positives, lift {best:.1f} "
               f"(plain {plain:.1f})")  # fmt: skip
    finding_zh = (
        f"{rows.title_zh}：最高一成包含 {captured:.0%} 的正例，提升 {best:.1f}（简单基线 {plain:.1f}）"
    )
    figure, (left, right) = canvas(finding, f"{rows.note}; limit line: no model", panels=2)
    share = np.linspace(0, 1, TENTHS + 1)
    model, baseline = _captured(rows.y, rows.p), _captured(rows.y, rows.plain)
    left.plot(share, baseline, "s-", color=ORANGE, markersize=3, label="plain baseline")
    left.plot(share, model, "o-", color=BLUE, markersize=3, label="model")
    left.plot([0, 1], [0, 1], color=GREY, linestyle="--", label="no model")
    named(left, "share of rows, best first", "share of the positives found")
    each = np.diff(model) * TENTHS
    right.bar(np.arange(1, TENTHS + 1), each, color=BLUE)
    right.axhline(1, color=GREY, linestyle="--", label="no model")
    right.set_xticks(range(1, TENTHS + 1))
    named(right, "tenth, best first", "lift (times the average rate)")
    return Exhibit(finding, finding_zh, png(figure), _GAINS, _tenths(rows, model, baseline, each))


def _order(y: Labels, score: F64) -> list[npt.NDArray[np.intp]]:
    return np.array_split(np.argsort(-score, kind="stable"), TENTHS)


def _captured(y: Labels, score: F64) -> F64:
    """Share of the positives in the best 0, 1, ... 10 tenths; shape (11,)."""
    found = np.cumsum([y[group].sum() for group in _order(y, score)])
    return np.asarray(np.r_[0.0, found / y.sum()], np.float64)


def _tenths(rows: Scored, model: F64, baseline: F64, each: F64) -> tuple[tuple[Cell, ...], ...]:
    found: list[tuple[Cell, ...]] = []
    for i, group in enumerate(_order(rows.y, rows.p), 1):
        rate = rows.y[group].mean() if len(group) else 0.0
        figures = rounded((rate, each[i - 1], model[i], model[i] * TENTHS / i, baseline[i]))
        found.append((i, len(group), int(rows.y[group].sum()), *figures))
    return tuple(found)
