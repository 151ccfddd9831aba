"""`bank train NAME --table FILE`: from a file to a report, its steps told as they end."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from training.run import Tell, nobody
from training.table.contract import Table, agreed
from training.table.errors import NotOnATable
from training.table.fairness import compared, sentences
from training.table.figures import figures, gap
from training.table.learner import learner
from training.table.options import Task
from training.table.out_of_fold import Learns, OutOfFold, judged
from training.table.reading import Sheet, read
from training.table.report import Report
from training.table.scoring import score
from training.table.splits import Fold, parted
from training.validation import calibration_noise

BINARY, UNLABELLED = ("credit_risk", "propensity"), ("segmentation", "recommendation")
MODELS = ("ours", "scorecard", "boosting", "lr", "hgb")
SHOWN = 4


class Printed(Protocol):
    """What a run ends with: the same as data and as lines for a person."""

    def to_json(self) -> str:
        """One JSON object."""

    def to_text(self) -> str:
        """Aligned lines, the next step last."""


def train_on_table(
    task: Task,
    home: Path,
    tell: Tell = nobody,
    other: Path | None = None,
    out: Path | None = None,
    learns: Learns | None = None,
) -> Printed:
    """Learn and judge on one table; with `other` also score that file into `out`.

    Searches are kept under `home`, so that an interrupted run goes on. Raises a TableError for a table,
    or a wish, that cannot be met.
    """
    if task.name in UNLABELLED:
        return _unlabelled(task, other, tell)
    if task.name not in BINARY:
        raise NotOnATable(task.name, f"is no model; there are {', '.join((*BINARY, *UNLABELLED))}")
    sheet = read(task.path, task.separator, task.header)
    table = agreed(task, sheet)
    folds, words = parted(task.parted, table.y, table.groups, table.order)
    _tell_contract(tell, sheet, table, words)
    study, learns = home / "studies" / "table" / task.key(sheet.digest), learns or learner(task)
    report = reported(task, table, folds, learns, study, tell)
    if other is None or out is None:
        return report
    scored = score(table, task, other, out, learns, study, tell)
    tell("score", f"{scored.rows:,} rows of {other.name} into {out}")
    return replace(report, scored=scored.as_json(), warnings=(*report.warnings, *scored.warnings))


def _unlabelled(task: Task, other: Path | None, tell: Tell) -> Printed:
    from training.table.products import recommend
    from training.table.segments import segment

    if other is not None:
        raise NotOnATable(task.name, "cannot --score another file; credit_risk and propensity can")
    work = segment if task.name == "segmentation" else recommend
    return work(task, read(task.path, task.separator, task.header), tell)


def reported(
    task: Task, table: Table, folds: Sequence[Fold], learns: Learns, study: Path | None, tell: Tell
) -> Report:
    """Judge out of fold and measure; `study` keeps the searches, a folder."""
    found = judged(table, folds, learns, study, tell)
    report = _report(task, table, found)
    _tell_figures(tell, report, table, found)
    return report


def _report(task: Task, table: Table, found: OutOfFold) -> Report:
    y = table.y[found.rows]
    groups = tuple(
        compared(column.only(found.rows), y, found.probability["ours"], task.name == "credit_risk")
        for column in table.protected.values()
    )
    unfair = [sentence for each in groups for sentence in sentences(each)]
    models = {
        name: figures(y, found.probability[name]) if name in found.probability else None for name in MODELS
    }
    return Report(
        task, len(table), len(y), float(table.y.mean()), table.event, found.chosen, models,
        gap(y, found.probability), groups, _columns(table), (*table.warnings, *found.warnings, *unfair),
    )  # fmt: skip


def _columns(table: Table) -> dict[str, object]:
    """What the columns are, and why some are no features."""
    return {
        "features": len(table.features),
        **{f"{kind}": number for kind, number in _kinds(table).items()},
        "excluded": dict(table.excluded),
        "codes": {name: list(codes) for name, codes in table.specials.items()},
        "alone": {each.column: each.auc for each in table.alone[:20]},
    }


def _kinds(table: Table) -> Counter[str]:
    return Counter(str(column.kind) for column in table.features.values())


def _tell_contract(tell: Tell, sheet: Sheet, table: Table, words: str) -> None:
    tell("contract", f"{sheet.path.name}: {len(sheet):,} rows, {len(sheet.names)} columns, {sheet.form}")
    tell("contract", f"event '{table.event}' on {table.y.mean():.2%} of {len(table):,} rows; split: {words}")
    kinds = ", ".join(f"{number} {kind}" for kind, number in _kinds(table).most_common())
    tell("features", f"{len(table.features)} ({kinds}); {len(table.excluded)} columns left out")
    best = ", ".join(f"{each.column} {each.auc:.3f}" for each in table.alone[:SHOWN])
    tell("features", f"best alone, AUC: {best}")


def _tell_figures(tell: Tell, report: Report, table: Table, found: OutOfFold) -> None:
    p = found.probability["ours"]
    tell("calibrate", f"ECE {report.ours.ece:.4f} (by chance alone {calibration_noise(p):.4f}); "
                      f"said {p.mean():.2%}, seen {table.y[found.rows].mean():.2%}")  # fmt: skip
    low, high = report.ours.auc.as_list()
    tell("evaluate", f"AUC {report.ours.auc.value:.3f} ({low:.3f} to {high:.3f}) on {report.rows_judged:,} "
                     f"rows no model had seen")  # fmt: skip
