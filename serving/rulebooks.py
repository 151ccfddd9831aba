"""The rules of one release under each of its policies."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from crm_rules.policy import Policy
from crm_rules.policy_book import PolicyBook
from serving.rulebook import Rulebook
from training.release.manifest import REQUIRED
from training.release.verify import VerifiedRelease


@dataclass(frozen=True)
class Rulebooks:
    """Every rulebook of a release, and under any other policy; each is made once, no model is kept."""

    files: Mapping[str, Mapping[str, bytes]]
    book: PolicyBook
    _made: dict[int, Rulebook] = field(default_factory=dict, repr=False, compare=False)

    @staticmethod
    def of(release: VerifiedRelease) -> "Rulebooks":
        """Parse the policies of a verified release; InvalidPolicy names what is wrong."""
        files = {name: release.part(name) for name in REQUIRED}
        return Rulebooks(files, PolicyBook.parse(files["policy"]["policy.toml"]))

    def part(self, name: str) -> Mapping[str, bytes]:
        """The files of a part that people wrote."""
        return self.files[name]

    def under(self, policy: Policy) -> Rulebook:
        """The rules under a policy, of this release's or not."""
        made = self._made.get(id(policy))
        if made is None:
            made = self._made[id(policy)] = Rulebook.of(self, policy)
        return made

    def every(self) -> Iterator[Rulebook]:
        """The rules under each policy that a decision can be made under."""
        return (self.under(policy) for policy in self.book.every)
