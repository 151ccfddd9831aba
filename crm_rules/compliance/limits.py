"""What a policy says about conduct: which topics offer something, and how long a refusal is respected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from crm_rules.errors import InvalidPolicy
from crm_rules.strict_toml import Among
from crm_rules.vocabulary import FAMILIES, Days

Families = Annotated[tuple[str, ...], Among(FAMILIES)]


@dataclass(frozen=True)
class Conduct:
    """What is held against the records of talks, offers and sales.

    `marketing_topics` are the topics of a conversation that offers something, each with the families of
    products it is about; a topic that is a product's id is one by itself, and so is any talk of a campaign.
    `refused_outcomes` are the outcomes of a conversation in which the customer said no.
    """

    quiet_after_refusal_days: Days
    refused_outcomes: tuple[str, ...]
    marketing_topics: Mapping[str, Families]

    def check(self) -> None:
        """InvalidPolicy when a word can never be met: words of the records are compared in small letters."""
        for key, words in (
            ("refused_outcomes", self.refused_outcomes),
            ("marketing_topics", tuple(self.marketing_topics)),
        ):
            if odd := [word for word in words if word != word.strip().lower()]:
                raise InvalidPolicy(f"conduct.{key}", f"should be written in small letters, but holds {odd}")
