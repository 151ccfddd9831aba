"""The products the generated bank sells, and whom each one suits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from feature_repo.raw.contracts import FAMILIES

PERSONAS = ("student", "worker", "family", "affluent", "retired", "company")


@dataclass(frozen=True)
class Product:
    """One product; `fit` says how well it suits each persona, `scale` how much income shifts it."""

    product_id: str
    family: str
    risk: int
    rate: float
    minimum: int
    value: int
    title_en: str
    title_zh: str
    fit: tuple[float, float, float, float, float, float]
    scale: float = 0.0
    months: int = 0
    tier: str | None = None


# fmt: off
SHELF: tuple[Product, ...] = (
    Product("CUR-BASIC", "current", 1, 0.001, 0, 60, "Everyday account", "日常账户",
            (0.0, 2.0, 2.0, 0.0, 1.5, -9)),
    Product("CUR-BUSINESS", "current", 1, 0.001, 0, 300, "Business account", "企业账户",
            (-9, -9, -9, -9, -9, 3)),
    Product("CUR-PREMIUM", "current", 1, 0.002, 0, 240, "Premium account", "尊享账户",
            (-4, -1, 0.0, 2.0, 0.5, -9), 1.0),
    Product("CUR-STUDENT", "current", 1, 0.001, 0, 20, "Campus account", "校园账户",
            (3.0, -4, -9, -9, -9, -9)),
    Product("SAV-FLEX", "savings", 1, 0.012, 0, 80, "Flexible savings", "灵活储蓄",
            (1.0, 1.4, 0.2, 0.8, 0.6, 1.5)),
    Product("SAV-GOAL", "savings", 1, 0.015, 100, 110, "Goal savings", "目标储蓄",
            (0.0, 0.8, 1.8, 0.0, 0.4, -9)),
    Product("SAV-SENIOR", "savings", 1, 0.018, 1000, 120, "Senior savings", "长者储蓄",
            (-9, -3, -1.5, 0.0, 2.2, -9), 0.3),
    Product("DEP-03M", "deposit", 1, 0.013, 1000, 90, "3-month deposit", "三个月定期",
            (1.2, 0.9, 0.4, -0.5, 0.2, 1.6), -0.3, 3),
    Product("DEP-12M", "deposit", 1, 0.017, 1000, 150, "12-month deposit", "一年定期",
            (0.0, 0.9, 0.9, 0.3, 1.0, 0.2), 0.0, 12),
    Product("DEP-36M", "deposit", 1, 0.023, 5000, 220, "36-month deposit", "三年定期",
            (-2, -0.3, 0.6, 0.2, 1.5, -1), 0.2, 36),
    Product("DEP-LARGE", "deposit", 1, 0.026, 200000, 600, "Large certificate", "大额存单",
            (-6, -2, -1, 2.0, 0.0, 0.0), 1.1, 24, "gold"),
    Product("CARD-CLASSIC", "card", 1, 0.18, 0, 160, "Classic credit card", "标准信用卡",
            (-0.5, 1.5, 1.3, -1, 1.0, -0.5)),
    Product("CARD-GOLD", "card", 1, 0.17, 0, 320, "Gold credit card", "金卡",
            (-4, 0.2, 0.6, 1.6, 0.4, 0.0), 1.2, 0, "gold"),
    Product("CARD-TRAVEL", "card", 1, 0.18, 0, 280, "Travel credit card", "旅行信用卡",
            (-0.5, 0.5, -0.5, 1.4, -1.5, 1.2), 0.7),
    Product("CARD-YOUNG", "card", 1, 0.18, 0, 90, "Young credit card", "青年信用卡",
            (2.4, 0.4, -2, -4, -9, -9), -0.5),
    Product("LOAN-BUSINESS", "loan", 1, 0.062, 10000, 1500, "Business loan", "经营贷款",
            (-9, -9, -9, -9, -9, 4)),
    Product("LOAN-CAR", "loan", 1, 0.058, 20000, 1100, "Car loan", "汽车贷款",
            (-3, 0.4, 1.2, 0.9, -0.5, -9), 0.6),
    Product("LOAN-CONSUMER", "loan", 1, 0.089, 2000, 900, "Consumer loan", "消费贷款",
            (2.0, 1.2, 0.9, 0.2, 0.9, -9), -0.3),
    Product("MORT-FIXED", "mortgage", 1, 0.041, 200000, 5200, "Fixed-rate mortgage", "固定利率房贷",
            (0.0, 0.6, 1.3, 0.0, 1.0, 0.5)),
    Product("MORT-FLOAT", "mortgage", 1, 0.037, 200000, 4800, "Floating-rate mortgage", "浮动利率房贷",
            (0.0, 0.8, 0.2, 1.1, -1.0, 0.5), 0.5),
    Product("FUND-BALANCED", "fund", 3, 0.045, 1000, 260, "Balanced fund", "平衡型基金",
            (0.0, 0.7, 0.9, 0.6, -0.4, 0.0)),
    Product("FUND-BOND", "fund", 2, 0.033, 1000, 180, "Bond fund", "债券基金",
            (-0.6, 0.4, 0.8, 0.4, 1.4, 0.2)),
    Product("FUND-EQUITY", "fund", 4, 0.07, 1000, 380, "Equity fund", "股票基金",
            (0.2, 0.6, -0.2, 1.2, -2.0, -0.5), 0.4),
    Product("FUND-MONEY", "fund", 1, 0.018, 10, 70, "Money market fund", "货币基金",
            (1.5, 1.0, 0.5, -0.3, 0.9, 1.2), -0.3),
    Product("FUND-TECH", "fund", 5, 0.09, 10000, 520, "Technology fund", "科技基金",
            (1.0, 0.3, -0.8, 1.3, -3.0, -1.0), 0.5, 0, "gold"),
    Product("INS-HEALTH", "insurance", 1, 0.0, 0, 420, "Health cover", "健康保险",
            (0.0, 0.7, 0.8, 0.6, 1.6, -9)),
    Product("INS-HOME", "insurance", 1, 0.0, 0, 240, "Home cover", "家财保险",
            (-2, 0.0, 1.0, 0.9, 0.4, 1.5), 0.3),
    Product("INS-LIFE", "insurance", 2, 0.02, 0, 700, "Life cover", "人寿保险",
            (-1, 0.5, 1.6, 0.7, -1.5, -9), 0.2),
    Product("PEN-GROWTH", "pension", 3, 0.05, 500, 480, "Growth pension", "成长型养老",
            (0.0, 1.2, 0.5, 1.2, -9, -9), 0.3),
    Product("PEN-STEADY", "pension", 2, 0.034, 500, 360, "Steady pension", "稳健型养老",
            (0.0, 0.5, 1.1, 0.3, 1.0, -9)),
)
# fmt: on

IDS = np.array([product.product_id for product in SHELF])
FAMILY = np.array([FAMILIES.index(product.family) for product in SHELF])
RISK = np.array([product.risk for product in SHELF])
RATE = np.array([product.rate for product in SHELF])
MINIMUM = np.array([product.minimum for product in SHELF])
MONTHS = np.array([product.months for product in SHELF])
FIT = np.array([product.fit for product in SHELF], np.float64)
SCALE = np.array([product.scale for product in SHELF])
OF_FAMILY = {family: np.flatnonzero(code == FAMILY) for code, family in enumerate(FAMILIES)}


CHANCE_OF_TASTE = 0.9
"""Scale of the Gumbel noise in a choice."""


def choose(
    family: str,
    persona: npt.NDArray[np.int64],
    log_income: npt.NDArray[np.float64],
    appetite: npt.NDArray[np.int64],
    held: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> npt.NDArray[np.int64]:
    """Which product of the family each buyer takes, (n,): fit, income, appetite for risk, chance.

    `appetite` is 1-5, `held` is (n, products); a held product is seldom taken twice.
    """
    utility = _utility(family, persona, log_income, appetite, held)
    chance = CHANCE_OF_TASTE * rng.gumbel(size=utility.shape)
    return np.asarray(OF_FAMILY[family][np.argmax(utility + chance, axis=1)])


def chance_of_new(
    family: str,
    persona: npt.NDArray[np.int64],
    log_income: npt.NDArray[np.float64],
    appetite: npt.NDArray[np.int64],
    held: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """The probability that `choose` takes a product that is not held yet, (n,): a softmax."""
    weight = np.exp(_utility(family, persona, log_income, appetite, held) / CHANCE_OF_TASTE)
    return np.asarray((weight * ~held[:, OF_FAMILY[family]]).sum(axis=1) / weight.sum(axis=1), np.float64)


def chances(
    family: str,
    persona: npt.NDArray[np.int64],
    log_income: npt.NDArray[np.float64],
    appetite: npt.NDArray[np.int64],
    held: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    """The probability that `choose` takes each product of the family, (n, its products): a softmax."""
    weight = np.exp(_utility(family, persona, log_income, appetite, held) / CHANCE_OF_TASTE)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float64)


def _utility(
    family: str,
    persona: npt.NDArray[np.int64],
    log_income: npt.NDArray[np.float64],
    appetite: npt.NDArray[np.int64],
    held: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float64]:
    shelf = OF_FAMILY[family]
    utility = FIT[shelf][:, persona].T + SCALE[shelf] * log_income[:, None]
    if family in ("fund", "pension"):
        distance = RISK[shelf] - appetite[:, None]
        utility += -0.7 * np.abs(distance) - 1.3 * np.maximum(distance, 0)
    utility -= 2.0 * held[:, shelf]
    return np.asarray(utility, np.float64)
