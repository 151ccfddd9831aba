"""The rules of one release under each of its policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from crm_rules.policy import Policy
from crm_rules.policy_book import PolicyBook
from serving.deciding.rulebook import Rulebook
from training.release.verify import VerifiedRelease


@dataclass(frozen=True)
class Rulebooks:
    """A release's rules by policy: its own, and any other it is asked under. Each is made once."""

    book: PolicyBook
    base: Rulebook
    _made: dict[int, Rulebook] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(release: VerifiedRelease, evidence: Mapping[str, float]) -> "Rulebooks":
        """Parse the policies of a verified release; InvalidPolicy names what is wrong."""
        book = PolicyBook.parse(release.part("policy")["policy.toml"])
        return Rulebooks(book, Rulebook.of(release, book.base, evidence))

    def under(self, policy: Policy) -> Rulebook:
        """The rules under a policy, of this release's or not, without any stop switch."""
        if policy is self.base.policy:
            return self.base
        made = self._made.get(id(policy))
        if made is None:
            made = self._made[id(policy)] = self.base.ruled_by(policy)
        return made
