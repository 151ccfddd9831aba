"""What a policy says about loyalty points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from crm_rules.strict_toml import Among, Within
from crm_rules.vocabulary import CATEGORIES


@dataclass(frozen=True)
class Loyalty:
    """How points are earned, kept and spent."""

    points_per_100: Annotated[Mapping[str, Annotated[int, Within(0, 10_000)]], Among(CATEGORIES)]
    expiry_months: Annotated[int, Within(1, 120)]
    redeem_minimum: Annotated[int, Within(1, 1_000_000)]
