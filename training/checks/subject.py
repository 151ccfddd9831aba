"""What the gates look at: a version's part and proof rows, scored once, beside the champion's scores."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from training.checks.exported import Exported, Files, exported
from training.checks.limits import Budget
from training.export import as_json
from training.proof import MemberProof
from training.release.errors import BrokenRelease
from training.release.fields import F64Array
from training.release.files import list_files, read_bytes
from training.version import Version

Clock = Callable[[], float]


@dataclass(frozen=True)
class Other:
    """The champion's scores on the same test rows, or why there are none."""

    version: str = ""
    said: F64Array | None = None
    why: str = ""


@dataclass(frozen=True)
class Subject:
    """One member with its proof. `ours` are the exported part's answers on all rows."""

    name: str
    member: Exported
    proof: MemberProof
    ours: F64Array
    champion: Other

    @cached_property
    def test(self) -> MemberProof:
        """The test rows."""
        return self.proof.test

    @property
    def said(self) -> F64Array:
        """The exported part's answers on the test rows."""
        return self.ours[: self.proof.tested]


@dataclass(frozen=True)
class Candidate:
    """A version that asks to be promoted, read once. `why` says by member what cannot be looked at.

    `part` stands in for the bytes of the version's own part.
    """

    version: Version
    champion: Version | None
    budget: Budget
    pia: str
    clock: Clock = time.process_time
    part: Files | None = field(default=None, repr=False)

    @property
    def model(self) -> str:
        """The name of the model."""
        return self.version.name

    @cached_property
    def files(self) -> Files:
        """The bytes of the part, by file."""
        if self.part is not None:
            return self.part
        folder = self.version.part
        return {name: read_bytes(folder / name) for name in list_files(folder)} if folder.is_dir() else {}

    @cached_property
    def members(self) -> Mapping[str, Exported]:
        """The members of the part, none where it cannot be read."""
        return self._read[0]

    @cached_property
    def _read(self) -> tuple[Mapping[str, Exported], str]:
        try:
            return exported(self.model, self.files), ""
        except BrokenRelease as broken:
            return {}, f"{broken.path} cannot be used: {broken.found}"

    @cached_property
    def subjects(self) -> Mapping[str, Subject]:
        """The members that can be scored on their proof rows, by name."""
        found = {}
        for name, member in self.members.items():
            proof = self.proof.get(name)
            if proof is not None and not _absent(member, proof):
                found[name] = Subject(name, member, proof, member.score(proof), self._beside(name, proof))
        return found

    @cached_property
    def why(self) -> Mapping[str, str]:
        """What is missing, by the member that cannot be looked at; '' stands for the whole part."""
        broken = self._read[1]
        found = {"": broken} if broken else {}
        for name in {*self.members, *self.proof} - set(self.subjects):
            member, proof = self.members.get(name), self.proof.get(name)
            if proof is None:
                found[name] = f"its training set no rows aside; train again: `bank train {self.model}`"
            elif member is None:
                found |= {} if broken else {name: "it was trained and is not in the part"}
            else:
                found[name] = f"its proof rows lack {_absent(member, proof)}"
        return dict(sorted(found.items()))

    @cached_property
    def proof(self) -> Mapping[str, MemberProof]:
        """The rows set aside, by member."""
        return self.version.proof.members

    @property
    def lost(self) -> list[str]:
        """The champion's members that this part does not have."""
        before = self._before
        return [] if isinstance(before, str) else sorted(set(before) - set(self.members))

    @cached_property
    def _before(self) -> Mapping[str, Exported] | str:
        """The champion's members, or why they cannot be read."""
        if self.champion is None:
            return {}
        folder = self.champion.part
        try:
            return exported(self.model, {name: read_bytes(folder / name) for name in list_files(folder)})
        except (BrokenRelease, OSError) as broken:
            return f"the champion's part cannot be read ({broken})"

    def _beside(self, name: str, proof: MemberProof) -> Other:
        if self.champion is None:
            return Other()
        number, before = self.champion.version, self._before
        if isinstance(before, str):
            return Other(number, None, before)
        member = before.get(name)
        if member is None:
            return Other(number, None, "")
        if absent := _absent(member, proof):
            return Other(number, None, f"the champion reads {absent}, not on these rows")
        if member.beside != self.members[name].beside:
            return Other(number, None, "the champion reads another segmentation than these rows hold")
        return Other(number, member.score(proof.test))

    @property
    def reference(self) -> bytes:
        """The frozen bins of the part, as JSON."""
        return self.files.get("reference.json", as_json({}))


def _absent(member: Exported, proof: MemberProof) -> list[str]:
    return sorted(set(member.reads) - set(proof.columns))
