"""n customers as every model sees them: each part is worked out once, when it is first asked for."""

from dataclasses import dataclass
from functools import cached_property

from serving.deciding.loaded import Loaded, Mask
from serving.deciding.online import Snapshot
from serving.deciding.segments import Placed, place
from training.release.segmentation import F32Array


@dataclass(frozen=True)
class Seen:
    """The customers of a snapshot, as one release sees them."""

    loaded: Loaded
    snapshot: Snapshot

    def __len__(self) -> int:
        return len(self.snapshot)

    @cached_property
    def matrix(self) -> F32Array:
        """(n, columns of the release): the one matrix that every model reads."""
        return self.snapshot.matrix(self.loaded.runtime.columns, {})

    def columns(self, names: tuple[str, ...]) -> F32Array:
        """Some columns of the matrix, (n, names)."""
        return self.matrix.take(self.loaded.runtime.positions(names), axis=1)

    @cached_property
    def margins(self) -> dict[str, F32Array]:
        """Every tree model's margin, (n,), by name."""
        return self.loaded.runtime.margins(self.matrix)

    @cached_property
    def placed(self) -> Placed:
        """The segments they are in."""
        return place(self.loaded, self.snapshot, self.matrix)

    @cached_property
    def owned(self) -> Mask:
        """(n, P): which products of the catalogue each holds."""
        return self.loaded.owned(self.snapshot)

    @cached_property
    def held(self) -> Mask | None:
        """(n, products of the recommender): which each holds; None in a release without a recommender."""
        if self.loaded.runtime.affinities is None:
            return None
        return self.loaded.held_by_recommender(self.snapshot)
