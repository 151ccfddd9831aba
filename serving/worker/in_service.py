"""What answers at this moment: one release with all that depends on it, swapped whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from crm_rules.governance.stops import Stops
from crm_rules.policy import Policy
from serving.deciding.scoring import Scorer


def _nothing() -> None:
    """Nothing has to be given back."""


@dataclass(frozen=True)
class InService:
    """One release in service. Whoever asks takes it once, and sees nothing of another release.

    `facts` is what /v1/status tells of it, `models` what /v1/models tells; `close` gives its files
    back once nobody asks it any more. `number` is that of the signed record that named it.
    """

    scorer: Scorer
    number: int = 0
    facts: Mapping[str, object] = field(default_factory=dict)
    models: Mapping[str, object] = field(default_factory=dict)
    close: Callable[[], None] = _nothing

    @property
    def release(self) -> str:
        """Its digest."""
        return self.scorer.loaded.runtime.digest

    def policy(self, at: datetime) -> Policy:
        """Its policy in force at a moment."""
        return self.scorer.loaded.book.at(at)

    @property
    def stops(self) -> Stops:
        """The stop switches it is under."""
        return self.scorer.loaded.stops

    def under(self, stops: Stops) -> "InService":
        """The same release under exactly these stop switches."""
        return replace(self, scorer=self.scorer.under(stops))
