"""A whole bank of known truth, made from a seed: same seed, same bytes."""

from feature_repo.raw.generate.bank import make

__all__ = ["make"]
