"""Decisions and what customers said come back as the raw table `offers`, for features and for learning.

What comes back is remembered by the last entry of each chain; it is only remembered once it is in the bank,
and what comes again changes nothing there.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa

from crm_rules.database import open_database
from crm_rules.governance import drafts
from crm_rules.governance.heads import Head
from crm_rules.offers.uses import PLACE as USES
from crm_rules.offers.uses import Said, said_since
from feature_repo.raw.append import append
from feature_repo.raw.contracts import OFFERS
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from monitoring.errors import UnknownDecision
from monitoring.finding import Finder
from monitoring.offer_rows import USE_CASE, Catalogues, Row, answered, offered
from monitoring.verified import VerifiedLog

FILE = "returned.json"
AT_ONCE = 200_000  # rows added to the bank in one go
LATE = timedelta(minutes=10)  # an answer is in its table no later than this after its moment


@dataclass
class Returned:
    """What came back: rows new to the bank, and what could not come.

    `erased` counts answers to decisions that were erased, `unverified` decisions that are not as they were
    written, `unreadable` those whose release is not there any more.
    """

    added: int = 0
    erased: int = 0
    unverified: int = 0
    unreadable: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Mark:
    """How far everything came back: the last entry by chain, and the moment of the last answers."""

    chains: dict[str, Head]
    answers: str = ""

    @classmethod
    def read(cls, path: Path) -> "Mark":
        """The mark that was kept; the beginning where none was, or none that can be read."""
        try:
            told = json.loads(path.read_text("utf-8"))
            chains = {str(chain): Head(int(seq), str(link)) for chain, (seq, link) in told["chains"].items()}
            return cls(chains, str(told["answers"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls({})

    def write(self, path: Path) -> None:
        """Keep it, whole or not at all."""
        chains = {chain: [head.seq, head.link] for chain, head in self.chains.items()}
        drafts.replace(path, json.dumps({"chains": chains, "answers": self.answers}).encode(), 0o600)


def offers_history(settings: Settings, until: datetime) -> Returned:
    """Add to the raw table `offers` what was decided and said before a moment and is not there yet.

    MissingTable without a bank; what `append` raises leaves the bank and the mark as they were.
    """
    path, moment = settings.decisions / FILE, until.isoformat()
    mark, found = Mark.read(path), Returned()
    log, catalogues = VerifiedLog(DecisionLogs.of(settings)), Catalogues.of(settings.releases)
    ends = log.ends(moment, mark.chains)
    rows = _decided(log, mark, ends, catalogues, found)
    _add(settings, rows, until, found)
    _add(settings, _said(settings, mark, moment, catalogues, found), until, found)
    found.unverified, found.problems = log.unverified, log.problems
    Mark({**mark.chains, **ends}, moment).write(path)
    return found


def _add(settings: Settings, rows: Iterable[Row], at: datetime, found: Returned) -> None:
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        table = pa.Table.from_pylist(some, schema=OFFERS.schema)
        found.added += append(settings.raw, {OFFERS.name: table}, at, threads=settings.threads).added


def _decided(
    log: VerifiedLog, mark: Mark, ends: dict[str, Head], catalogues: Catalogues, found: Returned
) -> Iterator[Row]:
    for logged in log.read(lambda _: True, ends, mark.chains):
        if logged.use_case == USE_CASE:
            record = orjson.loads(logged.payload)
            if (offers := catalogues(record["release"])) is None:
                found.unreadable += 1
            else:
                yield from offered(record, offers)


def _said(
    settings: Settings, mark: Mark, until: str, catalogues: Catalogues, found: Returned
) -> Iterator[Row]:
    finder = Finder.of(settings)
    try:
        for said in _answers(settings, mark.answers):
            if said.at >= until:
                continue
            try:
                record = orjson.loads(finder.find(said.decision_id))
            except UnknownDecision:
                found.erased += 1
                continue
            if (offers := catalogues(record["release"])) is not None:
                yield from answered(record, offers, said)
    finally:
        finder.close()


def _answers(settings: Settings, since: str) -> Iterator[Said]:
    url = settings.database.get_secret_value()
    if not url and not settings.uses.exists():
        return
    database = open_database(settings.uses, url, USES, read_only=True)
    try:
        if database.has("offer_answers"):
            start = (datetime.fromisoformat(since) - LATE).isoformat() if since else ""
            yield from said_since(database, start)
    finally:
        database.close()
