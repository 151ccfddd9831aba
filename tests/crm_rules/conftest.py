"""The smallest bank: a policy, six people who can sign, and customers one argument away from allowed."""

import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.database import Database, Sqlite
from crm_rules.governance import keys
from crm_rules.governance.demo import CAST, key_path, make_demo
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.offers.columns import Customers, Products
from crm_rules.policy import STANDARD, Policy
from crm_rules.postgres import Postgres

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def policy() -> Policy:
    return Policy.load(STANDARD)


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("demo")
    make_demo(home / "trust.json", home / "keys", START)
    return home


@pytest.fixture(scope="session")
def trust(demo_home: Path) -> Trust:
    return Trust.load(demo_home / "trust.json", "demo")


@pytest.fixture(scope="session")
def signing(demo_home: Path) -> Mapping[str, Ed25519PrivateKey]:
    return {person_id: keys.load(key_path(demo_home / "keys", person_id)) for person_id, _, _ in CAST}


MakeCustomers = Callable[..., Customers]
MakeProducts = Callable[..., Products]


@pytest.fixture(scope="session")
def customers() -> MakeCustomers:
    """Build customers who may have everything, except for what the arguments change."""

    def build(n: int = 1, products: int = 1, **changed: Any) -> Customers:
        allowed = {
            "age_years": 40.0, "risk_level": 5.0, "risk_assessment_age_days": 10.0, "is_company": 0.0,
            "income_monthly": 5_000.0, "days_past_due": 0.0, "complaints_365d": 0.0, "consent_email": 1.0,
            "consent_phone": 1.0, "consent_app": 1.0, "consent_profiling": 1.0,
        }  # fmt: skip
        owned = changed.pop("owned", np.zeros((n, products), dtype=bool))
        columns = {
            name: np.broadcast_to(np.asarray(changed.get(name, value), np.float64), (n,))
            for name, value in allowed.items()
        }
        return Customers(**columns, owned=owned)

    return build


@pytest.fixture(scope="session")
def products() -> MakeProducts:
    """Build products from (id, changed fields), each a harmless savings account otherwise."""

    def build(*changed: dict[str, Any], withdrawn: tuple[str, ...] = ()) -> Products:
        harmless = {"family": "savings", "risk_level": 1, "minimum_amount": 0.0, "value": 100.0}
        entries = [{"product_id": f"p{i}", **harmless, **change} for i, change in enumerate(changed)]
        return Products.from_catalogue(entries, withdrawn)

    return build


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database of either kind, in a place of its own."""
    if request.param == "sqlite":
        opened: Database = Sqlite(tmp_path / "bank.db")
        yield opened
        opened.close()
        return
    url = os.environ.get("BANK_TEST_POSTGRES")
    if not url:
        pytest.skip("BANK_TEST_POSTGRES is not set")
    opened = Postgres(url, f"test_{uuid4().hex[:12]}")
    yield opened
    opened.ask(f"DROP SCHEMA IF EXISTS {opened.schema} CASCADE")
    opened.close()


@pytest.fixture
def heads(tmp_path: Path) -> Heads:
    return Heads(tmp_path / "heads")
