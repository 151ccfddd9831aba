"""Two versions of a model beside each other, and beside the one in service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.evidence.headline import Figure, headlines, said
from training.evidence.record import Record


@dataclass(frozen=True)
class Row:
    """One figure in each version (None where it has none), and how the last differs from the first.

    `verdict` is better, worse, or '' where neither holds; `apart` whether the two intervals do not
    overlap, which is stricter than a test of the difference and needs no rows.
    """

    name: str
    figures: tuple[Figure | None, ...]
    difference: float | None
    verdict: str
    apart: bool | None


@dataclass(frozen=True)
class Comparison:
    """Versions of one model, by label, in the order of the columns; the first two are compared."""

    name: str
    labels: tuple[str, ...]
    records: tuple[Record, ...]
    rows: tuple[Row, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why figures of these versions may not be comparable."""
        windows = {(r.window["from"], r.window["to"]) for r in self.records}
        sources = {str(r.lineage.source["digest"]) for r in self.records}
        found = []
        if len(sources) > 1:
            found.append(
                "the versions learned from different data; differences are of model and data together"
            )
        if len(windows) > 1:
            found.append("the versions were tested on different windows")
        return tuple(found)

    def as_json(self) -> dict[str, object]:
        """As `bank models compare --json` prints it."""
        return {
            "model": self.name,
            "versions": [_version(label, record)
                         for label, record in zip(self.labels, self.records, strict=True)],
            "figures": [_row(row) for row in self.rows],
            "warnings": list(self.warnings),
        }  # fmt: skip

    def to_text(self) -> str:
        """Aligned columns: figure, each version with interval, difference of the first two."""
        heads = ("", *self.labels, *(("difference",) if len(self.labels) > 1 else ()))
        body = [line for row in self.rows for line in _printed(row, len(self.labels))] + self._verdicts()
        widths = [max(len(line[i]) for line in (heads, *body)) for i in range(len(heads))]
        lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip()
                 for line in (heads, *body)]  # fmt: skip
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])

    def _verdicts(self) -> list[tuple[str, ...]]:
        blank = ("",) if len(self.labels) > 1 else ()
        passed = (f"{sum(g.passed for g in r.gates)} of {len(r.gates)}" for r in self.records)
        tested = (f"{r.window['from'][:10]} to {r.window['to'][:10]}" for r in self.records)
        chosen = (r.chosen for r in self.records)
        refused = ("; ".join(g.name for g in r.gates if not g.passed) or "-" for r in self.records)
        return [("gates passed", *passed, *blank), ("gates that said no", *refused, *blank),
                ("tested on", *tested, *blank), ("chosen", *chosen, *blank)]  # fmt: skip


def compare(name: str, versions: Sequence[tuple[str, Record]]) -> Comparison:
    """Every headline figure of each version (label, record); the first is held against the second."""
    held = [{(f.member, f.key): f for f in headlines(record.metrics)} for _, record in versions]
    keys = dict.fromkeys(key for figures in held for key in figures)
    rows = tuple(_compared([figures.get(key) for figures in held]) for key in keys)
    labels = tuple(label for label, _ in versions)
    return Comparison(name, labels, tuple(record for _, record in versions), rows)


def _compared(figures: Sequence[Figure | None]) -> Row:
    named = next(figure for figure in figures if figure)
    one, other = (*figures, None)[:2]
    if one is None or other is None:
        return Row(named.name, tuple(figures), None, "", None)
    difference = one.value - other.value
    better = difference * one.measure.better
    verdict = "" if not better else "better" if better > 0 else "worse"
    return Row(named.name, tuple(figures), difference, verdict, _apart(one, other))


def _apart(one: Figure, other: Figure) -> bool | None:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    return one.low > other.high or other.low > one.high


def _printed(row: Row, versions: int) -> list[tuple[str, ...]]:
    """The line of a figure, and beneath it that of its plain baseline where there is one."""
    lines = [(row.name, *(f.text if f else "-" for f in row.figures), *_difference(row, versions))]
    plain = [f.baseline if f else None for f in row.figures]
    if any(each is not None for each in plain):
        shown = ("-" if each is None else said(each) for each in plain)
        lines.append(("  plain baseline", *shown, *(("",) if versions > 1 else ())))
    return lines


def _difference(row: Row, versions: int) -> tuple[str, ...]:
    if versions < 2:
        return ()
    if row.difference is None:
        return ("-",)
    apart = {None: "", True: ", intervals apart", False: ", intervals overlap"}[row.apart]
    return (f"{row.difference:+.4f} {row.verdict}{apart}".rstrip(),)


def _row(row: Row) -> dict[str, object]:
    return {
        "name": row.name, "difference": row.difference, "verdict": row.verdict, "apart": row.apart,
        "values": [None if f is None else {"value": f.value, "low": f.low, "high": f.high,
                                           "baseline": f.baseline} for f in row.figures],
    }  # fmt: skip


def _version(label: str, record: Record) -> dict[str, object]:
    return {
        "label": label, "chosen": record.chosen, "window": dict(record.window),
        "gates": [gate.as_json() for gate in record.gates],
        "source": str(record.lineage.source["digest"]), "trained_at": record.lineage.trained_at,
    }  # fmt: skip


def beside(metrics: Mapping[str, object], label: str, served: Mapping[str, object]) -> str:
    """The first figure of each member beside the version in service, in a line.

    >>> beside({"ks": 0.5}, "champion 3", {"ks": 0.4})
    'beside champion 3: KS 0.5000 (0.4000)'
    """
    before = {(f.member, f.key): f for f in headlines(served)}
    first: dict[str, Figure] = {}
    for figure in headlines(metrics):
        if figure.measure.better:
            first.setdefault(figure.member, figure)
    told = [f"{f.name} {f.value:.4f} ({_before(before.get((f.member, f.key)))})" for f in first.values()]
    return f"beside {label}: " + ", ".join(told)


def _before(figure: Figure | None) -> str:
    return "none" if figure is None else f"{figure.value:.4f}"
