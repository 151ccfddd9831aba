"""Does the score say the truth? Calibration, distribution by outcome, and the rate by band."""

import numpy as np
from matplotlib.axes import Axes

from training.evidence.canvas import BLUE, GREY, ORANGE, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.scored import Scored, rate_interval
from training.validation import F64, calibration_error, calibration_noise

TICKS = np.array([0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999])
SLOTS = 30


def calibration(rows: Scored) -> Exhibit:
    """What was said against what was seen, in groups of equal size with their intervals."""
    table = _bands(rows)
    error, noise = calibration_error(rows.y, rows.p), calibration_noise(rows.p)
    inside = sum(_holds(row) for row in table)
    said, seen = float(rows.p.mean()), float(rows.y.mean())
    finding = (f"{rows.title}: said {said:.2%}, seen {seen:.2%}; {inside} of {len(table)} groups within "
               f"their interval; error {error:.4f}, chance alone {noise:.4f}")  # fmt: skip
    finding_zh = (f"{rows.title_zh}：预测 {said:.2%}，实际 {seen:.2%}；{len(table)} 组中 {inside} 组"
                  f"在区间内；校准误差 {error:.4f}，纯随机 {noise:.4f}")  # fmt: skip
    figure, (axes,) = canvas(finding, f"{rows.note}; bars: 95 % intervals; limit line: said = seen")
    mean, rate, low, high = (np.array([float(str(row[i])) for row in table]) for i in (4, 5, 6, 7))
    most = float(max(mean.max(), high.max())) * 1.05
    axes.plot([0, most], [0, most], color=GREY, linestyle="--", label="said = seen")
    spread = np.maximum(np.stack([rate - low, high - rate]), 0)
    axes.errorbar(mean, rate, yerr=spread, fmt="o-", color=BLUE, ecolor=ORANGE, capsize=3, label="groups")
    named(axes, "said (mean score of the group)", "seen (rate of the group)")
    return Exhibit(finding, finding_zh, png(figure), _BANDS, table)


def scores(rows: Scored) -> Exhibit:
    """How the score is spread among the positives and among the others."""
    where = _log_odds(rows.p) if rows.is_probability else rows.p
    low, high = np.quantile(where, (0.001, 0.999))
    edges = np.linspace(low, high if high > low else low + 1, SLOTS + 1)
    held = np.clip(where, edges[0], edges[-1])
    counts = [np.histogram(held[rows.y == side], edges)[0] for side in (0, 1)]
    shares = [count / max(1, count.sum()) for count in counts]
    shared = float(np.minimum(*shares).sum())
    finding = f"{rows.title}: the scores of the two outcomes overlap by {shared:.0%}"
    finding_zh = f"{rows.title_zh}：两类结果的评分分布重叠 {shared:.0%}"
    figure, (axes,) = canvas(finding, f"{rows.note}; limit line: the mean score {rows.p.mean():.4g}")
    axes.stairs(shares[0], edges, fill=True, color=GREY, alpha=0.45, label="others")
    axes.stairs(shares[1], edges, color=BLUE, linewidth=1.8, label="positives")
    axes.axvline(_middle(rows), color=ORANGE, linestyle="--", label="mean score")
    if rows.is_probability:
        _probability_ticks(axes, edges)
    named(axes, "score (log-odds scale)" if rows.is_probability else "score", "share of each outcome")
    bounds = _probability(edges) if rows.is_probability else edges
    table = tuple((*rounded((bounds[i], bounds[i + 1]), 5), int(counts[0][i]), int(counts[1][i]),
                   *rounded((shares[0][i], shares[1][i]))) for i in range(SLOTS))  # fmt: skip
    header = ("from", "to", "others", "positives", "share of others", "share of positives")
    return Exhibit(finding, finding_zh, png(figure), header, table)


def bands(rows: Scored) -> Exhibit:
    """The rate of the outcome in each band of the score, against the average."""
    table = _bands(rows)
    rate, low, high = (np.array([float(str(row[i])) for row in table]) for i in (5, 6, 7))
    falls = int((np.diff(rate) < 0).sum())
    order, order_zh = (
        ("rising in every band", "逐档上升") if not falls else (f"{falls} steps fall", f"{falls} 处回落")
    )
    finding = (
        f"{rows.title}: the rate goes from {rate[0]:.2%} to {rate[-1]:.2%} over {len(table)} bands, {order}"
    )
    finding_zh = f"{rows.title_zh}：{len(table)} 档中实际比率由 {rate[0]:.2%} 到 {rate[-1]:.2%}，{order_zh}"
    average = float(rows.y.mean())
    figure, (axes,) = canvas(finding, f"{rows.note}; bars: 95 % intervals; limit line: average {average:.2%}")
    spread = np.maximum(np.stack([rate - low, high - rate]), 0)
    axes.bar(np.arange(1, len(table) + 1), rate, yerr=spread, color=BLUE, ecolor=GREY, capsize=3)
    axes.axhline(average, color=ORANGE, linestyle="--", label="average")
    axes.set_xticks(range(1, len(table) + 1))
    named(axes, "band of the score, lowest first", "rate of the outcome")
    return Exhibit(finding, finding_zh, png(figure), _BANDS, table)


_BANDS = ("band", "from", "to", "rows", "mean score", "rate", "low", "high", "positives")


def _bands(rows: Scored) -> tuple[tuple[Cell, ...], ...]:
    found: list[tuple[Cell, ...]] = []
    for number, group in enumerate(rows.bands(), 1):
        p, hits = rows.p[group], int(rows.y[group].sum())
        bounds = rate_interval(hits, len(group))
        figures = rounded((p.mean(), hits / len(group), *bounds), 5)
        found.append((number, *rounded((p.min(), p.max()), 5), len(group), *figures, hits))
    return tuple(found)


def _holds(row: tuple[Cell, ...]) -> bool:
    return float(str(row[6])) <= float(str(row[4])) <= float(str(row[7]))


def _log_odds(p: F64) -> F64:
    held = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(held / (1 - held))


def _probability(odds: F64) -> F64:
    return 1 / (1 + np.exp(-odds))


def _middle(rows: Scored) -> float:
    mean = np.array([rows.p.mean()])
    return float((_log_odds(mean) if rows.is_probability else mean)[0])


def _probability_ticks(axes: Axes, edges: F64) -> None:
    at = _log_odds(TICKS)
    kept = (at >= edges[0]) & (at <= edges[-1])
    axes.set_xticks(at[kept], [f"{value:g}" for value in TICKS[kept]])
