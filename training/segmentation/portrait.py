"""What the segments look like: sizes, profiles as heat map and snake plot, silhouettes, rules."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import silhouette_samples

from training.evidence.canvas import BLUE, GREY, ORANGE, below, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.plots import heat_map
from training.release.segmentation import Segment
from training.segmentation.clustering import Label
from training.segmentation.explaining import Told
from training.validation import F64

Window = Mapping[str, str]
COLOURS = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")  # Okabe and Ito
MARKS = "osD^vP*X"
Segments = Sequence[Segment]


def label_of(segment: Segment) -> str:
    """How a segment is written beside a plot."""
    return f"{segment.id} {segment.name_en}"


def sizes(segments: Segments, fitted: F64, tested: F64, window: Window, n: int) -> Exhibit:
    """How many customers each segment holds, when it was made and when it was tested."""
    figure = Figure(figsize=(9, 1.6 + 0.5 * len(segments)), layout="constrained")
    axes, at = figure.subplots(), np.arange(len(segments))
    axes.barh(at - 0.2, fitted, 0.4, color=GREY, label="at training")
    axes.barh(at + 0.2, tested, 0.4, color=BLUE, label="a quarter later")
    axes.axvline(0.03, color=ORANGE, linestyle="--", label="least 3 %")
    axes.set_yticks(at, [label_of(s) for s in segments])
    axes.invert_yaxis()
    axes.set_xlabel("share of customers")
    axes.legend()
    title = f"The smallest segment holds {tested.min():.1%} of customers, the largest {tested.max():.1%}"
    figure.suptitle(f"{title}  ({below(window, n)})")
    rows: tuple[tuple[Cell, ...], ...] = tuple((s.id, s.name_en, s.name_zh, *rounded((one, two, s.stability)),
                  "stable" if s.stability >= 0.75 else "unstable")
                 for s, one, two in zip(segments, fitted, tested, strict=True))  # fmt: skip
    zh = f"最小客群占 {tested.min():.1%}，最大客群占 {tested.max():.1%}"
    header = ("id", "name", "名称", "share at training", "share later", "Jaccard", "verdict")
    return Exhibit(title, zh, png(figure), header, rows)


def profiles(segments: Segments, means: F64, columns: Sequence[str], window: Window, n: int) -> Exhibit:
    """The heat map of mean standard deviations (k, columns) from the average customer."""
    at = np.unravel_index(int(np.abs(means).argmax()), means.shape)
    most, column = segments[int(at[0])], columns[int(at[1])]
    return heat_map(
        f"{most.id} stands out most: {column} {means[at]:+.1f} standard deviations",
        f"{most.id} 最为突出：{column} 偏离均值 {means[at]:+.1f} 个标准差",
        means, [label_of(s) for s in segments], columns, window, n,
    )  # fmt: skip


def snake(segments: Segments, means: F64, columns: Sequence[str], window: Window, n: int) -> Exhibit:
    """The same profiles as lines, column after column."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    axes = figure.subplots()
    for at, (segment, line) in enumerate(zip(segments, means, strict=True)):
        axes.plot(
            line, marker=MARKS[at % len(MARKS)], color=COLOURS[at % len(COLOURS)], label=label_of(segment)
        )
    axes.axhline(0, color=GREY, linestyle="--")
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right")
    axes.set_ylabel("std. deviations from the average")
    axes.legend(fontsize=8)
    spread = means.max(axis=0) - means.min(axis=0)
    column = columns[int(spread.argmax())]
    title = f"The segments differ most in {column}, by {spread.max():.1f} standard deviations"
    figure.suptitle(f"{title}  ({below(window, n)})")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (name, *rounded(values)) for name, values in zip(columns, means.T, strict=True)
    )
    zh = f"各客群在 {column} 上差异最大，相差 {spread.max():.1f} 个标准差"
    return Exhibit(title, zh, png(figure), ("column", *(s.id for s in segments)), rows)


def silhouettes(segments: Segments, points: F64, label: Label, window: Window) -> Exhibit:
    """Each sampled customer's silhouette, by segment, in the weighted space of the model."""
    value = silhouette_samples(points, label)
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes, start, rows = figure.subplots(), 0, list[tuple[Cell, ...]]()
    for at, segment in enumerate(segments):
        own = np.sort(value[label == at])
        axes.fill_betweenx(np.arange(start, start + len(own)), 0, own, color=COLOURS[at % len(COLOURS)],
                           label=label_of(segment))  # fmt: skip
        start += len(own)
        worse = float((own < 0).mean()) if len(own) else 0.0
        rows.append((segment.id, len(own), *rounded((own.mean() if len(own) else 0.0, worse))))
    _finish(axes, float(value.mean()))
    title = f"Mean silhouette {value.mean():.2f}; {np.mean(value < 0):.1%} lie nearer to another segment"
    figure.suptitle(f"{title}  ({below(window, len(label))})")
    zh = f"平均轮廓系数 {value.mean():.2f}；{np.mean(value < 0):.1%} 的客户更接近另一客群"
    return Exhibit(title, zh, png(figure), ("id", "n", "mean silhouette", "share below 0"), tuple(rows))


def _finish(axes: Axes, mean: float) -> None:
    axes.axvline(mean, color=GREY, linestyle="--")
    axes.set(xlabel="silhouette", yticks=[])
    axes.legend(fontsize=8, loc="lower left")


def rules(segments: Segments, told: Sequence[Told], fidelity: float, alone: float) -> Exhibit:
    """The readable rule of each segment with how far it can be trusted, on rows the tree has not seen."""
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (s.id, s.name_en, s.rule, *rounded((t.fidelity, t.covers, t.true)))
        for s, t in zip(segments, told, strict=True)
    )
    title = (
        f"A tree four questions deep puts {fidelity:.1%} into their segment; the largest alone is {alone:.1%}"
    )
    zh = f"四层决策树将 {fidelity:.1%} 的客户归入其客群；仅猜最大客群为 {alone:.1%}"
    header = ("id", "name", "rule", "fidelity", "share the rule covers", "share of the rule in it")
    return Exhibit(title, zh, b"", header, rows)
