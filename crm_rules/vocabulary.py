"""The words and kinds of number a policy may use, with their bounds."""

from typing import Annotated

from crm_rules.strict_toml import Like, Within

FAMILIES = (
    "current", "savings", "deposit", "card", "loan", "mortgage", "fund", "insurance", "pension",
)  # fmt: skip
CATEGORIES = (
    "salary", "pension", "transfer_in", "cash_in", "cash_out", "card_payment", "rent",
    "household", "insurance", "loan_payment", "interest", "penalty_interest", "fee",
    "transfer_out", "investment", "other",
)  # fmt: skip
CHANNELS = ("phone", "email", "chat", "app", "social", "branch")
MARKETING_CHANNELS = ("email", "phone", "app")
ISSUES = ("grow", "serve", "keep")
CONTEXTS = ("app", "branch", "chat", "email", "phone")

Id = Annotated[str, Like(r"\S{1,64}", "1 to 64 signs without a space")]
Share = Annotated[float, Within(0, 1)]
Percent = Annotated[float, Within(-100, 1_000)]
Money = Annotated[float, Within(0, 1e12)]
Days = Annotated[int, Within(0, 3_660)]
Years = Annotated[int, Within(0, 120)]
RiskLevel = Annotated[int, Within(1, 5)]
