"""A bank's own examples: columns of a customer or applicant, and what the policy should make of them.

>>> from crm_rules.policy import STANDARD, Policy
>>> [tried] = tried_examples(parse(b'''
... [[cases]]
... name = "from 65 on a person advises"
... customer = {age = 65}
... offer = {family = "fund", risk_level = 3}
... rules = ["SUIT-03"]
... '''), Policy.load(STANDARD))
>>> tried.passed
True
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from crm_rules import strict_toml
from crm_rules.errors import InvalidPolicy
from crm_rules.lending.policy import decide
from crm_rules.policy import Policy
from crm_rules.strict_toml import Among
from crm_rules.trying import offering, typical

SITUATIONS = ("application", "behaviour")
OUTCOMES = ("approve", "refer", "decline")
APPLICANT_COLUMNS = (*typical.APPLICANT, "grade")
OFFER_COLUMNS = (*typical.OFFER, *offering.OWN)


@dataclass(frozen=True)
class Example:
    """One example: a customer with an offer, or an applicant; the rules that hold, and of credit the outcome.

    What is not said is typical, so that no rule of the standard policy holds.
    """

    name: str
    customer: Mapping[str, Any] | None = None
    offer: Mapping[str, Any] = field(default_factory=dict)
    applicant: Mapping[str, Any] | None = None
    situation: Annotated[str, Among(SITUATIONS)] = "application"
    rules: tuple[str, ...] | None = None
    outcome: Annotated[str, Among(OUTCOMES)] | None = None


@dataclass(frozen=True)
class _Examples:
    cases: tuple[Example, ...]


@dataclass(frozen=True)
class TriedExample:
    """An example and what the policy made of it."""

    example: Example
    rules: tuple[str, ...]
    outcome: str

    @property
    def passed(self) -> bool:
        """Whether that is what was expected; the order of rules says nothing."""
        wanted = self.example
        same = wanted.rules is None or sorted(wanted.rules) == sorted(self.rules)
        return same and wanted.outcome in (None, self.outcome)

    def as_row(self) -> dict[str, str]:
        """As `bank rules test` prints it."""
        rules = self.example.rules
        expected = [*([self.example.outcome] if self.example.outcome else []), *(rules or ())]
        found = [self.outcome, *self.rules]
        return {
            "case": self.example.name, "expected": " ".join(expected) or "no rule",
            "found": " ".join(found), "": "ok" if self.passed else "DIFFERS",
        }  # fmt: skip


def load(path: Path) -> tuple[Example, ...]:
    """Read a file of examples; InvalidPolicy names the key that is wrong."""
    return strict_toml.load(path, parse)


def parse(data: bytes) -> tuple[Example, ...]:
    """Read TOML bytes; InvalidPolicy names the case and the key that is wrong."""
    cases = strict_toml.read(_Examples, data).cases
    for number, each in enumerate(cases, start=1):
        _check(each, f"cases.{number}")
    return cases


def tried_examples(examples: Sequence[Example], policy: Policy) -> list[TriedExample]:
    """What a policy makes of each example; InvalidPolicy for a value no column can have."""
    return [_tried(each, policy, f"cases.{number}") for number, each in enumerate(examples, start=1)]


def _check(each: Example, where: str) -> None:
    if (each.customer is None) == (each.applicant is None):
        raise InvalidPolicy(where, "needs a customer (with an offer) or an applicant, not both")
    if each.rules is None and each.outcome is None:
        raise InvalidPolicy(where, "expects nothing; say rules, or the outcome of an application")
    given = {
        "customer": (each.customer or {}, typical.CUSTOMER_COLUMNS),
        "offer": (each.offer, OFFER_COLUMNS),
        "applicant": (each.applicant or {}, APPLICANT_COLUMNS),
    }
    for part, (columns, known) in given.items():
        for name in columns:
            if name not in known:
                raise InvalidPolicy(f"{where}.{part}.{name}", f"is no column; there are {list(known)}")


def _tried(each: Example, policy: Policy, where: str) -> TriedExample:
    try:
        if each.customer is not None:
            [codes] = offering.removed([each.customer], each.offer, policy)
            return TriedExample(each, codes, "removed" if codes else "offered")
        applicants = typical.applicants(policy, [each.applicant or {}])
        decided = decide(applicants, policy.lending, each.situation)
        return TriedExample(each, tuple(decided.held(0)), str(decided.outcome[0]))
    except (TypeError, ValueError) as error:
        raise InvalidPolicy(where, f"holds a value that its column cannot have ({error})") from error
