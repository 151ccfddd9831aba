"""The figures of a model that a person compares: each with its interval, its baseline, what it means."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measure:
    """How a figure is called and which way is better: +1 larger, -1 smaller, 0 neither."""

    en: str
    zh: str
    better: int = 1
    interval: str = ""
    baseline: str = ""


MEASURES: dict[str, Measure] = {
    "auc_out_of_time": Measure("AUC out of time", "样本外 AUC", 1, "auc_interval", "baseline_auc"),
    "auc": Measure("AUC", "AUC", 1, "auc_interval", "baseline_auc"),
    "auc_in_reach": Measure("AUC among those in reach", "可触达客户的 AUC", 1, "auc_in_reach_interval"),
    "gini": Measure("Gini", "基尼系数"),
    "ks": Measure("KS", "KS"),
    "brier": Measure("Brier score", "Brier 分数", -1, "brier_interval"),
    "ece": Measure("calibration error", "校准误差", -1),
    "lift_top_decile": Measure("lift of the best tenth", "最高一成的提升", 1, "lift_interval"),
    "qini": Measure("Qini", "Qini", 1, "qini_interval"),
    "k": Measure("segments", "分群数", 0),
    "jaccard": Measure("Jaccard of the least stable segment", "最不稳定分群的 Jaccard"),
    "least_jaccard": Measure("Jaccard of the least stable segment", "最不稳定分群的 Jaccard"),
    "silhouette": Measure("silhouette", "轮廓系数"),
    "smallest": Measure("share of the smallest segment", "最小分群占比"),
    "fidelity": Measure("fidelity of the rules", "规则保真度", 1, "", "baseline_fidelity"),
    "map_at_5": Measure("MAP@5", "MAP@5", 1, "map_interval", "baseline_map"),
    "ndcg_at_5": Measure("NDCG@5", "NDCG@5"),
    "recall_at_5": Measure("recall@5", "召回率@5"),
    "coverage": Measure("coverage", "覆盖率"),
    "coverage_at_5": Measure("coverage@5", "覆盖率@5"),
    "novelty": Measure("novelty", "新颖度", 0),
    "novelty_at_5": Measure("novelty@5", "新颖度@5", 0),
    "n_train": Measure("training rows", "训练样本数", 0),
    "n_test": Measure("test rows", "测试样本数", 0),
}


@dataclass(frozen=True)
class Figure:
    """One figure of a member ('' where the model has none). Bounds and baseline are None where unknown."""

    member: str
    key: str
    measure: Measure
    value: float
    low: float | None = None
    high: float | None = None
    baseline: float | None = None

    @property
    def name(self) -> str:
        """Member and measure.

        >>> Figure("churn", "ks", MEASURES["ks"], 0.4).name
        'churn KS'
        """
        return f"{self.member} {self.measure.en}".strip()

    @property
    def text(self) -> str:
        """Value and interval as they are printed.

        >>> Figure("", "auc", MEASURES["auc"], 0.81234, 0.79, 0.83).text
        '0.8123 [0.7900, 0.8300]'
        """
        return said(self.value) + (
            f" [{said(self.low)}, {said(self.high)}]"
            if self.low is not None and self.high is not None
            else ""
        )


def said(value: float) -> str:
    """A number as tables print it: whole ones with commas, others with four decimals.

    >>> said(12000.0), said(0.5)
    ('12,000', '0.5000')
    """
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 2 else f"{value:.4f}"


def headlines(metrics: Mapping[str, object]) -> list[Figure]:
    """Every figure worth comparing, member by member; the known ones first, then what has an interval.

    >>> [f.name for f in headlines({"members": {"card": {"ks": 0.4, "qini_interval": [0, 1], "qini": 0.2}}})]
    ['card KS', 'card Qini']
    """
    members = metrics.get("members")
    if not isinstance(members, Mapping):
        return _figures("", metrics)
    return [figure for name, held in members.items() for figure in _figures(str(name), held)]


def _figures(member: str, metrics: Mapping[str, object]) -> list[Figure]:
    known = [(key, measure) for key, measure in MEASURES.items() if key in metrics]
    named = {key for key, _ in known} | {measure.interval for _, measure in known}
    further = [
        (key.removesuffix("_interval"), Measure(key.removesuffix("_interval").replace("_", " "), "", 1, key))
        for key in metrics
        if key.endswith("_interval") and key not in named and key.removesuffix("_interval") in metrics
    ]
    found = [_figure(member, key, measure, metrics) for key, measure in (*known, *further)]
    return [figure for figure in found if figure]


def _figure(member: str, key: str, measure: Measure, metrics: Mapping[str, object]) -> Figure | None:
    value = _number(metrics.get(key))
    if value is None:
        return None
    bounds = metrics.get(measure.interval)
    low, high = (
        map(_number, bounds) if isinstance(bounds, list | tuple) and len(bounds) == 2 else (None, None)
    )
    return Figure(member, key, measure, value, low, high, _number(metrics.get(measure.baseline)))


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
