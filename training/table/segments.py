"""Segments of one table: how many is chosen on evidence, each with a rule a person can read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from training.export import as_json, finite
from training.run import Tell
from training.segmentation.evidence import LEAST_JACCARD, LEAST_SHARE, Evidence
from training.segmentation.explaining import explain
from training.segmentation.naming import names
from training.segmentation.segmenter import Segmenter
from training.table.columns import Column, Form, Kind
from training.table.errors import NotOnATable, TooFewRows, listed
from training.table.fairness import grouped
from training.table.leaks import alone
from training.table.options import Task
from training.table.reading import Sheet
from training.table.unlabelled import Rows, unlabelled
from training.validation import F64

LEAST_ROWS, LEAST_COLUMNS, MOST_TOLD = 100, 2, 5
TELLS = 0.6  # an AUC above it: the segment gives the protected value away


@dataclass(frozen=True)
class Found:
    """One segment: its share of the rows, how stable it is, its rule, and what sets it apart."""

    id: str
    title: str
    share: float
    jaccard: float
    rule: str
    apart: dict[str, tuple[float, float]]
    """By column: the segment's mean, the mean of all."""

    @property
    def stable(self) -> bool:
        """Whether resampled rows show it again (Hennig 2007)."""
        return self.jaccard >= LEAST_JACCARD

    def as_json(self) -> dict[str, object]:
        """As `--json` prints it."""
        return {
            "id": self.id, "title": self.title, "share": round(self.share, 4),
            "jaccard": round(self.jaccard, 4), "stable": self.stable, "rule": self.rule,
            "means": {name: {"segment": round(own, 4), "all": round(every, 4)}
                      for name, (own, every) in self.apart.items()},
        }  # fmt: skip


@dataclass(frozen=True)
class SegmentReport:
    """The segments, what speaks for their number, and what they give away of protected columns."""

    task: Task
    n: int
    chosen: Evidence
    tried: tuple[Evidence, ...]
    fidelity: float
    segments: tuple[Found, ...]
    guessed: dict[str, dict[str, float]]
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """One JSON object."""
        return as_json(finite({
            "model": self.task.name, "table": str(self.task.path), "n": self.n, **self.chosen.as_json(),
            "fidelity": round(self.fidelity, 4), "segments": [each.as_json() for each in self.segments],
            "tried": [each.as_json() for each in self.tried], "protected": self.guessed,
            "warnings": list(self.warnings),
        })).decode()  # fmt: skip

    def to_text(self) -> str:
        """Aligned lines; the next step last."""
        return "\n".join([*self._evidence(), *self._segments(), *self._beside()])

    def _evidence(self) -> Iterator[str]:
        limits = f"least Jaccard (limit {LEAST_JACCARD})  smallest (limit {LEAST_SHARE:.0%})"
        yield f"  k  silhouette    gap  {limits}"
        for each in self.tried:
            chosen = "<- chosen" if each.k == self.chosen.k else ""
            yield (f"{each.k:>3}{each.silhouette:>12.3f}{each.gap:>7.3f}{min(each.jaccard):>15.2f}"
                   f"{each.smallest:>24.1%}  {chosen}")  # fmt: skip

    def _segments(self) -> Iterator[str]:
        for each in self.segments:
            stable = "stable" if each.stable else f"unstable, below {LEAST_JACCARD}"
            yield f"{each.id}  {each.share:>6.1%}  {each.title}  (Jaccard {each.jaccard:.2f}, {stable})"
            yield f"    rule: {each.rule}"
            means = "  ".join(
                f"{name} {own:,.4g} (all {every:,.4g})" for name, (own, every) in each.apart.items()
            )
            yield f"    {means}"
        yield f"The rules put {self.fidelity:.1%} of the rows into their segment."

    def _beside(self) -> Iterator[str]:
        for column, values in self.guessed.items():
            told = ", ".join(f"{value} {found:.2f}" for value, found in values.items())
            yield f"{column} guessed from the segment alone, AUC: {told} (blind 0.50, limit {TELLS})"
        yield from (f"warning: {text}" for text in self.warnings)
        yield "Next: load your bank by `bank data ingest`, then `bank train segmentation`."


