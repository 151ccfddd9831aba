"""The case that a referred decision makes: its id is the decision's, so whoever opens it opens the same."""

from collections.abc import Mapping
from typing import Any

from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.governance.person import moment
from crm_rules.lending.notice import BUREAU_CODES
from crm_rules.lending.policy import LENDING_RULES
from crm_rules.rules import Effect

USE_CASE, REFER = "credit", "refer"
DECLINING = frozenset(rule.code for rule in LENDING_RULES if rule.effect is Effect.DECLINE)


def referred(record: Mapping[str, Any]) -> bool:
    """Whether a decision's record says that a person decides."""
    return bool(record["use_case"] == USE_CASE and record["outcome"] == REFER)


def referral(record: Mapping[str, Any]) -> Opening:
    """The case of a referred decision, from its record alone."""
    about = about_decision(record) | {"due_at": record["case"]["due_at"]}
    return Opening(
        str(record["decision_id"]), CaseKind.REFERRAL, record["customer_id"], moment(record["at"]), about
    )


def about_decision(record: Mapping[str, Any]) -> dict[str, object]:
    """What a person has to know of a credit decision, from its record: no names, no features."""
    asked, rules = record["request"], list(record["rules"])
    reasons = [code for code, _ in record["reasons"]]
    return {
        "decision_id": record["decision_id"],
        "use_case": record["use_case"],
        "amount": asked["amount"],
        "term_months": asked["term_months"],
        "outcome": record["outcome"],
        "rules": rules,
        "declined_by": [code for code in rules if code in DECLINING],
        "grade": record["scores"]["grade"],
        "reasons": reasons,
        "bureau_used": not BUREAU_CODES.isdisjoint({*reasons, *rules}),
        "language": asked.get("language"),
        "release": record["release"],
        "policy": record["policy"],
    }
