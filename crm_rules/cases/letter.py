"""What the customer is told of a decided case: the notice of a credit decision, or that it was withdrawn."""

from collections.abc import Mapping

from crm_rules.cases.case import APPROVE, WITHDRAWN, Case
from crm_rules.cases.opening import CaseKind
from crm_rules.errors import CaseRefused
from crm_rules.governance.chain import digest
from crm_rules.lending.limits import LANGUAGES, NoticeLimits
from crm_rules.lending.notice import Asked, notice

ENDED: Mapping[str, str] = {
    "en": "You withdrew your application for credit (decision {decision_id}), so we have closed it "
    "and decided nothing. You may apply again at any time.",
    "zh": "您已撤回贷款申请（决定编号：{decision_id}），本行已结束审核，未作出任何决定。您可以随时重新申请。",
}


def letters(case: Case, language: str, limits: NoticeLimits) -> dict[str, object]:
    """The letter in every language, to be sent in `language`; CaseRefused when there is nothing to tell."""
    if case.ruling is None or case.outcome is None or case.kind is CaseKind.CONDUCT:
        why = (
            "the customer is not told of a conduct case"
            if case.kind is CaseKind.CONDUCT
            else "it is not decided yet"
        )
        raise CaseRefused(case.id, why)
    chosen = language or str(case.opening.about.get("language") or limits.language)
    if chosen not in LANGUAGES:
        raise CaseRefused(case.id, f"no letter is written in '{chosen}'; {' or '.join(LANGUAGES)} is")
    if case.outcome == WITHDRAWN:
        named = {
            name: ENDED[name].format(decision_id=case.opening.about.get("decision_id")) for name in LANGUAGES
        }
        texts = {name: {"text": text, "digest": digest(text.encode())} for name, text in named.items()}
        return {"texts": texts, "language": chosen, "appeal_until": None}
    return {"texts": _notices(case, limits), "language": chosen, "appeal_until": _until(case, limits)}


def _notices(case: Case, limits: NoticeLimits) -> dict[str, dict[str, str]]:
    assert case.ruling is not None
    assert case.outcome is not None
    about, found = case.opening.about, dict[str, dict[str, str]]()
    asked = Asked(case.amount, int(str(about["term_months"])), str(about["decision_id"]))
    for name in LANGUAGES:
        made = notice(
            case.outcome, case.ruling.reasons, name, case.decided(), limits, by_person=True, asked=asked,
            bureau_used=about.get("bureau_used") is True, final=case.kind is CaseKind.APPEAL,
        )  # fmt: skip
        found[name] = {"text": made.text, "digest": made.digest, "due_at": made.due_at.isoformat()}
    return found


def _until(case: Case, limits: NoticeLimits) -> str | None:
    """Until when it may be contested; an approval need not be, and an appeal is taken once."""
    if case.outcome == APPROVE or case.kind is CaseKind.APPEAL:
        return None
    return notice("decline", (), limits.language, case.decided(), limits).appeal_until.isoformat()