def segment(task: Task, sheet: Sheet, tell: Tell) -> SegmentReport:
    """Find segments in the numbers of a table; categories and protected columns do not form them."""
    rows = unlabelled(task, sheet)
    frame = rows.numbers
    if len(frame) < LEAST_ROWS:
        raise TooFewRows(f"{len(frame):,} rows", f"at least {LEAST_ROWS} are needed for segments")
    if len(frame.columns) < LEAST_COLUMNS:
        raise NotOnATable(task.name, f"needs {LEAST_COLUMNS} columns of numbers; found {len(frame.columns)}")
    words = [name for name, column in rows.features.items() if column.kind is Kind.CATEGORY]
    left = (f"Categories do not form segments: {listed(words)}.",) if words else ()
    tell("contract", f"{sheet.path.name}: {rows.n:,} rows, {len(sheet.names)} columns, {sheet.form}")
    tell("features", f"{len(frame.columns)} numbers: {listed(frame.columns, 8)}")
    with threadpool_limits(1):
        segmenter = Segmenter(random_state=task.seed).fit(frame.to_numpy(np.float64))
        matrix = frame.to_numpy(np.float32)
        told = explain(matrix, segmenter.labels_, list(frame.columns), task.seed)
    chosen = segmenter.chosen_
    tell(
        "tune",
        f"{chosen.k} segments of {len(segmenter.evidence_)} choices, silhouette {chosen.silhouette:.2f}",
    )
    fidelity = told.fidelity(matrix, segmenter.labels_)
    tell(
        "evaluate",
        f"least Jaccard {min(chosen.jaccard):.2f} (limit {LEAST_JACCARD}), rules find {fidelity:.1%}",
    )
    segments = _described(segmenter, frame.to_numpy(np.float64), list(frame.columns), told.rules)
    unstable = [each.id for each in segments if not each.stable]
    shaky = (f"Unstable on resampled rows: {listed(unstable)}. Do not build on them.",) if unstable else ()
    guessed = _guessed(rows, segmenter.labels_)
    gives = (
        f"The segment gives {name} away." for name, found in guessed.items() if max(found.values()) > TELLS
    )
    warnings = (*rows.warnings, *left, *shaky, *gives)
    return SegmentReport(task, rows.n, chosen, segmenter.evidence_, fidelity, segments, guessed, warnings)


def _described(
    segmenter: Segmenter, values: F64, columns: list[str], rules: tuple[str, ...]
) -> tuple[Found, ...]:
    """The segments, the largest first."""
    strength = segmenter.centres_ * np.sqrt(segmenter.weights_)
    titles, every = names(strength, columns), np.nanmean(values, axis=0)
    size = np.bincount(segmenter.labels_, minlength=len(titles))
    found = []
    for number, at in enumerate(np.argsort(-size, kind="stable"), start=1):
        own = np.nanmean(values[segmenter.labels_ == at], axis=0) if size[at] else every
        most = np.argsort(-np.abs(strength[at]), kind="stable")[:MOST_TOLD]
        apart = {columns[j]: (float(own[j]), float(every[j])) for j in most}
        found.append(Found(f"S{number}", titles[at][0], size[at] / len(values),
                           segmenter.chosen_.jaccard[at], rules[at], apart))  # fmt: skip
    return tuple(found)


def _guessed(rows: Rows, label: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> dict[str, dict[str, float]]:
    """How well each value of a protected column is guessed from the segment alone, on other rows: AUC."""
    named = Column("segment", Form(Kind.CATEGORY), np.array([f"S{at}" for at in label], object), {}, {})
    found: dict[str, dict[str, float]] = {}
    for name, column in rows.protected.items():
        groups = grouped(column)
        common = [value for value, rows_ in zip(*np.unique(groups, return_counts=True), strict=True)
                  if 30 <= rows_ <= len(groups) - 30][:10]  # fmt: skip
        found[name] = {str(value): alone(named, (groups == value).astype(np.int8)).auc for value in common}
    return found
