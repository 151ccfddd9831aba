"""What people do to cases, each signed with their key and checked where it is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from crm_rules.cases import steps
from crm_rules.cases.case import Case
from crm_rules.cases.letter import letters
from crm_rules.cases.store import CaseStore
from crm_rules.errors import CaseRefused
from crm_rules.governance.journal import signed
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.session import Signer
from crm_rules.lending.limits import NoticeLimits
from crm_rules.lending.reasons import Catalogue, ReasonText

WAYS = "WAY-"  # begins what an applicant may change, which is no reason
OF_PEOPLE = "CASE-"  # begins what only a person finds


def reasons_of_people(texts: Catalogue) -> dict[str, ReasonText]:
    """The reasons no rule finds, with what the customer reads."""
    return {code: text for code, text in texts.items() if code.startswith(OF_PEOPLE)}


@dataclass(frozen=True)
class CaseDesk:
    """Somebody at work on cases, at one moment."""

    store: CaseStore
    trust: Trust
    signer: Signer
    at: datetime

    def claim(self, case_id: str) -> Case:
        """Take a case that nobody has."""
        return self._worked(case_id, steps.CLAIMED, {})

    def release(self, case_id: str, why: str) -> Case:
        """Give a case back; a second person may do so for somebody who cannot."""
        case = self.store.case(case_id, self.trust)
        own = case.holder == self.signer.person.id
        roles = case.terms.roles(case.kind) if own else case.terms.seconds(case.kind)
        return self._act(case, steps.RELEASED, roles, {"text": why})

    def add_evidence(self, case_id: str, note: str, file: Mapping[str, object] | None = None) -> Case:
        """Say what was looked at: a note, and a file by its name, digest and size."""
        return self._worked(case_id, steps.EVIDENCE, {"note": note, "file": file})

    def decide(self, case_id: str, outcome: str, codes: Sequence[str], text: str, texts: Catalogue) -> Case:
        """Decide a case one has claimed; above one's authority a second person has to confirm it."""
        known = [code for code in texts if not code.startswith(WAYS)]
        if missing := sorted(set(codes) - set(known)):
            own = ", ".join(reasons_of_people(texts))
            raise CaseRefused(
                case_id,
                f"no text is written for {missing}; there are {own} and more (`bank cases reasons`)",
            )
        reasons = [{"code": code, "en": texts[code].en, "zh": texts[code].zh} for code in codes]
        return self._worked(case_id, steps.DECIDED, {"outcome": outcome, "reasons": reasons, "text": text})

    def confirm(self, case_id: str) -> Case:
        """Agree with a decision that is above the authority of who took it."""
        case = self.store.case(case_id, self.trust)
        return self._act(case, steps.CONFIRMED, case.terms.seconds(case.kind), {})

    def send_back(self, case_id: str, text: str) -> Case:
        """Do not agree with it: who has claimed the case decides again."""
        case = self.store.case(case_id, self.trust)
        return self._act(case, steps.RETURNED, case.terms.seconds(case.kind), {"text": text})

    def write_letter(self, case_id: str, language: str, limits: NoticeLimits) -> Case:
        """Make the letter in every language; `language` is the one that is sent."""
        case = self.store.case(case_id, self.trust)
        return self._act(case, steps.LETTER, case.terms.roles(case.kind), letters(case, language, limits))

    def deliver(self, case_id: str, channel: str) -> Case:
        """Say how the customer got the letter."""
        return self._worked(case_id, steps.DELIVERED, {"channel": channel})

    def _worked(self, case_id: str, kind: str, body: Mapping[str, object]) -> Case:
        case = self.store.case(case_id, self.trust)
        return self._act(case, kind, case.terms.roles(case.kind), body)

    def _act(self, case: Case, kind: str, roles: Sequence[Role], body: Mapping[str, object]) -> Case:
        role = self._role(case, roles)
        event = signed(kind, case.id, self.signer.person.id, role, self.at, body, self.signer.key)
        return self.store.act(event, self.trust)

    def _role(self, case: Case, roles: Sequence[Role]) -> Role:
        """The first of these roles that the person holds now."""
        person = self.trust.member(self.signer.person.id, self.at)
        for role in roles:
            if person.may(role, self.at):
                return role
        held = ", ".join(person.roles) or "none"
        raise CaseRefused(case.id, f"'{person.id}' has the roles {held}; it takes {' or '.join(roles)}")
