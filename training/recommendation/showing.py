"""The verdict as exhibits: each a table, most with a plot."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from training.dataset import iso
from training.evidence.canvas import BLUE, GREY, below, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.plots import bars
from training.recommendation.judging import LAST, MODEL, POPULARITY, Fit, Verdict
from training.recommendation.ranking import CUTS
from training.validation import Interval, by_bin, calibration_error, calibration_noise

Window = Mapping[str, str]


def exhibits(verdict: Verdict, chosen: str, window: Window, seed: int) -> dict[str, Exhibit]:
    """Every exhibit, by name."""
    found = {
        "ranking": _ranking(verdict, chosen, window),
        "metrics": _metrics(verdict, window),
        "coverage": _coverage(verdict, window),
        "benchmark": _benchmark(verdict, window, seed),
        "calibration": _calibration(verdict, window),
        "sensitivity": _sensitivity(verdict, window, seed),
        "stability": _stability(verdict, window, seed),
    }
    if verdict.shares is not None:
        found["shares"] = _shares(verdict.shares, window)
    return found | ({"new_products": _new(verdict, window)} if verdict.new else {})


def _ranking(verdict: Verdict, chosen: str, window: Window) -> Exhibit:
    shown = {name: _spread(each["map_at_5"]) for name, each in verdict.intervals.items()}
    found = verdict.ranked[MODEL].mean["map_at_5"]
    plain = verdict.ranked[POPULARITY].mean["map_at_5"]
    title, zh = f"{chosen}: MAP@5 {found:.3f}, popularity", f"{chosen}：MAP@5 {found:.3f}，热门"
    return bars(f"{title} {plain:.3f}", f"{zh} {plain:.3f}",
                shown, plain, "MAP@5", window, len(verdict.ranked[MODEL]))  # fmt: skip


def _metrics(verdict: Verdict, window: Window) -> Exhibit:
    names = [f"{measure}_at_{k}" for k in CUTS for measure in ("map", "ndcg", "recall")]
    return _table("Ranking figures at 1, 3 and 5", "前1、3、5名的排序指标", verdict, names, window)


def _coverage(verdict: Verdict, window: Window) -> Exhibit:
    names = [f"{measure}_at_{k}" for k in CUTS for measure in ("coverage", "novelty")]
    title = "How much of the shelf is shown, and how little of it is what everybody takes (bits)"
    return _table(title, "覆盖率与新颖度（比特）", verdict, names, window)


def _table(title: str, title_zh: str, verdict: Verdict, names: list[str], window: Window) -> Exhibit:
    rows: list[tuple[Cell, ...]] = [
        (who, name, *rounded(_spread(each[name])))
        for who, each in verdict.intervals.items()
        for name in names
    ]
    n = len(verdict.ranked[MODEL])
    return Exhibit(f"{title} ({below(window, n)})", title_zh, b"", ("", "figure", "value", "low", "high"),
                   tuple(rows))  # fmt: skip


def _benchmark(verdict: Verdict, window: Window, seed: int) -> Exhibit:
    model, rows = verdict.ranked[MODEL], {}
    for plain in (POPULARITY, LAST):
        for name in ("map_at_1", "map_at_3", "map_at_5", "ndcg_at_5", "recall_at_5"):
            rows[f"{name} over {plain}"] = _spread(model.over(verdict.ranked[plain], seed, name))
    least = rows[f"map_at_5 over {POPULARITY}"]
    return bars(f"MAP@5 {least[0]:+.3f} over popularity, at least {least[1]:+.3f}",
                f"MAP@5 比热门高 {least[0]:+.3f}，至少 {least[1]:+.3f}", rows, 0.0, "gain, paired", window,
                len(model))  # fmt: skip


def _calibration(verdict: Verdict, window: Window) -> Exhibit:
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    rows: list[tuple[Cell, ...]] = []
    for fit in verdict.families:
        groups = by_bin(fit.seen, fit.said)
        axes.plot([g[0] for g in groups], [g[1] for g in groups], "o-", markersize=3, label=fit.family)
        rows.append((fit.family, *rounded((fit.said.mean(), fit.seen.mean(), fit.error,
                     calibration_noise(fit.said), fit.limit), 5), len(fit.seen)))  # fmt: skip
    most = max((float(by_bin(f.seen, f.said)[-1][0]) for f in verdict.families), default=0.1) * 1.1
    axes.plot([0, most], [0, most], color=GREY, linestyle="--")
    worst = max(verdict.families, key=lambda fit: fit.error / max(fit.limit, 1e-9))
    title = f"Worst calibrated: {worst.family}, ECE {worst.error:.4f} (limit {worst.limit:.4f})"
    axes.set(xlabel="said (tenths)", ylabel="seen", title=f"{title}\n({below(window, len(worst.seen))})")
    axes.legend(fontsize=7)
    zh = f"校准最差：{worst.family}，ECE {worst.error:.4f}（上限 {worst.limit:.4f}）"
    return Exhibit(
        title, zh, png(figure), ("family", "said", "seen", "ECE", "by chance", "limit", "n"), tuple(rows)
    )


def _shares(fit: Fit, window: Window) -> Exhibit:
    figure = Figure(figsize=(5, 4.5), layout="constrained")
    axes, groups = figure.subplots(), by_bin(fit.seen, fit.said)
    axes.plot([g[0] for g in groups], [g[1] for g in groups], "o-", color=BLUE)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
    error = calibration_error(fit.seen, fit.said)
    title = f"Which product of a family: shares are off by {error:.3f} on average"
    axes.set(xlabel="share said", ylabel="share seen", title=f"{title}\n({below(window, len(fit.seen))})")
    return Exhibit(title, f"族内产品份额的平均偏差为 {error:.3f}", png(figure), ("said", "seen", "n"),
                   tuple((*rounded(g[:2]), g[2]) for g in groups))  # fmt: skip


def _sensitivity(verdict: Verdict, window: Window, seed: int) -> Exhibit:
    whole = verdict.without["nothing"]
    rows = {f"without {name}" if name != "nothing" else "all inputs": _spread(each.interval(seed))
            for name, each in verdict.without.items()}  # fmt: skip
    lost = {name: whole.over(each, seed).value for name, each in verdict.without.items() if name != "nothing"}
    most = max(lost, key=lambda name: lost[name])
    return bars(f"Leaving out {most} costs most: {lost[most]:.3f} of MAP@5",
                f"去掉 {most} 损失最大：MAP@5 降 {lost[most]:.3f}",
                rows, whole.mean["map_at_5"], "MAP@5", window, len(whole))  # fmt: skip


def _stability(verdict: Verdict, window: Window, seed: int) -> Exhibit:
    rows = {}
    for at, model, plain in verdict.half_years:
        rows[f"{iso(at)[:10]} hybrid"] = _spread(model.interval(seed))
        rows[f"{iso(at)[:10]} popularity"] = _spread(plain.interval(seed))
    values = [model.mean["map_at_5"] for _, model, _ in verdict.half_years]
    moved = values[-1] - values[0]
    title = f"MAP@5 moved by {moved:+.3f} in half a year"
    *_, (_, last, plain) = verdict.half_years
    return bars(title, f"相邻半年 MAP@5 变化 {moved:+.3f}", rows, plain.mean["map_at_5"], "MAP@5", window,
                len(last))  # fmt: skip


def _new(verdict: Verdict, window: Window) -> Exhibit:
    rows: tuple[tuple[Cell, ...], ...] = tuple((n, *rounded(pair)) for n, pair in verdict.new.items())
    mean = float(np.mean([pair[0] for pair in verdict.new.values()]))
    n = len(verdict.ranked[MODEL])
    return Exhibit(f"A product never seen is ranked by its attributes: AUC {mean:.3f} ({below(window, n)})",
                   f"从未见过的产品按属性排序：AUC {mean:.3f}", b"",
                   ("held back", "AUC by attributes", "AUC by family mates"), rows)  # fmt: skip


def _spread(interval: Interval) -> tuple[float, float, float]:
    return interval.value, interval.low, interval.high
