"""What offers change, drawn: cumulative gain, uplift by tenth, effects, methods beside baselines, months."""

import numpy as np

from training.evidence.canvas import BLUE, GREY, ORANGE, below, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.stability import periods
from training.propensity.exhibits import ZH, line_with_limit
from training.propensity.figures import bounds
from training.propensity.offer_uplift import Uplift
from training.propensity.qini import Ranked, qini_interval

PER = 1000  # figures are purchases by thousand offers
RANDOM = "random"


def uplift_exhibits(found: Uplift, seed: int) -> dict[str, Exhibit]:
    """By name, `uplift/...`."""
    return {
        "uplift/gains": _gains(found), "uplift/tenths": _tenths(found), "uplift/effects": _effects(found),
        "uplift/benchmark": _benchmark(found), "uplift/sensitivity": _sensitivity(found, seed),
        "uplift/stability": _stability(found, seed),
    }  # fmt: skip


def _gains(found: Uplift) -> Exhibit:
    low, high = bounds(found.metrics, "qini_interval")
    value = float(str(found.metrics["qini"]))
    worth = found.arms.worth()
    model, plain = (Ranked.by(score).curve(worth) for score in (found.said, found.propensity))
    lines = {
        "uplift": (model[0], PER * model[1]), "propensity": (plain[0], PER * plain[1]),
        RANDOM: (np.array([0.0, 1.0]), PER * np.array([0.0, model[1][-1]])),
    }  # fmt: skip
    half = PER * float(np.interp(0.5, *model))
    whole = PER * float(model[1][-1])
    finding = (
        f"Half the offers, best first, bring {half:.1f} of {whole:.1f} further purchases by 1,000; "
        f"Qini {value:.2f} [{low:.2f}, {high:.2f}]"
    )
    finding_zh = (
        f"按增量排序发出一半营销，每千次带来 {half:.1f} 笔额外购买（全部发出为 {whole:.1f}）；"
        f"Qini {value:.2f} [{low:.2f}, {high:.2f}]"
    )
    note = f"{below(found.window, len(found.said))}; limit line: a random order"
    return line_with_limit(finding, finding_zh, note, lines, "share of offers made, best first",
                           "further purchases by 1,000")  # fmt: skip


def _tenths(found: Uplift) -> Exhibit:
    table: tuple[tuple[Cell, ...], ...] = tuple(
        (number, each.n, *rounded([each.said, each.measured, each.low, each.high, each.treated, each.control],
                                  5))
        for number, each in enumerate(found.tenths, start=1)
    )  # fmt: skip
    best, worst = found.tenths[0], found.tenths[-1]
    finding = f"An offer adds {best.measured:.2%} to the best tenth and {worst.measured:.2%} to the last"
    finding_zh = f"营销使最优一成的购买率增加 {best.measured:.2%}，最末一成增加 {worst.measured:.2%}"
    note = f"{below(found.window, len(found.said))}; bars: 95 % intervals; limit line: no effect"
    figure, (axes,) = canvas(finding, note)
    place = np.arange(1, len(found.tenths) + 1)
    measured = np.array([each.measured for each in found.tenths])
    spread = np.array([[each.measured - each.low, each.high - each.measured] for each in found.tenths]).T
    axes.bar(place, measured, color=BLUE, yerr=spread, ecolor=GREY, capsize=3, label="measured")
    axes.plot(place, [each.said for each in found.tenths], "o", color=ORANGE, label="said")
    axes.axhline(0, color=GREY, linestyle="--")
    axes.set_xticks(place)
    named(axes, "tenth by predicted uplift, best first", "uplift")
    header = ("tenth", "offers", "said", "measured", "low", "high", "treated rate", "control rate")
    return Exhibit(finding, finding_zh, png(figure), header, table)


