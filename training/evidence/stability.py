"""Does it hold over time? PSI of the score, rate and ranking by period.

PSI = sum((a - e) ln(a / e)) over ten bins frozen on the reference. Below .10 stable, .10 to .25
investigate, from .25 act; these limits ignore sample size, so each PSI stands beside its noise floor,
the value that 95 % of quiet periods stay below: chi2(B - 1, .95) (1/N + 1/M) (Yurdakul 2018).
"""

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from training.evidence.canvas import BLUE, GREY, ORANGE, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.scored import Scored
from training.validation import F64, auc_interval

INVESTIGATE, ACT = 0.10, 0.25
FLOOR = 1e-4  # an empty bin counts as this share
BINS, MOST_PERIODS, LEAST_ROWS = 10, 24, 50
_HEADER = ("period", "rows", "rate", "AUC", "low", "high", "PSI", "noise floor", "verdict")
Periods = npt.NDArray[np.str_]


def psi(reference: F64, actual: F64) -> tuple[float, float]:
    """PSI on the reference's deciles, and the noise floor of these sample sizes.

    >>> same = np.arange(1000.0)
    >>> value, noise = psi(same, same)
    >>> value, round(noise, 4)
    (0.0, 0.0338)
    """
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))
    held = [np.bincount(np.searchsorted(edges, each, side="right"), minlength=len(edges) + 1) / len(each)
            for each in (reference, actual)]  # fmt: skip
    expected, seen = (np.maximum(each, FLOOR) for each in held)
    value = float(((seen - expected) * np.log(seen / expected)).sum())
    noise = float(chdtri(max(1, len(edges)), 0.05)) * (1 / len(reference) + 1 / len(actual))
    return value, noise


def periods(at: npt.NDArray[np.int64]) -> Periods:
    """The month, quarter or year of each row: the finest with at most 24 periods and 50 rows in the median.

    >>> periods(np.array([0, 40], np.int64) * 86_400_000_000).tolist()
    ['1970', '1970']
    """
    month = (at.astype("datetime64[us]")).astype("datetime64[M]").astype(int)
    year, quarter = month // 12 + 1970, month % 12 // 3 + 1
    months = np.char.add(np.char.add(year.astype(str), "-"), np.char.zfill((month % 12 + 1).astype(str), 2))
    by_quarter = np.char.add(np.char.add(year.astype(str), " Q"), quarter.astype(str))
    for found in (months, by_quarter):
        sizes = np.unique(found, return_counts=True)[1]
        if len(sizes) <= MOST_PERIODS and np.median(sizes) >= LEAST_ROWS:
            return found
    return year.astype(str)


def stability(rows: Scored, trained_on: F64 | None = None) -> Exhibit:
    """PSI, rate and AUC by period; the reference is the training rows' score, else the first period.

    The first period is measured against itself where there is no other reference, so it shows no PSI.
    """
    when = periods(rows.at)
    names = np.unique(when)
    against = rows.p[when == names[0]] if trained_on is None else trained_on
    table = tuple(_period(rows, when == name, str(name), None if trained_on is None and i == 0 else against)
                  for i, name in enumerate(names))  # fmt: skip
    finding, finding_zh = _said(rows, table, trained_on is None)
    reference = "the training rows" if trained_on is not None else str(names[0])
    note = f"{rows.note}; reference: {reference}; limit lines: {INVESTIGATE} investigate, {ACT} act"
    return Exhibit(finding, finding_zh, _drawn(finding, note, table), _HEADER, table)


def _drawn(finding: str, note: str, table: tuple[tuple[Cell, ...], ...]) -> bytes:
    figure, (left, right) = canvas(finding, note, panels=2)
    place = np.arange(len(table))
    drawn = np.array([_or_nan(row[6]) for row in table])
    left.bar(place, np.nan_to_num(drawn), color=BLUE, label="PSI")
    left.plot(
        place, [_or_nan(row[7]) for row in table], "_", color="black", markersize=14, label="noise floor"
    )
    for limit in (INVESTIGATE, ACT):
        left.axhline(limit, color=ORANGE, linestyle="--")
    named(left, "period", "PSI of the score")
    value, low, high = (np.array([_or_nan(row[i]) for row in table]) for i in (3, 4, 5))
    right.errorbar(place, value, yerr=np.maximum(np.stack([value - low, high - value]), 0), fmt="o",
                   color=BLUE, ecolor=GREY, capsize=3)  # fmt: skip
    right.axhline(0.5, color=ORANGE, linestyle="--")
    named(right, "period", "AUC with its 95 % interval", legend=False)
    few = place[:: -(-len(place) // 4)]
    for axes in (left, right):
        axes.set_xticks(few, [str(table[i][0]) for i in few])
    return png(figure)


def _period(rows: Scored, chosen: npt.NDArray[np.bool_], name: str, against: F64 | None) -> tuple[Cell, ...]:
    y, p = rows.y[chosen], rows.p[chosen]
    found = auc_interval(y, p) if len(y) > 1 and 1 < y.sum() < len(y) - 1 else None
    ranked: tuple[Cell, ...] = rounded((found.value, found.low, found.high)) if found else (None, None, None)
    if against is None:
        return name, len(y), round(float(y.mean()), 5), *ranked, None, None, "reference"
    value, noise = psi(against, p)
    return name, len(y), round(float(y.mean()), 5), *ranked, *rounded((value, noise)), verdict(value, noise)


def verdict(value: float, noise: float) -> str:
    """What a PSI asks for; one within its noise asks for nothing.

    >>> verdict(0.3, 0.01), verdict(0.12, 0.2)
    ('act', 'stable')
    """
    if value < INVESTIGATE or value <= noise:
        return "stable"
    return "act" if value >= ACT else "investigate"


def _said(rows: Scored, table: tuple[tuple[Cell, ...], ...], first_is_reference: bool) -> tuple[str, str]:
    measured = [row for row in table if row[6] is not None]
    if not measured:
        only = table[0][0]
        return (f"{rows.title}: one period only ({only}), so stability over time is not known yet",
                f"{rows.title_zh}：只有一个时期（{only}），尚无法判断随时间的稳定性")  # fmt: skip
    worst = max(measured, key=lambda row: float(str(row[6])))
    quiet = sum(row[8] == "stable" for row in measured)
    return (
        f"{rows.title}: {quiet} of {len(measured)} periods are stable; the largest PSI is {worst[6]:.3f} "
        f"({worst[0]}, noise floor {worst[7]:.3f})",
        f"{rows.title_zh}：{len(measured)} 个时期中 {quiet} 个稳定；最大 PSI {worst[6]:.3f}"
        f"（{worst[0]}，噪声下限 {worst[7]:.3f}）",
    )


def _or_nan(cell: Cell) -> float:
    return float("nan") if cell is None else float(cell)
