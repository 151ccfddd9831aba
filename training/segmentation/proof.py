"""What speaks for the segments: the choice of k, stability, sensitivity, benchmark, migration, leakage."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from training.evidence.canvas import BLUE, GREY, ORANGE, below, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.segmentation.evidence import LEAST_JACCARD, LEAST_SHARE, Evidence, gap_choice
from training.segmentation.leakage import Leak
from training.segmentation.portrait import COLOURS, MARKS
from training.validation import F64

Window = Mapping[str, str]
Counts = npt.NDArray[np.int64]


def choice(tried: Sequence[Evidence], chosen: int, window: Window, n: int) -> Exhibit:
    """Silhouette, gap and least Jaccard by k; the table holds every figure of every k tried."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    ks = [each.k for each in tried]
    series = (("silhouette", [e.silhouette for e in tried], None),
              ("gap statistic", [e.gap for e in tried], None),
              ("least Jaccard", [min(e.jaccard) for e in tried], LEAST_JACCARD),
              ("smallest share", [e.smallest for e in tried], LEAST_SHARE))  # fmt: skip
    for axes, (name, values, limit) in zip(figure.subplots(1, 4), series, strict=True):
        error = [e.gap_error for e in tried] if name == "gap statistic" else None
        axes.errorbar(ks, values, yerr=error, marker="o", color=BLUE)
        axes.axvline(chosen, color=GREY, linestyle=":")
        if limit is not None:
            axes.axhline(limit, color=ORANGE, linestyle="--")
        axes.set(title=name, xlabel="k", xticks=ks)
    title = f"{chosen} segments: the best separated of the {sum(e.sound for e in tried)} sound choices"
    figure.suptitle(f"{title}  ({below(window, n)})")
    rule = gap_choice(tried)
    notes = {rule: "gap rule", chosen: "chosen"}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (e.k, *rounded((e.silhouette, e.gap, e.gap_error, min(e.jaccard), e.agreement, e.smallest)),
         "yes" if e.sound else "no", notes.get(e.k, ""))
        for e in tried
    )  # fmt: skip
    header = ("k", "silhouette", "gap", "gap s.e.", "least Jaccard", "agreement", "smallest", "sound", "")
    return Exhibit(title, f"{chosen} 个客群：在稳健的方案中分离度最好", png(figure), header, rows)


