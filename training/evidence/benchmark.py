"""Is it worth its complexity? The model beside the plain baseline on the same rows."""

import numpy as np

from training.evidence.canvas import BLUE, GREY, ORANGE, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.scored import Scored
from training.validation import auc_difference, auc_interval, ks, lift


def benchmark(rows: Scored) -> Exhibit:
    """AUC of both with their intervals, and of the paired difference (DeLong)."""
    model, plain = auc_interval(rows.y, rows.p), auc_interval(rows.y, rows.plain)
    gain = auc_difference(rows.y, rows.p, rows.plain)
    bounds = f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]"
    clear, clear_zh = (
        ("clear of zero", "明显大于零") if gain.low > 0 else ("not clear of zero", "不能与零区分")
    )
    finding = f"{rows.title}: {bounds} AUC over the plain baseline, {clear}"
    finding_zh = f"{rows.title_zh}：AUC 比简单基线 {bounds}，{clear_zh}"
    figure, (axes,) = canvas(finding, f"{rows.note}; bars: 95 % intervals; limit line: chance", height=2.6)
    values = np.array([plain.value, model.value])
    spread = np.array([[e.value - e.low for e in (plain, model)], [e.high - e.value for e in (plain, model)]])
    axes.errorbar(values, [0, 1], xerr=np.maximum(spread, 0), fmt="none", ecolor=GREY, capsize=4)
    axes.scatter(values, [0, 1], color=[ORANGE, BLUE], s=50, zorder=3)
    axes.axvline(0.5, color=GREY, linestyle="--")
    axes.set_yticks([0, 1], ["plain", "model"])
    axes.set_ylim(-0.6, 1.6)
    named(axes, "AUC", "", legend=False)
    table: tuple[tuple[Cell, ...], ...] = (
        ("model", *rounded((model.value, model.low, model.high, ks(rows.y, rows.p), lift(rows.y, rows.p)))),
        ("plain baseline", *rounded((plain.value, plain.low, plain.high, ks(rows.y, rows.plain),
                                     lift(rows.y, rows.plain)))),
        ("difference", *rounded((gain.value, gain.low, gain.high)), None, None),
    )  # fmt: skip
    return Exhibit(
        finding, finding_zh, png(figure), ("", "AUC", "low", "high", "KS", "lift of best tenth"), table
    )
