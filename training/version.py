"""A registered version of a model: its part, its aliases, what its run logged of itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from feature_repo.errors import BankError
from training.evidence.record import FILE, Record
from training.proof import FOLDER as PROOF
from training.proof import Proof
from training.reproduction import REPRODUCTION, Reproduction

EVIDENCE = "evidence"  # the folder beside the part


class NotRegistered(BankError, LookupError):
    """A model or a version that nobody has trained."""

    def __init__(self, name: str, number: str | None, known: Sequence[str]) -> None:
        self.name, self.number, self.known = name, number, tuple(known)
        found = f"there are {', '.join(known)}" if known else "none is registered"
        super().__init__(
            f"There is no version {number or ''}".rstrip() + f" of '{name}'; {found}. "
            f"`bank models list` shows all; `bank train {name}` makes one."
        )


class NoRecord(BankError, LookupError):
    """A version whose run logged no record of itself, so that it has no papers."""

    def __init__(self, name: str, number: str) -> None:
        self.name, self.number = name, number
        super().__init__(
            f"Version {number} of '{name}' left no record to compare or to write papers from. "
            f"Train it again: `bank train {name}`."
        )


@dataclass(frozen=True)
class Version:
    """A registered model version. `part` is the exported folder in MLflow's artifacts."""

    name: str
    version: str
    run_id: str
    part: Path
    aliases: tuple[str, ...]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def label(self) -> str:
        """How papers and comparisons name it.

        >>> Version("credit_risk", "3", "r", Path("/x/part"), ("champion",), {}, {}).label
        '3 (champion)'
        """
        return f"{self.version} ({', '.join(self.aliases)})" if self.aliases else self.version

    @property
    def documented(self) -> bool:
        """Whether its run left a record; one of an earlier release of this software left none."""
        return (self.part.with_name(EVIDENCE) / FILE).exists()

    @property
    def record(self) -> Record:
        """What its run logged of itself; NoRecord where there is none."""
        if not self.documented:
            raise NoRecord(self.name, self.version)
        return Record.read(self.part.with_name(EVIDENCE))

    @property
    def proof(self) -> Proof:
        """The rows its run set aside, without members where it set none aside."""
        return Proof.read(self.part.with_name(PROOF))

    @property
    def reproduction(self) -> Reproduction | None:
        """What training it again gave, None where nobody did."""
        return Reproduction.read(self.part.with_name(REPRODUCTION))

    def as_json(self) -> dict[str, object]:
        """As `bank models list --json` prints it."""
        return {
            "name": self.name, "version": self.version, "run": self.run_id, "part": str(self.part),
            "aliases": list(self.aliases), "metrics": dict(self.metrics), "tags": dict(self.tags),
        }  # fmt: skip
