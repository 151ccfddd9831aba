"""What an answer says beside yes or no: the reasons of this outcome, and the notice of it."""

from collections.abc import Sequence
from datetime import datetime

from crm_rules.lending.notice import MOST_REASONS, Asked, Notice, notice
from crm_rules.lending.policy import Decisions
from crm_rules.lending.reasons import Catalogue, model_speaks, rule_reasons
from serving.deciding.asking import CreditRequest
from serving.deciding.loaded import Loaded
from serving.deciding.records import Case

BUREAU = ("bureau_score", "bureau_delinquencies", "bureau_inquiries")
Texts = list[dict[str, str]]


def principal(lending: Decisions, by_model: Sequence[Texts], texts: Catalogue) -> list[Texts]:
    """The principal reasons of n outcomes: the rules that made each, then what the model found if it did.

    An approval tells what weighs against it nevertheless.
    """
    by_rule, speaks = rule_reasons(lending, texts), model_speaks(lending) | (lending.outcome == "approve")
    return [
        [*({"code": each.code, "en": each.en, "zh": each.zh} for each in ruled), *(found if model else [])][
            :MOST_REASONS
        ]
        for ruled, found, model in zip(by_rule, by_model, speaks.tolist(), strict=True)
    ]


def adverse_action(case: Case, loaded: Loaded, outcome: str, reasons: Texts) -> Notice | None:
    """The notice that a decline or a referral is owed, in the language asked for; None of an approval."""
    if outcome == "approve" or not isinstance(case.request, CreditRequest):
        return None
    request, limits = case.request, loaded.rulebook.policy.lending.notice
    known = case.snapshot
    return notice(
        outcome, reasons, request.language or limits.language, datetime.fromisoformat(case.stamp.at), limits,
        asked=Asked(request.amount, request.term_months, case.stamp.decision_id),
        bureau_used=any(
            name in known.origin.position and known.value(name, case.row) is not None for name in BUREAU
        ),
    )  # fmt: skip
