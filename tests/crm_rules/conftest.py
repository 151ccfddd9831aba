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

from crm_rules.contact.clock import Local
from crm_rules.database import Database, Sqlite
from crm_rules.governance import keys
from crm_rules.governance.demo import CAST, key_path, make_demo
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.offers.catalogue import Catalogue, Offer
from crm_rules.offers.customers import NO_CHANNEL, Customers
from crm_rules.offers.offers import Offers
from crm_rules.offers.products import Products
from crm_rules.policy import STANDARD, Policy
from crm_rules.postgres import Postgres
from crm_rules.rules import F64Array
from crm_rules.vocabulary import CONTEXTS, MARKETING_CHANNELS

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
MakeOffers = Callable[..., Offers]
NOON = 12 * 60
TODAY = 20_600  # days since 1970: a day in May 2026


@pytest.fixture(scope="session")
def customers() -> MakeCustomers:
    """Build customers who may have everything, except for what the arguments change.

    `channel` is that of the conversation, `day`, `minute` and `zone_known` their local time.
    """

    def build(n: int = 1, offers: int = 1, channel: str | None = None, **changed: Any) -> Customers:
        allowed = {
            "age": 40.0, "risk_level": 5.0, "assessment_days": 10.0, "is_company": 0.0,
            "income_monthly": 5_000.0, "days_past_due": 0.0, "complaints_365d": 0.0, "consent_profiling": 1.0,
            "preferred_channel": 3.0, "tier": np.nan, "leaving": 0.0,
        }  # fmt: skip

        def many(value: Any) -> F64Array:
            return np.broadcast_to(np.asarray(value, np.float64), (n,))

        consents = [many(changed.get(f"consent_{name}", 1.0)) for name in MARKETING_CHANNELS]
        place = NO_CHANNEL if channel is None else CONTEXTS.index(channel)
        day, minute = many(changed.get("day", TODAY)), many(changed.get("minute", NOON))
        here = Local(
            day.astype(np.int64), minute.astype(np.int64), np.full(n, 2026),
            many(changed.get("zone_known", 1.0)).astype(bool),
        )  # fmt: skip
        return Customers(
            **{name: many(changed.get(name, value)) for name, value in allowed.items()},
            consents=np.column_stack(consents),
            channel=np.full(n, place, np.int8),
            local=here,
            owned=changed.get("owned", np.zeros((n, offers), dtype=bool)),
            used=changed.get("used"),
            ruled=changed.get("ruled", {}),
            learned=changed.get("learned", {}),
        )

    return build


@pytest.fixture(scope="session")
def offers(policy: Policy) -> MakeOffers:
    """Build plain offers of products (changed fields), each a harmless savings account otherwise.

    `proposed` are offers of a catalogue beside them.
    """

    def build(
        *changed: dict[str, Any], withdrawn: tuple[str, ...] = (), proposed: tuple[Offer, ...] = (),
        under: Policy | None = None,
    ) -> Offers:  # fmt: skip
        harmless = {"family": "savings", "risk_level": 1, "minimum_amount": 0.0, "value": 100.0}
        entries = [{"product_id": f"p{i}", **harmless, **change} for i, change in enumerate(changed)]
        products = Products.from_catalogue(entries, withdrawn)
        return Offers.of(Catalogue("test", proposed), products, under or policy)

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
