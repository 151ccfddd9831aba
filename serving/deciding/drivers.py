"""What raises a customer's need for a family most: the reasons of a propensity."""

from collections.abc import Mapping, Sequence

import numpy as np

from feature_repo.identity import by_identity
from serving.deciding.loaded import Indices, Loaded
from training.release.propensity import PropensityMember
from training.release.segmentation import F32Array

MOST = 3
Drivers = list[dict[str, object]]


def drivers(loaded: Loaded, member: PropensityMember, matrix: F32Array) -> list[Drivers]:
    """For each row of the global matrix the columns that raise the margin most, ties by name.

    At most three; `contribution` is in log odds before calibration, against the average of the
    training population. What lowers the need is no reason.
    """
    runtime, (names, by_name) = loaded.runtime, _sorted(member.columns)
    added = runtime.drivers[member.name].run(matrix.take(runtime.positions(member.columns), axis=1))
    falling = -added.take(by_name, axis=1)  # a stable sort keeps equal ones by name
    order = falling.argsort(axis=1, kind="stable")[:, :MOST]
    raised = -falling[np.arange(len(order))[:, None], order]
    return [
        [{"code": names[at], "contribution": by} for at, by in zip(*row, strict=True) if by > 0]
        for row in zip(order.tolist(), raised.tolist(), strict=True)
    ]


@by_identity
def _sorted(columns: tuple[str, ...]) -> tuple[list[str], Indices]:
    """The names of the columns, sorted, and where each stands."""
    names = sorted(columns)
    return names, np.array([columns.index(name) for name in names], np.intp)


def drivers_of(
    loaded: Loaded, matrix: F32Array, wanted: Mapping[str, Sequence[int]]
) -> dict[tuple[str, int], Drivers]:
    """Reasons by (family, row), for the rows wanted of each family; others are not computed."""
    members = {member.family: member for member in loaded.runtime.propensity.members if member.family}
    return {
        (family, row): found
        for family, rows in wanted.items()
        for row, found in zip(rows, _of(loaded, members.get(family), matrix.take(rows, axis=0)), strict=True)
    }


def _of(loaded: Loaded, member: PropensityMember | None, matrix: F32Array) -> list[Drivers]:
    """No model, no reasons: such a family was shown for the propensity its catalogue entry declares."""
    return drivers(loaded, member, matrix) if member else [[] for _ in range(len(matrix))]
