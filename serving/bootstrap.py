"""Where the scoring process is put together: the one place its real parts meet.

Everything fails here, at the start, with one sentence: no release, an altered file, a missing
signature, no online rows. Nothing a training library wrote is loaded that was not verified.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.types import ASGIApp

from crm_rules.database import open_database
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.schema import PLACE
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLog, DecisionLogs
from serving.api.app import endpoints
from serving.api.desk import Desk
from serving.api.gate import Gate
from serving.auth import CLOSED, OPEN, ROUTES, TokenCheck, token_key
from serving.canary import decide_for_nobody
from serving.engine import Engine
from serving.errors import LedgerUnavailable
from serving.figures import models_of
from serving.loaded import Loaded
from serving.online import OnlineRows
from serving.scoring import Scorer
from training.release.current import Current, current
from training.release.verify import VerifiedRelease, verify


@dataclass(frozen=True)
class Served:
    """The current release, verified, with the people who vouch for it."""

    trust: Trust
    current: Current
    release: VerifiedRelease


@dataclass(frozen=True)
class ScoringProcess:
    """One worker: its engine, its log, its endpoints."""

    engine: Engine
    log: DecisionLog
    ledger: Ledger
    rows: PackedRows
    endpoints: ASGIApp
    check: TokenCheck

    def gate(self, app: ASGIApp) -> Gate:
        """The gate in front of `app`: our routes and BentoML's by token, health checks open."""
        return Gate(app, {**ROUTES, **CLOSED}, self.check, now, new_id, OPEN)

    def close(self) -> None:
        """Close every file."""
        self.log.close()
        self.ledger.close()
        self.rows.close()


def now() -> datetime:
    """The service's clock; nothing below the edge reads one."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id nobody can guess."""
    return secrets.token_hex(16)


def current_release(settings: Settings) -> Served:
    """Trust, then the signed record, then the release it names: each verified before the next."""
    trust = Trust.load(settings.trust_file, settings.profile)
    named = current(settings.releases, trust)
    return Served(trust, named, verify(settings.releases, named.release, trust))


def open_scorer(served: Served, rows: PackedRows) -> Scorer:
    """The scorer of a verified release over online rows: for the service, batches and replays."""
    origin = served.release.manifest.origin
    return Scorer(Loaded.of(served.release), OnlineRows(rows, origin, served.release.digest))


def open_ledger(settings: Settings) -> Ledger:
    """The loyalty ledger, made when there is none; LedgerUnavailable when that cannot be."""
    url = settings.database.get_secret_value()
    try:
        return Ledger.open(open_database(settings.ledger, url, PLACE), Heads(settings.heads))
    except DatabaseUnavailable as error:
        raise LedgerUnavailable(error.where, error.problem) from error
    except OSError as error:
        raise LedgerUnavailable(settings.ledger, str(error)) from error


def build(settings: Settings, worker: str, clock: Callable[[], datetime] = now) -> ScoringProcess:
    """Put one scoring process together; `worker` names its log and chain.

    Raises the BankError that says what is missing or altered; nothing is served then.
    """
    served = current_release(settings)
    rows = open_rows(settings)
    scorer = open_scorer(served, rows)
    decide_for_nobody(scorer)
    logs = DecisionLogs.of(settings)
    log, ledger = logs.open(worker), open_ledger(settings)
    engine = Engine(scorer, log, clock, new_id)
    desk = Desk(
        engine=engine,
        ledger=ledger,
        loyalty=scorer.loaded.rulebook.policy.loyalty,
        find=logs.find,
        facts=_facts(settings, served, rows, worker, clock()),
        models=models_of(served.release, served.trust),
    )
    check = TokenCheck(token_key(settings.keys).public_key())
    return ScoringProcess(engine, log, ledger, rows, endpoints(desk), check)


def _facts(
    settings: Settings, served: Served, rows: PackedRows, worker: str, started: datetime
) -> dict[str, object]:
    origin = served.release.manifest.origin
    return {
        "profile": settings.profile,
        "demo_keys": served.trust.demo,
        "worker": worker,
        "started_at": started.isoformat(),
        "switched": {"number": served.current.number, "by": served.current.by, "at": served.current.at},
        "data_window": dict(origin.data_window),
        "source": dict(origin.source),
        "customers": rows.count(origin.views[0]),
    }
