"""Training a registered version again: same seed, data and libraries, every search begun anew."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from feature_repo.errors import BankError
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.evidence.lineage import lock_digest
from training.export import write_part
from training.release.assemble import part_of
from training.release.files import list_files, read_bytes
from training.reproduction import Reproduction
from training.run import Run, Tell, nobody
from training.spec import ModelSpec
from training.version import Version

if TYPE_CHECKING:
    from training.registry import Registry


class NotTheSame(BankError, ValueError):
    """What a version was made of is not here, so that training again would say nothing of it."""

    def __init__(self, version: Version, what: str, made_of: str, found: str) -> None:
        self.what, self.made_of, self.found = what, made_of, found
        super().__init__(
            f"{version.name} {version.version} was made of {what} {made_of[:12]}, here is {found[:12]}. "
            f"Reproduce it where that is, or train a new version: `bank train {version.name}`."
        )


def reproduce(
    registry: "Registry", spec: ModelSpec, version: Version, settings: Settings, source: Source,
    at: datetime, tell: Tell = nobody,
) -> Reproduction:  # fmt: skip
    """Train the version again into a folder that is thrown away, compare, keep the result beside it.

    Nothing is registered. Raises NotTheSame, and NoRecord where the version left none.
    """
    made = version.record.lineage
    _same(version, "data", str(made.source["digest"]), source.digest)
    _same(version, "requirements.lock", made.lock, lock_digest())
    parts = {name: registry.version(name, number).part for name, number in made.after.items()}
    with TemporaryDirectory(prefix="reproduce-") as held:
        run = Run(settings, source, made.seed, tell, parts, Path(held) / "studies")
        again = write_part(spec.train(run), Path(held) / "part")
        found = compared(version, again, source.digest, at)
    registry.keep_reproduction(version, found)
    return found


def compared(version: Version, again: Path, source: str, at: datetime) -> Reproduction:
    """The version's part beside the folder that training it again gave."""
    made = version.record.lineage
    first, second = _files(version.part), _files(again)
    differs = tuple(name for name in sorted({*first, *second}) if first.get(name) != second.get(name))
    digest, again_digest = (part_of(version.name, files).digest for files in (first, second))
    return Reproduction(digest, again_digest, made.seed, source, made.lock, at.isoformat(), differs)


def _files(folder: Path) -> Mapping[str, bytes]:
    return {name: read_bytes(folder / name) for name in list_files(folder)}


def _same(version: Version, what: str, made_of: str, found: str) -> None:
    if made_of != found:
        raise NotTheSame(version, what, made_of, found)
