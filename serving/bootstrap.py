"""Where the scoring process is put together: the one place its real parts meet.

Everything fails here, at the start, with one sentence: no release, an altered file, a missing
signature, no online rows. Nothing a training library wrote is loaded that was not verified. Once it
runs, a worker follows the signed files that say what is served and what is stopped; what it would
refuse at the start it refuses then, and goes on with what it has.
"""

import math
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from starlette.types import ASGIApp

from crm_rules.cases.store import CaseStore
from crm_rules.database import open_database
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.candidates import Mode
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.stops import NONE, Stops
from crm_rules.governance.switches import FILE as STOPS
from crm_rules.governance.switches import Switches, read_switches
from crm_rules.loyalty.ledger import Ledger
from crm_rules.loyalty.schema import PLACE
from crm_rules.offers.uses import PLACE as USES_SCHEMA
from crm_rules.offers.uses import OfferUses
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.rows.remembered import RememberedRows
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs, Record
from monitoring.finding import Finder
from monitoring.shadow import shadow_logs
from monitoring.spool import Spools
from monitoring.spooled import Spooled, open_spooled
from serving.api.app import endpoints
from serving.api.desk import Desk
from serving.api.gate import Gate
from serving.api.questions import apps
from serving.api.rates import Rates
from serving.api.sandbox import Sandbox
from serving.auth import CLOSED, OPEN, ROUTES, TokenCheck
from serving.deciding.archive import Archive
from serving.deciding.canary import decide_for_nobody
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows, RowReader
from serving.deciding.scoring import Scorer
from serving.deciding.uses import NoUses, UsesReader
from serving.errors import LedgerUnavailable, SameNumber
from serving.worker.candidate import Candidate
from serving.worker.case_room import CaseRoom
from serving.worker.engine import Engine
from serving.worker.figures import models_of
from serving.worker.following import NEVER_SEEN, Follower, Watch, mark
from serving.worker.in_service import InService
from serving.worker.inbox import PLACE as INBOX
from serving.worker.inbox import Inbox
from serving.worker.keyring import Keyring
from serving.worker.keys import PLACE as KEYS_SCHEMA
from serving.worker.keys import Holder, IdempotencyKeys
from serving.worker.measured import Measured
from serving.worker.metrics import Metrics
from serving.worker.shadow import Shadow
from serving.worker.stopping import StopSwitches
from serving.worker.token_files import TokenFiles
from serving.worker.trust_file import TrustFile
from serving.worker.watched_log import Drained, WatchedLog
from training.release.candidate_record import FILE as CANDIDATE
from training.release.candidate_record import CandidateRecord, candidate_record, last_candidate_seen
from training.release.current import FILE as CURRENT
from training.release.current import Current, current, last_seen
from training.release.verify import VerifiedRelease, verify

ROWS_WAIT = 0.2  # seconds for online rows in Redis: a decision waits no longer, and is made without them
DRAIN_SECONDS = 1.0  # between two tries to move into the log what waits for it
WAIT = 2.0  # seconds for a lock somebody else holds on cases or uses; no answer waits longer for them


@dataclass(frozen=True)
class Served:
    """The current release, verified, with the people who vouch for it and the stop switches that are on."""

    trust: Trust
    current: Current
    release: VerifiedRelease
    stops: Stops = NONE


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


def now() -> datetime:
    """The service's clock; nothing below the edge reads one."""
    return datetime.now(UTC)


def new_id() -> str:
    """An id nobody can guess."""
    return secrets.token_hex(16)


def current_release(settings: Settings) -> Served:
    """The release to serve under the stop switches that are on; BankError says why it must not be."""
    return _current_release(settings, 0, switches(settings).stops)


def _current_release(settings: Settings, least: int, stops: Stops) -> Served:
    """Trust, then the signed record, then the release it names: each verified before the next.

    `least` is the number last seen; the anchored one counts as seen.
    """
    trust = Trust.of(settings)
    named = current(settings.releases, trust, max(least, last_seen(Heads(settings.heads))))
    return Served(trust, named, verify(settings.releases, named.release, trust), stops)


def switches(settings: Settings, least: int = 0) -> Switches:
    """The stop switches as their signed file says; BrokenSwitches when it was altered or cut."""
    return read_switches(settings.releases, Trust.of(settings), Heads(settings.heads), least)


