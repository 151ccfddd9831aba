"""What people decided, as outcomes of applications to learn from; how often it was against the rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson

from crm_rules.cases.case import APPROVE, DECLINE, WITHDRAWN, Case
from crm_rules.cases.opening import CaseKind
from crm_rules.cases.reviewing import case_ids
from feature_repo.raw.contracts import APPLICATIONS
from monitoring.errors import UnknownDecision
from monitoring.finding import Finder

OUTCOMES = {APPROVE: "approved", DECLINE: "refused", WITHDRAWN: "withdrawn"}


@dataclass(frozen=True)
class Overrides:
    """How many credit cases people decided, and how many of them against the rules."""

    decided: int
    overrides: int

    @property
    def rate(self) -> float | None:
        """The share; None where nothing was decided."""
        return self.overrides / self.decided if self.decided else None

    @staticmethod
    def of(cases: Iterable[Case]) -> "Overrides":
        """Count them."""
        decided = [case.ruling for case in cases if case.ruling and case.outcome and _credit(case)]
        return Overrides(len(decided), sum(ruling.overrides for ruling in decided))


@dataclass(frozen=True)
class Labels:
    """Rows of the raw table of applications; `left_out` had no customer, or their record was erased."""

    rows: tuple[dict[str, object], ...]
    left_out: int

    def write(self, path: Path) -> None:
        """One JSON object a line, as `bank data push` takes them."""
        path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in self.rows))


def labels(cases: Iterable[Case], logs: Finder, currency: str) -> Labels:
    """The last word on each application that a person decided: its outcome, recorded when it was decided."""
    last = {str(case.opening.about["decision_id"]): case for case in _in_order(cases)}
    rows = [_row(decision_id, case, logs, currency) for decision_id, case in last.items()]
    found = tuple(row for row in rows if row is not None)
    return Labels(found, len(rows) - len(found))


def _in_order(cases: Iterable[Case]) -> Iterator[Case]:
    """Decided credit cases, of one decision the later kind later."""
    decided = [case for case in cases if _credit(case) and case.outcome is not None]
    yield from sorted(
        decided, key=lambda case: case_ids(str(case.opening.about["decision_id"])).index(case.id)
    )


def _row(decision_id: str, case: Case, logs: Finder, currency: str) -> dict[str, object] | None:
    try:
        record = orjson.loads(logs.find(decision_id))
    except UnknownDecision:
        return None
    if record["customer_id"] is None:
        return None
    asked = record["request"]
    return {
        "table": APPLICATIONS.name,
        "application_id": decision_id,
        "customer_id": record["customer_id"],
        "at": record["at"],
        "recorded_at": case.decided_at,
        "amount": asked["amount"],
        "currency": currency,
        "term_months": asked["term_months"],
        "purpose": asked["purpose"],
        "declared_income": asked["declared_income"],
        "co_applicant": asked["co_applicant"],
        "outcome": OUTCOMES[str(case.outcome)],
    }


def _credit(case: Case) -> bool:
    return case.kind is not CaseKind.CONDUCT
