"""The scorecard on paper: evidence of each characteristic, and the points a person can add up."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from training.credit_risk.situations import IN_CHINESE
from training.evidence.canvas import below
from training.evidence.exhibit import Cell, Exhibit
from training.learning.trees import F32
from training.release.credit import CreditRuntime
from training.release.scorecard import Characteristic
from training.validation import Labels


def woe_table(
    name: str, runtime: CreditRuntime, card: Mapping[str, object], rows: F32, y: Labels,
    window: Mapping[str, str],
) -> Exhibit:  # fmt: skip
    """Every bin with rows, defaults and weight of evidence, the strongest characteristic first.

    `card` is the scorecard's JSON; `rows` (n, member.columns) and `y` are the training rows.
    """
    described = [each for each in _objects(card["characteristics"])]
    values = {str(each["column"]): float(str(each["information_value"])) for each in described}
    strongest = sorted(described, key=lambda each: -values[str(each["column"])])
    table: list[tuple[Cell, ...]] = []
    for each in strongest:
        column = str(each["column"])
        held = rows[:, runtime.member.columns.index(column)]
        edges = np.array(each["edges"], np.float64)
        place = np.where(np.isnan(held), len(edges) + 1, np.searchsorted(edges, held, side="right"))
        woe = [*_numbers(each["woe"]), float(str(each["missing_woe"]))]
        for number, label in enumerate([*_labels(edges), "unknown"]):
            here = place == number
            n, bad = int(here.sum()), int(y[here].sum())
            if n:
                table.append(
                    (column, values[column], label, n, bad, round(bad / n, 4), round(woe[number], 4))
                )
    best = strongest[0]["column"] if strongest else "nothing"
    return Exhibit(
        f"Credit {name}, weight of evidence: {best} tells most, {len(strongest)} characteristics "
        f"({below(window, len(y))})",
        f"信用风险（{IN_CHINESE[name]}），证据权重：{best} 的信息量最大，共 {len(strongest)} 个特征", b"",
        ("characteristic", "information value", "bin", "rows", "defaults", "bad rate", "WoE"), tuple(table),
    )  # fmt: skip


def points_table(name: str, runtime: CreditRuntime, window: Mapping[str, str], n: int) -> Exhibit:
    """The points of every bin, and of the declared reference that reasons are counted from."""
    card = runtime.member.scorecard
    characteristics: Sequence[Characteristic] = card.characteristics if card else ()
    table: list[tuple[Cell, ...]] = []
    for each in characteristics:
        reference = float(runtime.member.reference[runtime.member.columns.index(each.column)])
        labels = [*_labels(each.edges), "unknown"]
        for label, points in zip(labels, [*each.points.tolist(), each.missing_points], strict=True):
            table.append((each.column, label, round(points, 2), round(reference, 4), each.reference_points))
    return Exhibit(
        f"Credit {name}, points: {len(characteristics)} characteristics, 20 points double the odds "
        f"({below(window, n)})",
        f"信用风险（{IN_CHINESE[name]}），评分卡：{len(characteristics)} 个特征，每 20 分好坏比翻倍", b"",
        ("characteristic", "bin", "points", "reference value", "reference points"), tuple(table),
    )  # fmt: skip


def _labels(edges: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[str]:
    """[.., 1) and so on.

    >>> _labels(np.array([1.0, 2.5]))
    ['below 1', '1 to 2.5', '2.5 and above']
    >>> _labels(np.array([]))
    ['any']
    """
    ends = [f"{edge:.6g}" for edge in edges.tolist()]
    if not ends:
        return ["any"]
    middle = [f"{low} to {high}" for low, high in itertools.pairwise(ends)]
    return [f"below {ends[0]}", *middle, f"{ends[-1]} and above"]


def _objects(value: object) -> list[Mapping[str, object]]:
    assert isinstance(value, list)
    return list(value)


def _numbers(value: object) -> list[float]:
    assert isinstance(value, list)
    return [float(each) for each in value]
