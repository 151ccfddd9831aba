"""A name for each segment, in English and in Chinese, from what sets it apart."""

from collections.abc import Sequence

import numpy as np

from training.validation import F64

WORDS: dict[str, tuple[str, str]] = {
    "tenure_months": ("tenure", "客龄"),
    "income_monthly": ("income", "收入"),
    "rent_share_90d": ("rent", "房租支出"),
    "cash_share_90d": ("cash use", "现金使用"),
    "mobile_share_365d": ("mobile use", "手机渠道使用"),
    "savings_rate_365d": ("saving", "储蓄率"),
    "loan_amount_outstanding": ("borrowing", "贷款"),
    "families_held": ("variety of products", "产品种类"),
    "risk_level": ("risk appetite", "风险偏好"),
    "product_risk_held_max": ("investment risk", "投资风险"),
    "payment_recency_days": ("days since paying", "距上次支付天数"),
    "payments_90d": ("payments", "支付次数"),
    "outflow_90d": ("spending", "支出"),
    "balance_mean_90d": ("balance", "余额"),
    "holdings_value": ("wealth held", "持有资产"),
}
# What is said where a column lies above, and where it lies below, the average.
PHRASES: dict[str, tuple[tuple[str, str], tuple[str, str]]] = {
    "is_company": (("companies", "企业"), ("private customers", "个人客户")),
    "has_relationship_manager": (
        ("with a relationship manager", "有客户经理"),
        ("without a relationship manager", "无客户经理"),
    ),
    "salary_months_180d": (("paid every month", "每月有工资"), ("irregular pay", "工资不固定")),
    "regular_payer_months_180d": (("a regular payer", "有固定付款方"), ("no regular payer", "无固定付款方")),
    "inflow_concentration_180d": (
        ("one source of income", "收入来源单一"),
        ("many sources of income", "收入来源分散"),
    ),
}
# Columns of one idea: a name takes the strongest of them only.
SAME_IDEA = (
    {"salary_months_180d", "regular_payer_months_180d", "inflow_concentration_180d"},
    {"risk_level", "product_risk_held_max"},
    {"payments_90d", "outflow_90d", "payment_recency_days"},
    {"balance_mean_90d", "holdings_value"},
)
WORDS_IN_A_NAME = 2


def names(centres: F64, columns: Sequence[str]) -> list[tuple[str, str]]:
    """An English and a Chinese name for each centre (in standard deviations from the average).

    >>> names(np.array([[1.5, -0.1], [-1.5, 0.1]]), ["income_monthly", "cash_share_90d"])[0]
    ('High income, low cash use', '收入高、现金使用低')
    >>> names(np.array([[3.1, -0.4]]), ["is_company", "income_monthly"])[0][0]
    'Companies, low income'
    """
    found: list[tuple[str, str]] = []
    for centre in centres:
        order = _apart(centre, columns)
        for words in range(WORDS_IN_A_NAME, len(order) + 1):
            title = _title(centre, columns, order[:words])
            if title not in found or words == len(order):
                found.append(title)
                break
        else:
            found.append(_title(centre, columns, order))
    return found


def word(column: str) -> tuple[str, str]:
    """What a column is called in English and in Chinese.

    >>> word("income_monthly"), word("no_such_90d")
    (('income', '收入'), ('no such 90d', 'no_such_90d'))
    """
    if column in PHRASES:
        return PHRASES[column][0]
    return WORDS.get(column, (column.replace("_", " "), column))


def _apart(centre: F64, columns: Sequence[str]) -> list[int]:
    """Columns by how far they are from the average, one for each idea."""
    chosen: list[int] = []
    for j in np.argsort(-np.abs(centre), kind="stable"):
        told = {columns[i] for i in chosen}
        if not any(columns[j] in idea and told & idea for idea in SAME_IDEA):
            chosen.append(int(j))
    return chosen


def _title(centre: F64, columns: Sequence[str], chosen: Sequence[int]) -> tuple[str, str]:
    english, chinese = [], []
    for j in chosen:
        if columns[j] in PHRASES:
            said = PHRASES[columns[j]][0 if centre[j] > 0 else 1]
        else:
            noun, noun_zh = word(columns[j])
            said = (f"high {noun}", f"{noun_zh}高") if centre[j] > 0 else (f"low {noun}", f"{noun_zh}低")
        english.append(said[0])
        chinese.append(said[1])
    return ", ".join(english).capitalize(), "、".join(chinese)