def open_scorer(
    served: Served, rows: RowReader, uses: UsesReader | None = None, stale_after_s: float = math.inf
) -> Scorer:
    """The scorer of a verified release over online rows: for the service, batches and replays.

    Without `uses` no offer counts as used.
    """
    return _scorer(served.release, served.stops, rows, uses or NoUses(), stale_after_s)


def _scorer(
    release: VerifiedRelease, stops: Stops, rows: RowReader, uses: UsesReader, stale_after_s: float
) -> Scorer:
    online = OnlineRows(rows, release.manifest.origin, release.digest, stale_after_s)
    return Scorer(Loaded.of(release), online, uses).under(stops)


def open_archive(settings: Settings) -> Archive:
    """Computes decisions again with the releases that made them, as far as they are here and verify."""
    return Archive(lambda release: Loaded.of(verify(settings.releases, release, Trust.of(settings))))


def open_ledger(settings: Settings) -> Ledger:
    """The loyalty ledger, made when there is none; LedgerUnavailable when that cannot be."""
    url = settings.database.get_secret_value()
    try:
        return Ledger.open(open_database(settings.ledger, url, PLACE), Heads(settings.heads))
    except DatabaseUnavailable as error:
        raise LedgerUnavailable(error.where, error.problem) from error
    except OSError as error:
        raise LedgerUnavailable(settings.ledger, str(error)) from error


def open_cases(settings: Settings) -> CaseStore:
    """The case store, made when there is none."""
    return CaseStore.open(settings.cases, settings.database.get_secret_value(), settings.heads, WAIT)


def open_uses(settings: Settings) -> OfferUses:
    """What customers said to offers, made when there is nothing."""
    url = settings.database.get_secret_value()
    return OfferUses(open_database(settings.uses, url, USES_SCHEMA, wait=WAIT))


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


def put_in_service(
    settings: Settings, facts: dict[str, object], stops: Stops, uses: UsesReader,
    before: InService | None = None,
) -> InService:  # fmt: skip
    """Verify, load and try the current release on a canary, over online rows of its own.

    `before` is what is served so far: an older record, or another release under its number, is refused.
    """
    served = _current_release(settings, before.number if before else 0, stops)
    if before and served.current.number == before.number and served.current.release != before.release:
        raise SameNumber(served.current.number)
    rows = open_rows(settings, patience=ROWS_WAIT)
    try:
        scorer = open_scorer(served, RememberedRows(rows, monotonic), uses, settings.stale_after_s)
        decide_for_nobody(scorer)
        told = {**facts, **_facts(served, rows)}
        models = models_of(served.release, served.trust)
    except BaseException:
        rows.close()
        raise
    return InService(scorer, served.current.number, told, models, rows.close)


def next_candidate(
    settings: Settings, worker: str, stops: Stops, before: Candidate | None = None
) -> Candidate | None:
    """What the signed record says is to be tried, verified as the current release is; None when nothing is.

    `before` is what is tried so far; where the record names it for another share, nothing is loaded.
    """
    trust, heads = Trust.of(settings), Heads(settings.heads)
    least = max(before.number if before else 0, last_candidate_seen(heads))
    named = candidate_record(settings.releases, trust, least)
    if named is None or not named.release:
        return None
    if before and before.release == named.release and before.tryout.mode is named.tryout.mode:
        return before.renamed(named.number, named.tryout, named.at)
    if before and before.number == named.number:
        raise SameNumber(named.number)
    return _load_candidate(settings, worker, stops, named, verify(settings.releases, named.release, trust))


def _load_candidate(
    settings: Settings, worker: str, stops: Stops, named: CandidateRecord, release: VerifiedRelease
) -> Candidate:
    """Loaded and tried on nobody, over rows, uses and a log of its own, so that no answer waits for it."""
    with ExitStack() as opened:
        rows, uses = open_rows(settings, patience=ROWS_WAIT), open_uses(settings)
        opened.callback(rows.close)
        opened.callback(uses.close)
        remembered = RememberedRows(rows, monotonic)
        scorer, shadow = _scorer(release, stops, remembered, uses, settings.stale_after_s), None
        decide_for_nobody(scorer)
        if named.tryout.mode is Mode.SHADOW:
            log = shadow_logs(settings).open(worker)
            opened.callback(log.close)
            shadow = Shadow(log, new_id)
        serving = InService(scorer, named.number, close=opened.pop_all().close)
        return Candidate(serving, named.tryout, named.at, shadow)


