"""Tiny banks of many: the four customers' rows under other ids."""

from pathlib import Path

import numpy as np
import pytest

from feature_repo.packed_rows import PackedRows
from feature_repo.settings import Settings
from tests.conftest import Tiny, make_tiny


def replicate(online: Path, customers: int) -> None:
    """Write the rows of the customers that are there once more under made-up ids, until there are so many."""
    with PackedRows.open(online, read_only=False) as rows:
        known = list(rows.customer_ids("profile"))
        columns = rows.columns()
        names = [f"m{number:07}" for number in range(customers)]
        taken = np.arange(customers) % len(known)
        for view in columns:
            read = rows.read(known, [view])
            values = np.ascontiguousarray(read.values[taken])
            for counted in set(columns[view]) & {"accounts_open", "loans_running"}:
                values[:, columns[view].index(counted)] = taken > 0
            rows.write(view, columns[view], names, read.event_us[taken, 0], values)


@pytest.fixture
def many(tmp_path: Path) -> Tiny:
    """A tiny bank with 300 customers more."""
    tiny = make_tiny(tmp_path)
    replicate(tiny.online, 300)
    return tiny


@pytest.fixture
def settings(many: Tiny) -> Settings:
    return Settings(home=many.home, profile="demo")
