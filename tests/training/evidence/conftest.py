"""A trained model with two members, everything a card can show, and one thing missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest

from feature_repo.raw.source import Source
from training.evidence.binary import binary_exhibits
from training.evidence.exhibit import Exhibit
from training.evidence.lineage import Lineage, lineage
from training.evidence.record import Record
from training.gates import at_least, at_most
from training.trained import Account, Note, Trained, Trial

AT = datetime(2026, 1, 2, tzinfo=UTC)
WINDOW = {"from": "2025-01-01T00:00:00+00:00", "to": "2025-09-28T00:00:00+00:00"}
DAY = 86_400_000_000
BANK = Source("a bank", "EUR", "2022-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", "ab" * 32,
              {"customers": 1000, "bookings": 20_000})  # fmt: skip


@dataclass(frozen=True)
class Story:
    """Outcome, true probability, a worse score and the day of 3,000 rows over nine months."""

    rows: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    window: Mapping[str, str]


def drawn(n: int = 3000, seed: int = 3) -> Story:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    p = 1 / (1 + np.exp(3 - 1.2 * z))
    y = (rng.random(n) < p).astype(np.int8)
    first = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1e6)
    return Story((y, p, z + rng.normal(size=n) * 1.5, first + rng.integers(0, 270, n) * DAY), WINDOW)


def trained(name: str = "credit_risk", **changed: object) -> Trained:
    story = drawn()
    members = {"application": ("Application", "申请评分"), "behaviour": ("Behaviour", "行为评分")}
    exhibits = {}
    for member, (title, title_zh) in members.items():
        exhibits |= binary_exhibits(member, title, title_zh, *story.rows, WINDOW)
    told = {
        "purpose": (
            Note("Ranks requests for a loan by the chance of default.", "按违约概率对贷款申请排序。"),
        ),
        "method": (
            Note("A scorecard over bins of evidence; boosting stands beside it.", "基于证据权重的评分卡。"),
        ),
        "assumptions": (Note("Applicants stay like those of the window.", "申请人群保持稳定。"),),
        "limits": (Note("Not for companies. <script>alert(1)</script>", "不用于企业客户。"),),
    }
    figures = {"auc_out_of_time": 0.8123, "auc_interval": [0.79, 0.83], "baseline_auc": 0.75, "ks": 0.45,
               "ece": 0.004, "n_test": 3000}  # fmt: skip
    values = {
        "name": name, "service": "credit_risk_v1", "model": {"members": {}}, "files": {}, "reference": {},
        "metrics": {"members": {member: dict(figures) for member in members}},
        "gates": (at_least("discrimination", "application: KS", 0.45, 0.2),
                  at_most("calibration", "behaviour: ECE", 0.03, 0.02)),
        "parameters": {"application": {"rounds": 180}}, "window": WINDOW, "chosen": "application: scorecard",
        "left_out": {"mortgage": "there are no mortgages"}, "warnings": ("a column is constant",),
        "exhibits": exhibits | {"iv": Exhibit("Income says most", "收入最有解释力", b"", ("column", "IV"),
                                              (("income_monthly", 0.31), ("a|b", 0.1)))},
        "trials": tuple(Trial(f"trial {i}", {"depth": i, "rate": 0.1}, "application AUC", 0.8 - i / 1000)
                        for i in range(20)),
        "account": Account(**told),
    } | changed  # fmt: skip
    return Trained(**values)  # type: ignore[arg-type]  # the values above, some of them changed


@pytest.fixture(scope="session")
def scored() -> Story:
    return drawn()


@pytest.fixture(scope="session")
def made() -> Lineage:
    return lineage(BANK, "credit_risk_v1", "who is 90 days past due within 12 months", "dana", AT, 7)


@pytest.fixture(scope="session")
def record(made: Lineage) -> Record:
    return Record.of(trained(), made)
