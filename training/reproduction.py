"""What training a version again gave: the same part, or which of its files differ."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from training.gates import BrokenGate

REPRODUCTION = "reproduction.json"  # the file beside the part


@dataclass(frozen=True)
class Reproduction:
    """One repetition with the same seed, data and libraries, every search begun anew.

    The digests are of the part's files; `source` is the digest of the data, `lock` that of
    requirements.lock, `differs` the files that are not the same.
    """

    part_digest: str
    again_digest: str
    seed: int
    source: str
    lock: str
    at: str
    differs: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether it gave the same part, byte for byte."""
        return self.part_digest == self.again_digest

    def as_json(self) -> dict[str, object]:
        """As it lies beside the part."""
        return asdict(self) | {"differs": list(self.differs), "same": self.same}

    def write(self, folder: Path) -> Path:
        """reproduction.json in that folder."""
        file = folder / REPRODUCTION
        file.write_text(json.dumps(self.as_json(), sort_keys=True) + "\n", encoding="utf-8")
        return file

    @staticmethod
    def read(file: Path) -> "Reproduction | None":
        """What `write` left, None where there is no such file."""
        if not file.exists():
            return None
        held = json.loads(file.read_text(encoding="utf-8"))
        said = held.pop("same", None)
        found = Reproduction(**{**held, "differs": tuple(held.get("differs", ()))})
        if said is not found.same:
            raise BrokenGate(f"{file} says same={said}, its digests say {found.same}")
        return found
