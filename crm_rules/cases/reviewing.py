"""A customer asks for a person: a review of an automated decision, an appeal against one by a person.

GDPR Art 22(3), PIPL Art 24(3), CCD2 2023/2225 Art 18(8)(c). One review and one appeal of each decision; asked
again, it is the same case.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crm_rules.cases.case import WITHDRAWN, Case
from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.cases.referral import USE_CASE, about_decision, referral, referred
from crm_rules.errors import NotReviewable, TooLate
from crm_rules.governance.person import moment

REVIEW, APPEAL = "review-", "appeal-"  # begin the ids of such cases


def case_ids(decision_id: str) -> tuple[str, str, str]:
    """The ids of every case there can be of a decision, the oldest first."""
    return decision_id, REVIEW + decision_id, APPEAL + decision_id


def contest(
    record: Mapping[str, Any], last: Case | None, wish: Mapping[str, str], at: datetime, appeal_days: int
) -> Opening | None:
    """The case to open for somebody who contests a decision; None when `last`, its newest case, is that case.

    `wish` holds what they said (`wish`, `language`), where they did. NotReviewable, and TooLate after
    `appeal_days` or the date in the letter.
    """
    decision_id = str(record["decision_id"])
    if record["use_case"] != USE_CASE:
        raise NotReviewable(decision_id, "it decided about no credit, so there is nothing to be granted")
    if last is None and referred(record):
        return referral(record)
    if last is None:
        _in_time(decision_id, at, moment(record["at"]) + timedelta(days=appeal_days))
        about = about_decision(record) | dict(wish)
        return Opening(REVIEW + decision_id, CaseKind.REVIEW, record["customer_id"], at, about)
    if not last.decided_at or last.kind is CaseKind.APPEAL:
        return None
    return _appeal(record, last, wish, at, appeal_days)


def _appeal(
    record: Mapping[str, Any], last: Case, wish: Mapping[str, str], at: datetime, appeal_days: int
) -> Opening:
    decision_id = str(record["decision_id"])
    if last.outcome == WITHDRAWN:
        raise NotReviewable(decision_id, "the application was withdrawn")
    said = last.letter.appeal_until if last.letter else None
    _in_time(decision_id, at, moment(said) if said else last.decided() + timedelta(days=appeal_days))
    by = [each for each in (last.ruling.by if last.ruling else "", last.confirmed_by) if each]
    about = about_decision(record) | {"outcome": last.outcome, "contests": last.id, "decided_by": by}
    if said_before := last.opening.about.get("language"):
        about |= {"language": said_before}
    return Opening(APPEAL + decision_id, CaseKind.APPEAL, record["customer_id"], at, about | dict(wish))


def _in_time(decision_id: str, at: datetime, until: datetime) -> None:
    if at > until:
        raise TooLate(decision_id, until.isoformat())
