"""A member as it will be served: everything a validator measures runs through the release's own code."""

from collections.abc import Mapping

from training.export import as_json
from training.release.credit import FILE, CreditRuntime
from training.release.runtime import credit_runtimes


def served(
    members: Mapping[str, Mapping[str, object]], files: Mapping[str, bytes]
) -> dict[str, CreditRuntime]:
    """The runtimes of these members (JSON by name) with their graphs, read as a release is read."""
    return credit_runtimes({**files, FILE: as_json({"members": dict(members)})})
