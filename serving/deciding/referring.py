"""The case that a referred decision makes, as its answer and its record say it."""

from crm_rules.cases.opening import CaseKind
from crm_rules.cases.referral import REFER
from crm_rules.cases.terms import due
from crm_rules.governance.person import moment
from serving.deciding.loaded import Loaded
from serving.deciding.records import Case


def opened_case(case: Case, outcome: str, loaded: Loaded) -> dict[str, str] | None:
    """The case's id and by when a person decides it, from the decision alone; None where nobody has to."""
    if outcome != REFER:
        return None
    until = due(CaseKind.REFERRAL, moment(case.stamp.at), loaded.rulebook.policy.cases)
    return {"id": case.stamp.decision_id, "due_at": until.isoformat()}
