"""What approved-only data hides: the model learns from whom the bank said yes to.

Outcomes of the refused are unknown. Told is how many there were, and how the model sees them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.credit_risk.situations import IN_CHINESE, SERVICE, Situation
from training.dataset import with_request
from training.evidence.canvas import below
from training.evidence.exhibit import Exhibit
from training.labels import History
from training.release.credit import CreditRuntime
from training.validation import F64

EVERYBODY = """SELECT customer_id, "at" AS as_of, amount::DOUBLE AS amount,
  term_months::DOUBLE AS term_months, declared_income::DOUBLE AS declared_income,
  co_applicant::DOUBLE AS co_applicant, outcome, customer_id IN (SELECT customer_id FROM customers) AS known
FROM applications_latest WHERE epoch_us("at") >= $first AND epoch_us("at") <= $last
ORDER BY "at", application_id"""


@dataclass(frozen=True)
class Selection:
    """Applications of the test window by what became of them: how many, and the model's mean PD."""

    n: Mapping[str, int]
    mean_pd: Mapping[str, float]
    strangers: int

    @property
    def approved_share(self) -> float:
        """The share of all applications that was approved."""
        return self.n.get("approved", 0) / max(1, sum(self.n.values()))

    def as_json(self) -> dict[str, object]:
        """As metrics keep it."""
        return {
            "applications": dict(self.n), "approved_share": round(self.approved_share, 4),
            "mean_pd": {name: round(value, 5) for name, value in self.mean_pd.items()},
            "strangers": self.strangers,
        }  # fmt: skip


def selection(
    settings: Settings, source: Source, situation: Situation, runtime: CreditRuntime
) -> Selection | None:
    """Everybody who asked in the test window, scored; None where the source keeps no applications."""
    if not source.has("applications"):
        return None
    history, at = History(settings.raw, source, settings.threads), situation.rows.as_of[situation.test]
    asked = history.ask(EVERYBODY, first=int(at.min()), last=int(at.max()))
    rows = with_request(settings, SERVICE, asked)
    p = runtime.probability(rows.only(runtime.member.columns))
    outcome = np.array([each or "undecided" for each in asked["outcome"].to_pylist()], np.str_)
    known = np.asarray(asked["known"].to_numpy(zero_copy_only=False), bool)
    names = [str(name) for name in np.unique(outcome)]
    return Selection(
        {name: int((outcome == name).sum()) for name in names},
        {name: _mean(p[(outcome == name) & known]) for name in names if ((outcome == name) & known).any()},
        int((~known).sum()),
    )


def exhibit(name: str, found: Selection, window: Mapping[str, str]) -> Exhibit:
    """Applications by outcome, with the mean PD the model gives those the bank knows."""
    rows = tuple((key, n, _rounded(found.mean_pd.get(key))) for key, n in found.n.items())
    return Exhibit(
        f"Credit {name}, whom the model cannot know: {found.approved_share:.0%} of those who asked were "
        f"approved, and only their outcomes are known ({below(window, sum(found.n.values()))})",
        f"信用风险（{IN_CHINESE[name]}），样本选择：仅 {found.approved_share:.0%} 的申请获批，"
        f"模型只了解获批客户的还款结果",
        b"", ("outcome", "applications", "mean PD of known customers"), rows,
    )  # fmt: skip


def _mean(values: F64) -> float:
    return float(values.mean())


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
