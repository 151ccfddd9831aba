"""From the signed files to what answers: each verified before the next, and nothing parsed before that.

What would be refused at the start is refused later too, and then the one before goes on.
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic

from crm_rules.governance.candidates import Mode
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.stops import NONE, Stops
from crm_rules.governance.switches import Switches, read_switches
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.rows.remembered import RememberedRows
from feature_repo.settings import Settings
from monitoring.shadow import shadow_logs
from serving.bootstrap.edge import new_id
from serving.bootstrap.stores import open_uses
from serving.deciding.archive import Archive
from serving.deciding.canary import decide_for_nobody
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows, RowReader
from serving.deciding.scoring import Scorer
from serving.deciding.uses import NoUses, UsesReader
from serving.errors import SameNumber
from serving.worker.candidate import Candidate
from serving.worker.figures import models_of
from serving.worker.in_service import InService
from serving.worker.shadow import Shadow
from training.release.candidate_record import CandidateRecord, candidate_record, last_candidate_seen
from training.release.current import Current, current, last_seen
from training.release.verify import VerifiedRelease, verify

ROWS_WAIT = 0.2  # seconds for online rows in Redis: a decision waits no longer, and is made without them


@dataclass(frozen=True)
class Served:
    """The current release, verified, with the people who vouch for it and the stop switches that are on."""

    trust: Trust
    current: Current
    release: VerifiedRelease
    stops: Stops = NONE


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


def _facts(served: Served, rows: PackedRows) -> dict[str, object]:
    origin = served.release.manifest.origin
    return {
        "demo_keys": served.trust.demo,
        "switched": {"number": served.current.number, "by": served.current.by, "at": served.current.at},
        "data_window": dict(origin.data_window),
        "source": dict(origin.source),
        "customers": rows.count(origin.views[0]),
    }
