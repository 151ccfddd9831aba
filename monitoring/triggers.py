"""When drift makes a new validation due at once: the score's PSI against the trigger of its part's tier."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from crm_rules.governance.materiality import Materiality
from monitoring.drift import Shift
from training.release.manifest import evidence_name
from training.release.reading import ReleaseFiles


@dataclass(frozen=True)
class Due:
    """A part whose validation is due: which score moved how far, beyond which trigger of which tier."""

    part: str
    score: str
    psi: float
    trigger: float
    tier: str

    def __str__(self) -> str:
        return (
            f"A new validation of {self.part} is due: PSI {self.psi:.3f} of {self.score} reached "
            f"{self.trigger:g}, the trigger of its tier, {self.tier}. "
            f"Until then hold it: `bank promote hold {self.part}`."
        )


def due(shifts: Sequence[Shift], release: ReleaseFiles, rules: Materiality) -> list[Due]:
    """The parts of a release for which a score reached its trigger, each by the score that moved most."""
    found: dict[str, Due] = {}
    for shift in sorted((each for each in shifts if each.is_score), key=lambda each: -each.psi):
        part = shift.part.partition(".")[0]
        entry = release.manifest.parts[part]
        tier = json.loads(release.evidence[evidence_name(part, entry.digest)])["tier"]
        trigger = rules.tier[tier].triggers.get("psi")
        if trigger is not None and shift.psi >= max(trigger, shift.noise):
            found.setdefault(part, Due(part, shift.name, shift.psi, trigger, tier))
    return list(found.values())
