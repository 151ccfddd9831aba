"""The edge of the scoring process: its clock, and ids nobody can guess."""

import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """The service's clock; nothing below the edge reads one."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id nobody can guess."""
    return secrets.token_hex(16)
