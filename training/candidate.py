"""A part that asks to be served: its files, its gates, where it comes from; kept where nothing changes it."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from crm_rules.governance.materiality import Tier
from crm_rules.governance.turns import alone
from feature_repo.errors import BankError
from training.gates import Gate
from training.release.assemble import part_digest, part_of, read_part
from training.release.errors import BrokenRelease
from training.release.files import draft_folder, sync_folder, write_files


class GateSaidNo(BankError):
    """A part that every release needs did not pass its gates."""

    def __init__(self, part: str, gates: Sequence[Gate]) -> None:
        self.part = part
        self.failed = [gate for gate in gates if not gate.passed]
        found = "; ".join(f"{g.name} is {g.value}, limit {g.limit}" for g in self.failed)
        super().__init__(f"Part '{part}' may not be promoted: {found}. Mend it and ask again.")


@dataclass(frozen=True)
class Candidate:
    """A part that asks to be served. `run` names the MLflow run, version and author of a model.

    `waivers` are reasons by the name of a soft gate that said no.
    """

    part: str
    folder: Path
    gates: tuple[Gate, ...]
    run: Mapping[str, str]
    pia: str = ""
    waivers: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every gate passed."""
        return bool(self.gates) and all(gate.passed for gate in self.gates)

    def refused_by(self, tier: Tier) -> list[Gate]:
        """The gates that said no and cannot be, or are not, waived in that tier."""
        return [
            gate
            for gate in self.gates
            if not gate.passed and (gate.kind not in tier.rules.soft or gate.name not in self.waivers)
        ]


def keep_part(parts: Path, part: str, folder: Path) -> str:
    """Copy a part to where nothing changes it, under its digest; the digest."""
    files = read_part(part, folder)
    digest = part_of(part, files).digest
    final = parts / digest
    with alone(parts):
        if final.exists():
            with suppress(BrokenRelease):
                if part_digest(part, final) == digest:
                    return digest
            shutil.rmtree(final)
        with draft_folder(parts) as draft:
            write_files(draft, files)
            draft.rename(final)
            sync_folder(parts)
    return digest