def _effects(found: Uplift) -> Exhibit:
    rows: list[tuple[Cell, ...]] = []
    for name, each in sorted(found.effects.items(), key=lambda item: -item[1].effect):
        mine = found.family == name
        said, arms = found.said[mine], found.arms.rows(mine)
        rates = [float(arms.y[side].mean()) if side.any() else None for side in (arms.treated, ~arms.treated)]
        rows.append((name, int(mine.sum()), round(each.effect, 3), round(each.slope, 3),
                     round(float(said.mean()), 5) if len(said) else None,
                     *(None if rate is None else round(rate, 5) for rate in rates)))  # fmt: skip
    first, last = rows[0], rows[-1]
    finding = f"An offer adds {first[2]} to the log odds of {first[0]}, {last[2]} to those of {last[0]}"
    finding_zh = (
        f"营销使{ZH.get(str(first[0]), first[0])}的对数几率增加 {first[2]}，"
        f"{ZH.get(str(last[0]), last[0])}增加 {last[2]}"
    )
    header = ("family", "test offers", "effect", "slope", "uplift said", "treated rate", "control rate")
    return Exhibit(finding, finding_zh, b"", header, tuple(rows))


def _benchmark(found: Uplift) -> Exhibit:
    rows: list[tuple[Cell, ...]] = []
    for name, key in (("uplift (test)", "qini"), ("propensity as uplift (test)", "qini_of_propensity"),
                      ("random orders (test), 95 % of them", "qini_of_random"),
                      ("uplift over propensity (test)", "qini_over_propensity")):  # fmt: skip
        rows.append((name, float(str(found.metrics[key])), *bounds(found.metrics, f"{key}_interval")))
    for method, each in found.choice.found.items():
        rows.append((f"{method} (later training offers)", *rounded(
            [PER * each.value, PER * each.low, PER * each.high])))  # fmt: skip
    low, high = bounds(found.metrics, "qini_over_propensity_interval")
    gain = float(str(found.metrics["qini_over_propensity"]))
    finding = f"Uplift ranks {gain:+.2f} [{low:+.2f}, {high:+.2f}] purchases by 1,000 better than propensity"
    finding_zh = f"与按倾向排序相比，按增量排序的 Qini 每千次相差 {gain:+.2f} [{low:+.2f}, {high:+.2f}]"
    return Exhibit(finding, finding_zh, b"", ("ranking", "Qini by 1,000", "low", "high"), tuple(rows))


def _sensitivity(found: Uplift, seed: int) -> Exhibit:
    """What each part of the prediction is worth: the family alone, or the customer within a family alone."""
    family, customer = np.empty(len(found.said)), np.empty(len(found.said))
    for name in np.unique(found.family):
        rows = found.family == name
        family[rows] = found.said[rows].mean()
        customer[rows] = found.said[rows] / max(1e-12, float(found.said[rows].mean()))
    table: list[tuple[Cell, ...]] = []
    for what, score in (("as it is", found.said), ("the family alone", family),
                        ("the customer alone", customer)):  # fmt: skip
        each = qini_interval(score, found.arms, seed)
        table.append((what, *rounded([PER * each.value, PER * each.low, PER * each.high])))
    whole, kind, who = (float(str(row[1])) for row in table)
    finding = f"Of a Qini of {whole:.2f} the family alone gives {kind:.2f}, the customer alone {who:.2f}"
    finding_zh = f"每千次 Qini {whole:.2f}：仅凭产品族为 {kind:.2f}，仅凭客户为 {who:.2f}"
    return Exhibit(finding, finding_zh, b"", ("ranking by", "Qini by 1,000", "low", "high"), tuple(table))


def _stability(found: Uplift, seed: int) -> Exhibit:
    when = periods(found.at)
    table: list[tuple[Cell, ...]] = []
    for name in np.unique(when):
        rows = when == name
        each = qini_interval(found.said[rows], found.arms.rows(rows), seed)
        said = PER * float(found.said[rows].mean())
        measured = PER * float(found.arms.rows(rows).worth().sum())
        table.append((str(name), int(rows.sum()), *rounded([said, measured, PER * each.value, PER * each.low,
                                                            PER * each.high])))  # fmt: skip
    positive = sum(float(str(row[4])) > 0 for row in table)
    finding = f"The ranking gains in {positive} of {len(table)} months"
    finding_zh = f"{len(table)} 个月中有 {positive} 个月排序优于随机"
    header = ("period", "offers", "uplift said by 1,000", "measured", "Qini by 1,000", "low", "high")
    return Exhibit(finding, finding_zh, b"", header, tuple(table))
