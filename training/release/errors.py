"""Errors of releases. Serving refuses a release with one of these, and says why."""

from collections.abc import Sequence
from pathlib import Path

from feature_repo.errors import BankError


class NoRelease(BankError, LookupError):
    """Nothing has been promoted yet."""

    def __init__(self, releases: Path) -> None:
        self.releases = releases
        super().__init__(
            f"No release is current in {releases}. Train, then `bank promote request`; "
            f"in the demo `bank run` does both."
        )


class UnknownRelease(BankError, LookupError):
    """A release is named whose folder is not there."""

    def __init__(self, digest: str, releases: Path) -> None:
        self.digest, self.releases = digest, releases
        super().__init__(
            f"Release {digest[:16]} is not in {releases}. `bank promote history` lists the ones that are."
        )


class AmbiguousRelease(BankError, LookupError):
    """The first digits of a digest fit several releases."""

    def __init__(self, prefix: str, found: Sequence[str]) -> None:
        self.prefix, self.found = prefix, tuple(found)
        super().__init__(
            f"'{prefix}' is the start of {len(found)} releases: {[each[:16] for each in found]}. "
            f"Give more of the digest."
        )


class AlteredRelease(BankError, ValueError):
    """A release's files are not the ones its manifest, or its name, promises."""

    def __init__(self, digest: str, path: str, found: str) -> None:
        self.digest, self.path, self.found = digest, path, found
        super().__init__(
            f"Release {digest[:16]} was altered: '{path}' {found}. Nothing was loaded. "
            f"Restore the folder, or roll back: `bank promote rollback`."
        )


class BrokenRelease(BankError, ValueError):
    """A file of a release, or of a part about to enter one, does not hold what its reader needs."""

    def __init__(self, path: str, found: str) -> None:
        self.path, self.found = path, found
        super().__init__(f"'{path}' cannot be used: {found}. Export the part again and promote it.")


class NoLock(BankError, LookupError):
    """A release names the software it was made with, and the list of that software is not at hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is not there, so the release could not name its packages. "
            f"Make releases in a checkout of the repository; loading one needs no lock."
        )


class MissingPart(BankError, LookupError):
    """A question needs a part this release does not have."""

    def __init__(self, part: str, digest: str) -> None:
        self.part, self.digest = part, digest
        super().__init__(
            f"Release {digest[:16]} has no '{part}'. Its training was left out for lack of input; "
            f"load the missing tables and run `bank run` again."
        )


class StaleNumber(BankError, ValueError):
    """The number of a new `current` must rise, so that a replayed old record shows."""

    def __init__(self, number: int, last: int) -> None:
        self.number, self.last = number, last
        super().__init__(f"Number {number} is not above the current one, {last}. Use {last + 1} or more.")


class ForgedRecord(BankError, PermissionError):
    """The record that names the current release is not signed by somebody who may."""

    def __init__(self, path: Path, found: str) -> None:
        self.path, self.found = path, found
        super().__init__(
            f"{path} is refused: {found}. An operator has to switch again: `bank promote rollback`."
        )
