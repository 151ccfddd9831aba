"""Which rules read which key of a policy: found in the code of the rules, so that it cannot grow old."""

from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, TypeGuard

from crm_rules.compliance.conduct import CONDUCT_RULES
from crm_rules.lending.policy import LENDING_RULES
from crm_rules.offers.screening import OFFER_RULES
from crm_rules.rules import Rule, Stage

EVERY_RULE: tuple[Rule[Any], ...] = (*OFFER_RULES, *LENDING_RULES, *CONDUCT_RULES)
READY = {  # keys that rules read made ready, as what stands beside each offer
    "suitability.assessment_needed_from_risk": "asks_assessment",
    "suitability.extra_care_from_risk": "asks_advice",
    "eligibility.credit_families": "is_credit",
    "eligibility.tiers": "tier_needed",
    "targeting.only_for": "only_for",
    "targeting.kept_from": "kept_from",
}
OF_GRADE = {
    "rate": "rate",
    "amount_max": "grade_amount_max",
    "term_months_max": "grade_term_months_max",
    "exposure_max": "grade_exposure_max",
}
ELSEWHERE = {  # the longest beginning of a key that no rule reads, and what reads it
    "version": "every record",
    "effective_from": "the days a policy holds",
    "calendar": "the local day and minute of every rule",
    "arbitration": "arbitration, P x C x V x L",
    "arms": "arms and the selection probability",
    "lending.recourse": "ways to an approval",
    "lending.notice": "adverse action notices",
    "loyalty": "loyalty points",
    "cases": "cases",
    "conduct": "conduct checks",
}


def readers(key: str) -> tuple[str, ...]:
    """The codes of the rules that read a key, by its dotted path; else what else reads it; else nothing.

    >>> readers("suitability.extra_care_from_age"), readers("lending.application.amount_max")
    (('SUIT-03',), ('LEND-06',))
    >>> readers("arbitration.lever.issue.keep"), readers("luck.share")
    (('arbitration, P x C x V x L',), ())
    """
    found = tuple(dict.fromkeys(rule.code for rule in EVERY_RULE if _reads(rule, key)))
    if found:
        return found
    parts = key.split(".")
    for end in range(len(parts), 0, -1):
        if (name := ".".join(parts[:end])) in ELSEWHERE:
            return (ELSEWHERE[name],)
    return ()


def _reads(rule: Rule[Any], key: str) -> bool:
    section, names = key.partition(".")[0], _names(rule)
    for begin, ready in READY.items():
        if key == begin or key.startswith(f"{begin}."):
            return ready in names
    if key.startswith("lending.grades."):
        return rule.stage is Stage.LENDING and OF_GRADE.get(key.rpartition(".")[2]) in names
    if section == "lending":
        return rule.stage is Stage.LENDING and _own(key) in names
    return rule.stage is not Stage.LENDING and {section, _own(key)} <= names


def _own(key: str) -> str:
    """The name a rule would use: after the section, and after the situation of lending.

    >>> _own("lending.application.amount_max"), _own("contact.hours.phone.from")
    ('amount_max', 'hours')
    """
    parts = key.split(".")
    at = 2 if parts[0] == "lending" and len(parts) > 2 else 1
    return parts[min(at, len(parts) - 1)]


def _names(rule: Rule[Any]) -> frozenset[str]:
    """Every name that a rule's predicate uses, and those of the functions of this room that it calls."""
    names, seen = set[str](), set[int]()
    waiting: list[FunctionType] = [rule.predicate] if isinstance(rule.predicate, FunctionType) else []
    while waiting:
        function = waiting.pop()
        if id(function) in seen:
            continue
        seen.add(id(function))
        used = set(_used(function.__code__))
        names |= used
        waiting += filter(_ours, map(function.__globals__.get, used))
    return frozenset(names)


def _used(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _used(constant)


def _ours(found: object) -> TypeGuard[FunctionType]:
    return isinstance(found, FunctionType) and found.__module__.startswith("crm_rules.")


def keys(table: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every key of nested tables by its dotted path, with its value.

    >>> list(keys({"a": {"b": 1}, "c": [2]}))
    [('a.b', 1), ('c', [2])]
    """
    for name, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from keys(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