def build(
    settings: Settings, worker: str, clock: Callable[[], datetime] = now, metrics: Metrics | None = None
) -> ScoringProcess:
    """Put one scoring process together; `worker` names its log and chain. `follow` makes it follow.

    Raises the BankError that says what is missing or altered; nothing is served then.
    """
    files = {name: settings.releases / name for name in (CURRENT, STOPS)}
    seen = {name: mark(path) for name, path in files.items()}
    facts: dict[str, object] = {
        "profile": settings.profile, "worker": worker, "started_at": clock().isoformat(),
    }  # fmt: skip
    on = switches(settings)
    uses, counted = open_uses(settings), open_uses(settings)  # who counts does not wait for who writes
    serving = put_in_service(settings, facts, on.stops, counted)
    log = open_spooled(DecisionLogs.of(settings), Spools.of(settings), worker)
    finder, ledger = Finder.of(settings), open_ledger(settings)
    cases = CaseRoom(partial(open_cases, settings), TrustFile(settings).read, clock)

    def refer(records: Sequence[Record]) -> None:
        cases.refer(records, engine.serving.policy(clock()).cases)

    metrics = metrics or Metrics(())
    metrics.serving(serving.release)
    kept = WatchedLog(log, metrics)
    engine = Engine(serving, kept, clock, new_id, refer, Measured(metrics))
    inbox, looked_at = (
        open_inbox(settings),
        open_inbox(settings),
    )  # who asks how it stands waits for no commit
    stopping = StopSwitches(engine, partial(switches, settings), on)

    def take_release() -> None:
        before = engine.serving
        engine.serve(put_in_service(settings, facts, before.stops, counted, before))
        metrics.serving(engine.serving.release)

    releases = Follower(files[CURRENT], take_release, clock, seen[CURRENT])
    stops = Follower(files[STOPS], stopping.take, clock, seen[STOPS])

    def take_candidate() -> None:
        engine.try_out(next_candidate(settings, worker, engine.serving.stops, engine.candidate))

    candidates = Follower(settings.releases / CANDIDATE, take_candidate, clock, NEVER_SEEN)
    candidates.look()  # one that cannot be tried keeps nothing from starting

    tokens = TokenFiles(settings.keys, Heads(settings.heads), clock)

    def following() -> dict[str, object]:
        switched = {**stopping.told(), **stops.told()}
        told = {**releases.told(), "stop_switches": switched, "tokens": tokens.told()}
        tried = engine.candidate.told() if engine.candidate else {"release": None}
        told |= {"candidate": {**tried, "refused": candidates.told()["refused"]}}
        return {**told, "events": looked_at.told(clock()), "waiting": log.waiting().told(clock())}

    sandbox = Sandbox.load() if settings.has_sandbox else None
    keyring = open_keyring(settings, worker, clock)
    desk = Desk(
        engine, ledger, finder.find, open_archive(settings), cases, uses, inbox, following, sandbox, keyring
    )
    # threads of their own, so that a release that takes long to load keeps no stop switch waiting
    watches = (
        Watch("follow releases", [releases, candidates]),
        Watch("follow stop switches", [stops]),
        Watch("follow tokens", tokens.followers),
        Watch("drain the spool", [Drained(log, metrics)], DRAIN_SECONDS),
    )
    return ScoringProcess(
        engine, log, finder, ledger, cases, uses, counted, (inbox, looked_at), keyring, endpoints(desk),
        apps(desk), tokens.check, releases, candidates, stops, watches,
        Rates(settings.rate_per_second, settings.rate_burst), metrics, kept, settings.access_log,
    )  # fmt: skip


def _facts(served: Served, rows: PackedRows) -> dict[str, object]:
    origin = served.release.manifest.origin
    return {
        "demo_keys": served.trust.demo,
        "switched": {"number": served.current.number, "by": served.current.by, "at": served.current.at},
        "data_window": dict(origin.data_window),
        "source": dict(origin.source),
        "customers": rows.count(origin.views[0]),
    }
