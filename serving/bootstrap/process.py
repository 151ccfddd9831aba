"""One scoring process, put together: what answers, what it follows, and how it ends."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp

from crm_rules.loyalty.ledger import Ledger
from crm_rules.offers.uses import OfferUses
from monitoring.finding import Finder
from monitoring.spooled import Spooled
from serving.api.gate import Gate
from serving.api.rates import Rates
from serving.auth import CLOSED, OPEN, ROUTES, TokenCheck
from serving.bootstrap.edge import new_id, now
from serving.worker.case_room import CaseRoom
from serving.worker.engine import Engine
from serving.worker.following import Follower, Watch
from serving.worker.inbox import Inbox
from serving.worker.keyring import Keyring
from serving.worker.metrics import Metrics
from serving.worker.watched_log import WatchedLog


@dataclass(frozen=True)
class ScoringProcess:
    """One worker: its engine, its log, its endpoints, and what follows the signed files."""

    engine: Engine
    log: Spooled
    finder: Finder
    ledger: Ledger
    cases: CaseRoom
    uses: OfferUses
    counted: OfferUses
    inboxes: tuple[Inbox, Inbox]
    keyring: Keyring
    endpoints: ASGIApp
    hot: Mapping[tuple[str, str], ASGIApp]
    check: TokenCheck
    releases: Follower
    candidates: Follower
    stops: Follower
    watches: tuple[Watch, ...]
    rates: Rates
    metrics: Metrics
    kept: WatchedLog
    access_log: bool = False

    def alive(self) -> bool:
        """Whether what answers is running; a process where it is not has to be started again."""
        return self.engine.alive

    def ready(self) -> bool:
        """Whether decisions can be kept, and a canary be decided, whose errors are raised."""
        return self.engine.ready() and self.kept.writable()

    def look(self) -> None:
        """Set the figures that are looked up when somebody asks for them."""
        told = self.inboxes[1].told(now())
        self.metrics.events(int(str(told["waiting"])), float(str(told["lag_s"] or 0)))

    def gate(self, app: ASGIApp) -> Gate:
        """The gate in front of `app`: our routes and BentoML's by token, health checks open."""
        return Gate(app, {**ROUTES, **CLOSED}, self.check, now, new_id, OPEN, rates=self.rates, hot=self.hot)

    def follow(self) -> None:
        """From now on take other releases and stop switches as they come."""
        for watch in self.watches:
            watch.start()

    def close(self) -> None:
        """Stop following, and close every file."""
        for watch in self.watches:
            watch.close()
        self.engine.close()
        if (candidate := self.engine.candidate) is not None:
            candidate.close()
            candidate.join()
        self.keyring.close()
        self.log.close()
        self.finder.close()
        self.ledger.close()
        self.cases.close()
        self.uses.close()
        self.counted.close()
        for inbox in self.inboxes:
            inbox.close()
        self.engine.serving.close()
