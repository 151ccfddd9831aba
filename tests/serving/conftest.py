"""The tiny bank over HTTP: the same application that is served, without a server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from crm_rules.cases.store import CaseStore
from crm_rules.database import Sqlite
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.earning import Booking
from crm_rules.loyalty.ledger import Ledger
from crm_rules.offers.uses import OfferUses
from monitoring.decision_log import Record
from monitoring.errors import LogUnavailable, UnknownDecision
from serving.api.app import create_app
from serving.api.desk import Desk
from serving.api.gate import Gate
from serving.auth import EVERY_SCOPE, TokenCheck, issue
from serving.deciding.archive import Archive
from serving.deciding.loaded import Loaded
from serving.deciding.scoring import Scorer
from serving.worker.case_room import CaseRoom
from serving.worker.engine import Engine
from serving.worker.in_service import InService
from serving.worker.inbox import Inbox
from serving.worker.keyring import Keyring
from serving.worker.keys import Holder, IdempotencyKeys
from tests.conftest import AT, Tiny
from training.release.errors import UnknownRelease


class InProcess(httpx.BaseTransport):
    """Sends requests straight into an ASGI application."""

    def __init__(self, app: Gate) -> None:
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return asyncio.run(self._handle(request))

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        whole = request.read()
        chunked = "transfer-encoding" in request.headers
        content = _chunks(whole) if chunked else whole
        sent = httpx.Request(request.method, request.url, headers=request.headers, content=content)
        response = await self._transport.handle_async_request(sent)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


async def _chunks(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), 10_000):
        yield whole[start : start + 10_000]


@dataclass
class Kept:
    """A log in memory; `broken` makes it refuse, `unreadable` keeps what it holds to itself, and the next
    `early` lookups come before it holds anything."""

    records: dict[str, Record] = field(default_factory=dict)
    broken: bool = False
    unreadable: bool = False
    early: int = 0

    def append(self, records: Sequence[Record]) -> None:
        if self.broken:
            raise LogUnavailable(Path("/var/secret/decisions.db"), "disk full")
        self.records |= {record.decision_id: record for record in records}

    def find(self, decision_id: str) -> bytes:
        if self.unreadable:
            raise DatabaseUnavailable("decisions", "disk I/O error")
        self.early -= 1
        if decision_id not in self.records or self.early >= 0:
            raise UnknownDecision(decision_id)
        return self.records[decision_id].payload


@dataclass
class Bank:
    """The tiny bank's service, its log, clock and token key."""

    client: httpx.Client
    desk: Desk
    log: Kept
    key: Ed25519PrivateKey
    ledger: Ledger
    times: list[datetime]
    app: Gate

    def token(self, *scopes: str, hours: int = 1, now: datetime = AT) -> dict[str, str]:
        return {"Authorization": "Bearer " + issue(self.key, "app", scopes or EVERY_SCOPE, hours, now)}


def nothing_kept(release: str) -> Loaded:
    raise UnknownRelease(release, Path("/var/secret/releases"))


@pytest.fixture
def bank(scorer: Scorer, whole_tiny: Tiny, tmp_path: Path) -> Iterator[Bank]:
    with open_bank(scorer, whole_tiny, tmp_path, Kept()) as opened:
        yield opened


@contextmanager
def open_bank(scorer: Scorer, tiny: Tiny, folder: Path, kept: Kept) -> Iterator[Bank]:
    """The service over that scorer, its stores in a folder."""
    key, times = Ed25519PrivateKey.generate(), [AT]
    numbers = itertools.count(1)
    ledger = Ledger.open(Sqlite(folder / "ledger.db"), Heads(folder / "heads"))
    loyalty = scorer.loaded.rulebook.policy.loyalty
    ledger.earn([Booking("b1", "ann", AT, -500_000, "card_payment")], loyalty)

    def new_id() -> str:
        return f"id-{next(numbers)}"

    def refer(records: Sequence[Record]) -> None:
        cases.refer(records, scorer.loaded.rulebook.policy.cases)

    def open_store() -> CaseStore:
        return CaseStore(Sqlite(folder / "cases.db", wait=0.1), Heads(folder / "heads"))

    cases = CaseRoom(open_store, lambda: tiny.trust, lambda: times[-1])
    inbox = Inbox(Sqlite(folder / "inbox.db"), new_id)
    uses = OfferUses(Sqlite(folder / "offers.db"))
    holder = Holder(folder / "holders", "worker-1")
    keys = IdempotencyKeys(Sqlite(folder / "keys.db"), holder)
    keyring = Keyring(keys, lambda: times[-1], timedelta(hours=24))
    serving = InService(replace(scorer, uses=uses), 1, {"profile": "demo"}, {"parts": {}})
    desk = Desk(
        engine=Engine(serving, kept, lambda: times[-1], new_id, refer),
        ledger=ledger, find=kept.find, archive=Archive(nothing_kept), cases=cases,
        uses=uses, inbox=inbox, keyring=keyring,
    )  # fmt: skip
    app = create_app(desk, TokenCheck(key.public_key()), lambda: times[-1], new_id)
    with httpx.Client(transport=InProcess(app), base_url="http://bank") as client:
        yield Bank(client, desk, kept, key, ledger, times, app)
    desk.engine.close()
    keyring.close()
    cases.close()
    uses.close()
    inbox.close()
    ledger.close()
