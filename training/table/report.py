"""What a run on a single table found: as data, and as lines for a person."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from training.export import as_json, finite
from training.table.fairness import Fairness
from training.table.figures import Figures, Gap
from training.table.options import Task

TITLES = {"ours": "ours", "scorecard": "scorecard", "boosting": "boosting", "lr": "LR", "hgb": "HGB"}


@dataclass(frozen=True)
class Report:
    """The figures of every model on the judged rows, and everything a reader should know beside them.

    `models` holds "ours", "scorecard", "boosting" (None: there is none), "lr" and "hgb".
    """

    task: Task
    n: int
    rows_judged: int
    target_rate: float
    event: str
    chosen: tuple[str, ...]
    models: Mapping[str, Figures | None]
    gap: Gap | None
    fairness: tuple[Fairness, ...]
    columns: Mapping[str, object]
    warnings: tuple[str, ...]
    scored: Mapping[str, object] | None = None

    @property
    def ours(self) -> Figures:
        """The model that was chosen inside each training part."""
        found = self.models["ours"]
        assert found is not None  # a run without it has ended before
        return found

    @property
    def mostly(self) -> str:
        """What most folds chose."""
        return Counter(self.chosen).most_common(1)[0][0]

    def to_json(self) -> str:
        """One JSON object."""
        told = {name: found.as_json() if found else None for name, found in self.models.items()}
        return as_json(finite({
            "model": self.task.name, "table": str(self.task.path), "n": self.n,
            "rows_judged": self.rows_judged,
            "target_rate": round(self.target_rate, 5), "event": self.event, "split": self.task.parted,
            "chosen": self.mostly, "chosen_by_fold": list(self.chosen), **self.ours.as_json(),
            "scorecard": told["scorecard"], "boosting": told["boosting"],
            "baseline": {"lr": told["lr"], "hgb": told["hgb"]},
            "scorecard_gap": self.gap.as_json() if self.gap else None,
            "protected": {each.column: each.as_json() for each in self.fairness},
            "columns": dict(self.columns), "scored": self.scored, "warnings": list(self.warnings),
        })).decode()  # fmt: skip

    def to_text(self) -> str:
        """Aligned lines; the next step last."""
        return "\n".join([*self._figures(), *self._fairness(), *self._warnings(), self._next()])

    def _figures(self) -> Iterator[str]:
        yield f"{'':<11}{'AUC':>6}  {'95 % interval':<14}{'KS':>6}{'Gini':>7}{'Brier':>8}{'ECE':>7}"
        for name, found in self.models.items():
            if found is None:
                yield f"{TITLES[name]:<11}  none: no column carries enough evidence"
                continue
            low, high = found.auc.as_list()
            yield (f"{TITLES[name]:<11}{found.auc.value:>6.3f}  {low:.3f} to {high:.3f}{found.ks:>8.3f}"
                   f"{found.gini:>7.3f}{found.brier:>8.4f}{found.ece:>7.4f}")  # fmt: skip
        if self.gap:
            yield self.gap.meaning

    def _fairness(self) -> Iterator[str]:
        for each in self.fairness:
            impact, opportunity = each.adverse_impact_ratio, each.equal_opportunity
            yield (f"{each.column} ({each.favoured_are}): adverse impact ratio {impact:.2f} (limit 0.80), "
                   f"equal opportunity difference {opportunity:.3f}")  # fmt: skip
            wide = max((len(group.name) for group in each.groups), default=0)
            for group in each.groups:
                low, high = group.impact_interval
                yield (
                    f"  {group.name:<{wide}} {group.rows:>8,} rows  favoured {group.favoured:.3f}  "
                    f"ratio {group.impact_ratio:.2f} ({low:.2f} to {high:.2f})  of the deserving "
                    f"{group.deserving_favoured:.3f}  said {group.predicted:.3f} seen {group.observed:.3f}"
                )

    def _warnings(self) -> Iterator[str]:
        yield from (f"warning: {text}" for text in self.warnings)

    def _next(self) -> str:
        if self.scored:
            return f"Next: read {self.scored['out']} ({self.scored['rows']:,} rows scored)."
        return "Next: score another file by --score FILE --out FILE, or load your bank by `bank data ingest`."
