"""The gates a version passes before people are asked: see `check`."""

from training.checks.gating import check
from training.checks.limits import Budget

__all__ = ["Budget", "check"]
