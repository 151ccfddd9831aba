"""The words by which records of talks are read: topics that offer something, and answers that say no."""

from dataclasses import dataclass

from crm_rules.compliance.limits import Conduct


@dataclass(frozen=True)
class Words:
    """In small letters: `topics`, each with a family it is about, "" for none, and the outcomes `refused`."""

    topics: tuple[tuple[str, str], ...]
    refused: tuple[str, ...]


def words(conduct: Conduct) -> Words:
    """The words of a policy.

    >>> words(Conduct(90, ("refused",), {"offer": (), "investment": ("deposit", "fund")})).topics
    (('offer', ''), ('investment', 'deposit'), ('investment', 'fund'))
    """
    pairs = [
        (topic, family) for topic, named in conduct.marketing_topics.items() for family in named or ("",)
    ]
    return Words(tuple(pairs), conduct.refused_outcomes)
