"""What makes a case: a referred decision, an appeal, a review that was asked for, a conduct alert."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class CaseKind(StrEnum):
    """Why a person has to look."""

    REFERRAL = "referral"  # a decision was referred to a person
    APPEAL = "appeal"  # somebody contests what a person decided
    REVIEW = "review"  # somebody asks a person to look at an automated decision
    CONDUCT = "conduct"  # the bank may have treated a customer wrongly


@dataclass(frozen=True)
class Opening:
    """A case to be opened; the same `case_id` opened again changes nothing.

    `about` holds JSON values that say what it is about: a decision id, a rule, amounts. No names.
    """

    case_id: str
    kind: CaseKind
    customer_id: str | None
    at: datetime
    about: Mapping[str, object] = field(default_factory=dict)
