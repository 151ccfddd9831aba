"""Where the parts of commands meet: settings, people, the scorer. The second composition root."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crm_rules.governance import keys
from crm_rules.governance.demo import key_path, make_demo
from crm_rules.governance.people import Role, Trust
from feature_repo.errors import BankError
from feature_repo.settings import Settings
from training.promotion import Signers


class NobodyToSign(BankError, PermissionError):
    """Outside the demo nobody signs for somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "BANK_PROFILE is 'bank': `bank run` signs only with demo people, in the demo profile. "
            "Set BANK_PROFILE=demo to try it."
        )


@dataclass(frozen=True)
class DemoPeople:
    """The demo people with their keys on this machine; they count in the demo profile only."""

    trust: Trust
    author: str
    signers: Signers

    def names(self) -> str:
        """Who signs, as the run prints it."""
        ids = [self.signers.of(role)[0] for role in (Role.VALIDATOR, Role.RISK_APPROVER)]
        return " and ".join(self.trust.person(person).name for person in ids)


def demo_people(settings: Settings) -> DemoPeople:
    """Make or load the demo people; NobodyToSign in the bank profile."""
    if settings.profile != "demo":
        raise NobodyToSign
    at = now()
    trust = make_demo(settings.trust_file, settings.keys, at)
    people = {
        role: trust.with_role(role, at)[0].id
        for role in (Role.SCIENTIST, Role.VALIDATOR, Role.RISK_APPROVER, Role.OPERATOR)
    }
    signers = Signers(
        {role: (person, keys.load(key_path(settings.keys, person))) for role, person in people.items()}
    )
    return DemoPeople(trust, people[Role.SCIENTIST], signers)


def now() -> datetime:
    """The time of a command; nothing below the commands reads the clock."""
    return datetime.now(UTC)


def exported(settings: Settings, part: str) -> Path:
    """Where a part waits for its promotion."""
    return settings.home / "parts" / part