def stability(ids: Sequence[str], quarters: Sequence[str], shares: F64, jaccard: F64, n: int) -> Exhibit:
    """Shares and Jaccard with a fit made anew, (quarters, k) each."""
    figure = Figure(figsize=(11, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    for at, name in enumerate(ids):
        style = {"color": COLOURS[at % len(COLOURS)], "marker": MARKS[at % len(MARKS)], "label": name}
        left.plot(quarters, shares[:, at], **style)
        right.plot(quarters, jaccard[:, at], **style)
    right.axhline(LEAST_JACCARD, color=ORANGE, linestyle="--")
    left.set(title="share of customers", ylim=(0, None))
    right.set(title="Jaccard with segments found anew", ylim=(0, 1.05))
    left.legend(fontsize=8)
    for axes in (left, right):
        axes.tick_params(axis="x", rotation=30)
    low = jaccard.min()
    title = (
        f"Found anew each quarter, the least alike segment has a Jaccard of {low:.2f} (limit {LEAST_JACCARD})"
    )
    figure.suptitle(f"{title}  (n = {n:,}, {quarters[0]} to {quarters[-1]})")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (quarter, *rounded(shares[at]), *rounded(jaccard[at])) for at, quarter in enumerate(quarters)
    )
    header = ("quarter", *(f"share {name}" for name in ids), *(f"Jaccard {name}" for name in ids))
    zh = f"逐季重新聚类，最不稳定客群的 Jaccard 为 {low:.2f}（下限 {LEAST_JACCARD}）"
    return Exhibit(title, zh, png(figure), header, rows)


def sensitivity(
    left_out: Mapping[str, float], weights: Mapping[str, float], window: Window, n: int
) -> Exhibit:
    """Adjusted Rand index with the segments found without each column."""
    names = sorted(left_out, key=lambda name: left_out[name])
    figure = Figure(figsize=(9, 1.4 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(names, [left_out[name] for name in names], color=BLUE)
    axes.set(xlabel="adjusted Rand index with the full segmentation", xlim=(min(0, *left_out.values()), 1))
    title = f"Without {names[0]} the segments change most: agreement {left_out[names[0]]:.2f}"
    figure.suptitle(f"{title}  ({below(window, n)})")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *rounded((weights[name], left_out[name]))) for name in names
    )
    zh = f"去掉 {names[0]} 时客群变化最大：一致性 {left_out[names[0]]:.2f}"
    return Exhibit(title, zh, png(figure), ("left out", "weight", "adjusted Rand"), rows)


def benchmark(rows: Sequence[tuple[Cell, ...]], window: Window, n: int) -> Exhibit:
    """Ours beside plain k-means on standardised columns and RFM groups; no plot, the table says it."""
    ours, plain = rows[0], rows[1]
    title = (f"Silhouette {ours[1]:.2f} against {plain[1]:.2f} of plain k-means; "
             f"least Jaccard {ours[2]:.2f} against {plain[2]:.2f}  ({below(window, n)})")  # fmt: skip
    zh = (f"轮廓系数 {ours[1]:.2f}，普通 k-means 为 {plain[1]:.2f}；"
          f"最低 Jaccard {ours[2]:.2f} 对 {plain[2]:.2f}")  # fmt: skip
    header = ("", "silhouette", "least Jaccard", "fidelity of a tree", "stay in a quarter", "groups")
    return Exhibit(title, zh, b"", header, tuple(rows))


def migration(
    title: str, title_zh: str, counts: Counts, before: Sequence[str], now: Sequence[str], what: str
) -> Exhibit:
    """Who went where: rows before, columns after; colours are shares of the row."""
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(3 + 0.8 * len(now), 2 + 0.5 * len(before)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(now)), now)
    axes.set_yticks(range(len(before)), before)
    for (i, j), value in np.ndenumerate(share):
        ink = "white" if value > 0.6 else "black"
        axes.text(j, i, f"{value:.0%}", ha="center", va="center", fontsize=8, color=ink)
    axes.set(xlabel="after", ylabel="before")
    figure.suptitle(f"{title}  (n = {int(counts.sum()):,}, {what})", fontsize=9)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *(int(count) for count in line)) for name, line in zip(before, counts, strict=True)
    )
    return Exhibit(title, title_zh, png(figure), ("from \\ to", *now), rows)


def leakage(leaks: Sequence[Leak], window: Window) -> Exhibit:
    """How well each protected attribute is guessed from the segment alone, with interval and blind guess."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (leak.attribute, leak.measure, *rounded((leak.found.value, leak.found.low, leak.found.high)),
         round(leak.blind, 4), leak.limit, leak.n, "tells it" if leak.tells else "within the limit")
        for leak in leaks
    )  # fmt: skip
    said = "; ".join(f"{leak.attribute} {leak.measure} {leak.found.value:.2f} (blind {leak.blind:.2f})"
                     for leak in leaks)  # fmt: skip
    said_zh = "；".join(
        f"{leak.attribute_zh} {leak.found.value:.2f}（盲猜 {leak.blind:.2f}）" for leak in leaks
    )
    header = ("attribute", "measure", "value", "low", "high", "blind guess", "limit", "n", "verdict")
    title = f"From the segment alone: {said}  ({below(window, leaks[0].n)})"
    return Exhibit(title, f"仅凭客群猜测：{said_zh}", b"", header, rows)


def driving(found: Mapping[str, object]) -> Exhibit:
    """The groups a tree finds for a behaviour, judged on customers it has not seen; the table says it."""
    groups, rate = found["groups"], float(str(found["rate"]))
    assert isinstance(groups, list)
    rows = tuple(
        (group["rule"], group["rate"], group["low"], group["high"],
         round(group["rate"] / rate, 2) if rate else None, group["n"])
        for group in groups
    )  # fmt: skip
    said = f"{found['behaviour']}: {rate:.1%} overall, {rows[0][1]:.1%} where {rows[0][0]}"
    zh = f"{found['behaviour']}：总体 {rate:.1%}，最高组 {rows[0][1]:.1%}（{rows[0][0]}）"
    title = f"{said} (AUC {found['auc']})"
    return Exhibit(title, zh, b"", ("group", "rate", "low", "high", "times the average", "n"), rows)
