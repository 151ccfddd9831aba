"""What is written and read beside the log, opened where the settings say: SQLite files or PostgreSQL."""

from collections.abc import Callable
from datetime import datetime, timedelta

from crm_rules.cases.store import CaseStore
from crm_rules.database import open_database
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.heads import Heads
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.schema import PLACE
from crm_rules.offers.uses import PLACE as USES_SCHEMA
from crm_rules.offers.uses import OfferUses
from feature_repo.settings import Settings
from serving.bootstrap.edge import new_id
from serving.errors import LedgerUnavailable
from serving.worker.inbox import PLACE as INBOX
from serving.worker.inbox import Inbox
from serving.worker.keyring import Keyring
from serving.worker.keys import PLACE as KEYS_SCHEMA
from serving.worker.keys import Holder, IdempotencyKeys

LEDGER_WAIT = 30.0  # seconds for the ledger's lock, for who has the time
WAIT = 2.0  # seconds for a lock somebody else holds on cases or uses; no answer waits longer for them


def open_ledger(settings: Settings, wait: float = LEDGER_WAIT) -> Ledger:
    """The loyalty ledger, made when there is none; LedgerUnavailable when that cannot be within `wait`."""
    url = settings.database.get_secret_value()
    try:
        return Ledger.open(open_database(settings.ledger, url, PLACE, wait=wait), Heads(settings.heads))
    except DatabaseUnavailable as error:
        raise LedgerUnavailable(error.where, error.problem) from error
    except OSError as error:
        raise LedgerUnavailable(settings.ledger, str(error)) from error


def open_cases(settings: Settings) -> CaseStore:
    """The case store, made when there is none."""
    return CaseStore.open(settings.cases, settings.database.get_secret_value(), settings.heads, WAIT)


def open_uses(settings: Settings, wait: float = WAIT) -> OfferUses:
    """What customers said to offers, made when there is nothing; nobody waits longer for it than `wait`."""
    url = settings.database.get_secret_value()
    return OfferUses(open_database(settings.uses, url, USES_SCHEMA, wait=wait))


def open_keyring(settings: Settings, worker: str, clock: Callable[[], datetime]) -> Keyring:
    """The idempotency keys of all workers, held by this one."""
    url = settings.database.get_secret_value()
    database = open_database(settings.idempotency, url, KEYS_SCHEMA, wait=WAIT)
    holder = Holder(settings.holders, f"{worker}-{new_id()}")
    return Keyring(IdempotencyKeys(database, holder), clock, timedelta(hours=settings.idempotency_hours))


def open_inbox(settings: Settings, wait: float = WAIT) -> Inbox:
    """The inbox of events, made when there is none; who has the time may `wait` longer for its lock."""
    url = settings.database.get_secret_value()
    return Inbox(open_database(settings.inbox, url, INBOX, wait=wait), new_id)
