"""The evidence of the propensity: what every binary model shows, and what moves a score."""

from collections.abc import Mapping

import numpy as np

from training.evidence.binary import binary_exhibits
from training.evidence.canvas import BLUE, GREY, ORANGE, below, canvas, named, png
from training.evidence.exhibit import Cell, Exhibit, rounded
from training.evidence.plots import bars
from training.evidence.scored import Scored
from training.evidence.stability import stability
from training.propensity.member import Member
from training.validation import F64, auc, auc_interval

ZH = {
    "savings": "储蓄", "deposit": "定期存款", "card": "信用卡", "loan": "贷款", "mortgage": "房贷",
    "fund": "基金", "insurance": "保险", "pension": "养老金", "churn": "流失", "response": "营销响应",
    "current": "活期账户",
}  # fmt: skip
SHOCKED, MOST_SHOCKED = 8, 10_000  # columns, rows


def exhibits(members: Mapping[str, Member], seed: int) -> dict[str, Exhibit]:
    """Everything drawn, by name; `MEMBER/...` for each member."""
    drawn: dict[str, Exhibit] = {"members": foreseen(members)}
    for name, member in members.items():
        title, title_zh = f"Propensity {name}", f"{ZH.get(name, name)}倾向"
        tested = member.later.test
        drawn |= binary_exhibits(name, title, title_zh, member.y_test, member.p_test, member.plain,
                                 member.later.at[tested], member.window)  # fmt: skip
        drawn[f"{name}/stability"] = _stability(member, title, title_zh)
        drawn[f"{name}/sensitivity"] = sensitivity(member, title, title_zh, seed)
    return drawn


def foreseen(members: Mapping[str, Member]) -> Exhibit:
    """AUC out of time of every member, with its interval."""
    values: dict[str, tuple[float, float, float]] = {}
    for name, member in members.items():
        found = auc_interval(member.y_test, member.p_test)
        values[name] = found.value, found.low, found.high
    best, main = max(values, key=lambda name: values[name][0]), next(iter(members.values()))
    return bars(f"{best} is foreseen best", f"{ZH.get(best, best)}的预测最好", values, 0.5,
                "AUC out of time", main.window, len(main.y_test))  # fmt: skip


def _stability(member: Member, title: str, title_zh: str) -> Exhibit:
    """Over all snapshots after the training, against the scores of the training rows."""
    later = member.later
    first, last = (str(np.datetime64(int(at), "us")) for at in (later.at.min(), later.at.max()))
    rows = Scored(title, title_zh, later.y, later.p, later.p, later.at, {"from": first, "to": last})
    return stability(rows, member.p_seen)


def sensitivity(member: Member, title: str, title_zh: str, seed: int) -> Exhibit:
    """What the ranking loses, and how far scores move, when one column is shuffled among the customers.

    The columns are those the trees gained most from; rows are a sample of the test's.
    """
    tested = np.flatnonzero(member.later.test)
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.choice(tested, min(MOST_SHOCKED, len(tested)), replace=False))
    y, p, matrix = member.later.y[rows], member.later.p[rows], member.later.matrix[rows]
    table: list[tuple[Cell, ...]] = []
    for column, gain in member.model.gains()[:SHOCKED]:
        at, shuffled = member.model.columns.index(column), matrix.copy()
        shuffled[:, at] = rng.permutation(shuffled[:, at])
        moved = member.curve.probability(member.model.margin(shuffled))
        lost, shift = auc(y, p) - auc(y, moved), float(np.abs(moved - p).mean() / p.mean())
        table.append((column, *rounded((gain, lost, shift))))
    table.sort(key=lambda row: -float(str(row[2])))
    header = ("column", "share of gain", "AUC lost", "mean shift of the score, relative")
    if not table:
        return Exhibit(f"{title} leans on no column", f"{title_zh}不依赖任何特征", b"", header, ())
    worst = table[0]
    finding = f"{title} leans most on {worst[0]}: without it the AUC falls by {worst[2]:.3f}"
    finding_zh = f"{title_zh}最依赖 {worst[0]}：打乱它后 AUC 下降 {worst[2]:.3f}"
    figure, (axes,) = canvas(finding, f"{below(member.window, len(rows))}; limit line: nothing lost")
    axes.barh([str(row[0]) for row in table][::-1], [float(str(row[2])) for row in table][::-1], color=BLUE)
    axes.axvline(0, color=GREY, linestyle="--")
    figure.subplots_adjust(left=0.3)
    named(axes, "AUC lost when the column is shuffled", "", legend=False)
    return Exhibit(finding, finding_zh, png(figure), header, tuple(table))


def line_with_limit(
    finding: str, finding_zh: str, note: str, lines: Mapping[str, tuple[F64, F64]], x: str, y: str
) -> Exhibit:
    """Curves (x, y) by name; the first is the model's, the last the limit. The table holds their tenths."""
    figure, (axes,) = canvas(finding, note)
    colours = [BLUE, ORANGE, GREY]
    for number, (name, (across, up)) in enumerate(lines.items()):
        limit = number == len(lines) - 1
        axes.plot(across, up, color=colours[min(number, 2)], linestyle="--" if limit else "-", label=name)
    named(axes, x, y)
    shares = np.linspace(0, 1, 11)
    table = tuple(
        rounded((share, *(float(np.interp(share, *curve)) for curve in lines.values())), 5)
        for share in shares
    )
    return Exhibit(finding, finding_zh, png(figure), (x, *lines), table)
