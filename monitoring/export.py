"""One Parquet file a month of what was decided and what came of it, for analysts.

Only decisions that are as they were written leave the log. A file is written beside its place and then put
there; while neither the log nor what customers said has changed since, it stays as it is.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from crm_rules.database import Database, open_database
from crm_rules.governance.chain import canonical
from crm_rules.offers.uses import PLACE as USES
from crm_rules.offers.uses import Said, said_of
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from monitoring.errors import NoMonth
from monitoring.flattened import SCHEMA, flattened
from monitoring.verified import Ends, Logged, VerifiedLog

AT_ONCE = 5_000  # decisions in one group of rows
SOURCE, COUNTS = b"source", b"counts"


@dataclass(frozen=True)
class Exported:
    """A month's file: decisions in it, erased and altered ones left out; whether it was `written` now."""

    path: Path
    decisions: int
    erased: int
    unverified: int
    problems: tuple[str, ...] = ()
    written: bool = True


def export(settings: Settings, month: str, out: Path) -> Exported:
    """Write `decisions-<month>.parquet` into a folder; the month is written 2026-11, in UTC.

    NoMonth when it is none, or nothing was decided in it.
    """
    if not is_month(month):
        raise NoMonth(month, "a month is written like 2026-11")
    log, path = VerifiedLog(DecisionLogs.of(settings)), out / f"decisions-{month}.parquet"
    ends = log.ends()
    with _Answers(settings) as answers:
        source = digest_of(ends, answers.mark())
        if (kept := _kept(path, source)) is not None:
            return kept
        out.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_suffix(".draft")
        try:
            _write(draft, log.read(lambda at: at.startswith(month), ends), answers, source, log)
            if not log.rows:
                raise NoMonth(month, "no decision of that month is in the log as it was written")
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    return Exported(path, log.rows, log.erased, log.unverified, tuple(log.problems))


def is_month(text: str) -> bool:
    """Whether a text is a month.

    >>> [is_month(text) for text in ("2026-11", "2026-13", "2026-1", "x")]
    [True, False, False, False]
    """
    return len(text) == 7 and text[4] == "-" and text[:4].isdecimal() and text[5:] in MONTHS


MONTHS = tuple(f"{number:02}" for number in range(1, 13))


def digest_of(ends: Ends, answers: object) -> str:
    """What a file was made from: the last entry of every chain, and how far the answers went."""
    told = {chain: [head.seq, head.link] for chain, head in ends.items()}
    return hashlib.sha256(canonical({"answers": answers, "chains": told})).hexdigest()


class _Answers:
    """What customers said, where anything was; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._database: Database | None = None
        url = settings.database.get_secret_value()
        if url or settings.uses.exists():
            self._database = open_database(settings.uses, url, USES, read_only=True)

    def __enter__(self) -> "_Answers":
        return self

    def __exit__(self, *_: object) -> None:
        if self._database is not None:
            self._database.close()

    def mark(self) -> list[object]:
        """How many answers there are, and when the last came."""
        if self._database is None or not self._database.has("offer_answers"):
            return []
        return list(self._database.ask("SELECT COUNT(*), MAX(at) FROM offer_answers")[0])

    def of(self, decision_ids: list[str]) -> dict[str, list[Said]]:
        """What was said to the offers of these decisions."""
        found: dict[str, list[Said]] = {}
        if self._database is not None and self._database.has("offer_answers"):
            for said in said_of(self._database, decision_ids):
                found.setdefault(said.decision_id, []).append(said)
        return found


def _kept(path: Path, source: str) -> Exported | None:
    """The file that is there, where it was made from the same."""
    try:
        told = pq.read_metadata(path).metadata or {}
        if told.get(SOURCE, b"").decode() != source:
            return None
        rows, erased, unverified, problems = orjson.loads(told[COUNTS])
        return Exported(path, rows, erased, unverified, tuple(problems), written=False)
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError):
        return None


def _write(path: Path, rows: Iterable[Logged], answers: _Answers, source: str, log: VerifiedLog) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)  # it holds personal data
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for table in _tables(rows, answers):
            writer.write_table(table)
        counts = [log.rows, log.erased, log.unverified, log.problems]
        writer.add_key_value_metadata({SOURCE: source, COUNTS: orjson.dumps(counts)})


def _tables(rows: Iterable[Logged], answers: _Answers) -> Iterator[pa.Table]:
    ordered = iter(rows)
    while some := [orjson.loads(row.payload) for row in islice(ordered, AT_ONCE)]:
        said = answers.of([record["decision_id"] for record in some])
        flat = [flattened(record, said.get(record["decision_id"], ())) for record in some]
        yield pa.Table.from_pylist(flat, schema=SCHEMA)
