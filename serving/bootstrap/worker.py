"""Puts one worker of the service together: the one place where its real parts meet."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from time import monotonic

from crm_rules.governance.heads import Heads
from crm_rules.governance.switches import FILE as STOPS
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs, Record
from monitoring.finding import Finder
from monitoring.spool import Spools
from monitoring.spooled import open_spooled
from serving.api.app import endpoints
from serving.api.desk import Desk
from serving.api.questions import apps
from serving.api.rates import Rates
from serving.api.sandbox import Sandbox
from serving.bootstrap.edge import new_id, now
from serving.bootstrap.process import ScoringProcess
from serving.bootstrap.releases import next_candidate, open_archive, put_in_service, switches
from serving.bootstrap.stores import WAIT, open_cases, open_inbox, open_keyring, open_ledger, open_uses
from serving.worker.case_room import CaseRoom
from serving.worker.engine import Engine
from serving.worker.following import NEVER_SEEN, Follower, Watch, mark
from serving.worker.measured import Measured
from serving.worker.metrics import Metrics
from serving.worker.rested import RestedUses
from serving.worker.stopping import StopSwitches
from serving.worker.token_files import TokenFiles
from serving.worker.trust_file import TrustFile
from serving.worker.watched_log import Drained, WatchedLog
from training.release.candidate_record import FILE as CANDIDATE
from training.release.current import FILE as CURRENT

COUNT_WAIT = 0.25  # seconds for the store of uses: a decision waits no longer for it
DRAIN_SECONDS = 1.0  # between two tries to move into the log what waits for it


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
    uses, counted = open_uses(settings), open_uses(settings, COUNT_WAIT)  # who counts waits for no writer
    rested = RestedUses(counted, monotonic)
    serving = put_in_service(settings, facts, on.stops, rested)
    log = open_spooled(DecisionLogs.of(settings), Spools.of(settings), worker)
    finder, ledger = Finder.of(settings), open_ledger(settings, WAIT)
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
        engine.serve(put_in_service(settings, facts, before.stops, rested, before))
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
