"""One generated bank for all tests of the data room, and the smallest bank as CSV files."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from feature_repo.raw.generate import make
from feature_repo.raw.source import Source


@dataclass(frozen=True)
class Generated:
    raw: Path
    truth: Path
    source: Source


@pytest.fixture(scope="package")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    home = tmp_path_factory.mktemp("bank")
    source = make(1500, 7, home / "raw", home / "truth", months=36, ends=date(2026, 1, 1))
    return Generated(home / "raw", home / "truth", source)


FILES = {
    "customers.csv": "customer_id,valid_from,joined_at,party_type,email\n"
    "17,2024-01-05,2024-01-05,person,a@example.org\n18,2024-02-01,2024-02-01,company,\n",
    "accounts.csv": "account_id,valid_from,currency,opened_at\nA1,2024-01-05,CNY,2024-01-05\n"
    "A2,2024-02-01,CNY,2024-02-01\n",
    "account_owners.csv": "account_id,customer_id,valid_from,role\nA1,17,2024-01-05,owner\n"
    "A2,18,2024-02-01,owner\n",
    "bookings.csv": "booking_id,account_id,booked_at,amount,currency,balance_after,category\n"
    "B1,A1,2024-01-06 10:00:00,100.00,CNY,100.00,salary\n"
    "B2,A1,2024-01-07,-20.50,CNY,79.50,rent\nB3,A2,2024-02-02,7,CNY,7,\n",
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "bank"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder
