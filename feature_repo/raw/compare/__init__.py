"""Two loaded banks side by side: where their marginals agree, where they differ, and by how much."""

from feature_repo.raw.compare.report import Compared, compare

__all__ = ["Compared", "compare"]
