"""Whether every record of the bank is as it was written: an explicit list of small checks."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from crm_rules.database import Database, open_database
from crm_rules.errors import BrokenHead
from crm_rules.governance.append_only import chains
from crm_rules.governance.heads import Anchors, Head
from crm_rules.loyalty.check import verify_ledger
from crm_rules.loyalty.ledger import broken_invariants
from crm_rules.loyalty.schema import CHAIN, PLACE
from feature_repo.errors import BankError
from feature_repo.settings import Settings
from monitoring.batch_check import verify_batches, without_entry
from monitoring.decision_log import BATCHES, PREFIX, DecisionLogs, chain_of
from monitoring.log_check import misplaced, verify_log
from monitoring.shadow import PREFIX as SHADOWS
from monitoring.shadow import shadow_logs
from monitoring.spool import Spools


@dataclass(frozen=True)
class Check:
    """One thing that was checked: how many entries it has, what is wrong, what else to know."""

    name: str
    entries: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The check for a person: one line, then each problem and note on its own."""
        state = (
            f"{len(self.problems):,} PROBLEM{'S' * (len(self.problems) > 1)}" if self.problems else "intact"
        )
        yield f"{self.name:<24}{self.entries:>12,} entries   {state}"
        yield from (f"  {problem}" for problem in self.problems)
        yield from (f"  note: {note}" for note in self.notes)


@dataclass(frozen=True)
class Evidence:
    """What is checked, and the folders with copies of the heads that it is also held against."""

    settings: Settings
    copies: tuple[Path, ...] = ()

    def heads(self) -> Mapping[str, tuple[Head, ...]]:
        """Every chain's heads, here and in the copies; read them before the chains they belong to."""
        anchors, found = Anchors((self.settings.heads, *self.copies)), dict[str, tuple[Head, ...]]()
        for name in anchors.names():
            with suppress(BrokenHead):  # the check of the heads themselves says so
                found[name] = anchors.of(name)
        return found


Checker = Callable[[Evidence], Iterable[Check]]


def audit(evidence: Evidence, checkers: Sequence[Checker] | None = None) -> Iterator[Check]:
    """Run the checks one after another; what cannot be checked is a problem, said in one sentence."""
    for checker in CHECKERS if checkers is None else checkers:
        try:
            yield from checker(evidence)
        except (BankError, OSError) as error:
            yield Check(checker.__name__.replace("_", " "), 0, (str(error),))


def heads(evidence: Evidence) -> Iterator[Check]:
    """The heads themselves: each can be read, and each folder named on the command line holds some."""
    for folder in (evidence.settings.heads, *evidence.copies):
        anchors, problems = Anchors([folder]), list[str]()
        for name in anchors.names():
            try:
                anchors.of(name)
            except BrokenHead as error:
                problems.append(str(error))
        if not anchors.names() and folder in evidence.copies:
            problems.append(f"{folder} holds no head; name a folder of copies.")
        yield Check(
            "heads" if folder == evidence.settings.heads else f"heads in {folder}",
            len(anchors.names()),
            tuple(problems),
        )


def decision_chains(evidence: Evidence) -> Iterator[Check]:
    """Each worker's chain and rows; chains that are gone; chains and rows in a database not theirs."""
    anchored = evidence.heads()
    gone = {name for name in anchored if name.startswith(PREFIX) or name == BATCHES}
    yield from _chains_of(DecisionLogs.of(evidence.settings), gone, anchored)


def _chains_of(
    logs: DecisionLogs, gone: set[str], anchored: Mapping[str, tuple[Head, ...]]
) -> Iterator[Check]:
    with logs.reading() as databases:
        for stem, database in databases:
            own = {chain_of(stem, logs.prefix)} if stem else gone | set(chains(database))
            gone -= own
            try:
                yield from _log_checks(database, sorted(own), anchored)
            except BankError as error:
                yield Check(database.where, 0, (str(error),))
    for name in sorted(gone):
        yield _gone(name, logs.folder, anchored[name])


def _log_checks(
    database: Database, own: Sequence[str], anchored: Mapping[str, tuple[Head, ...]]
) -> Iterator[Check]:
    if not database.has("chain") or not database.has("payloads"):
        yield from (_gone(name, database.where, anchored.get(name, ())) for name in own)
        return
    for name in own:
        yield _checked(name, lambda name=name: _log_check(database, name, anchored.get(name, ())))  # type: ignore[misc]  # a default binds the name
    problems = [
        f"{database.where} holds chain '{name}', which belongs elsewhere"
        for name in chains(database)
        if name not in own
    ]
    if problems := [*problems, *misplaced(database)]:
        yield Check(database.where, 0, tuple(problems))


def _log_check(database: Database, name: str, anchored: Sequence[Head]) -> Check:
    found = verify_log(database, name, anchored)
    notes = (f"{found.erased:,} erased on purpose",) if found.erased else ()
    return Check(name, found.entries, found.problems, notes)


def shadow_chains(evidence: Evidence) -> Iterator[Check]:
    """Each worker's chain of what was decided in the shadow; not there where none ever was."""
    logs, anchored = shadow_logs(evidence.settings), evidence.heads()
    gone = {name for name in anchored if name.startswith(SHADOWS)}
    if not gone and (logs.url or not logs.folder.is_dir()):
        return
    yield from _chains_of(logs, gone, anchored)


def batch_files(evidence: Evidence) -> Iterator[Check]:
    """The Parquet files of batches against their entries."""
    logs = DecisionLogs.of(evidence.settings)
    with logs.reading() as databases:
        for stem, database in databases:
            if stem in ("", BATCHES) and BATCHES in chains(database):
                rows, problems = verify_batches(logs.folder, database)
                yield Check("batch files", rows, problems)
                return
    if problems := tuple(without_entry(logs.folder, ())):
        yield Check("batch files", 0, problems)


def decision_spools(evidence: Evidence) -> Iterator[Check]:
    """What waits beside the log for being written, and whether it is as it was left."""
    spools = Spools.of(evidence.settings)
    problems = [
        f"{path}: the copy of a spool that was altered; move it away once it is understood"
        for path in spools.damaged()
    ]
    waiting, notes = 0, list[str]()
    for path in (path for path in spools.paths() if path.stat().st_size):
        found = list(spools.read(path))
        records = [each for frame in found for each in frame.records or ()]
        problems += [f"{path}: a frame was altered" for frame in found if frame.records is None]
        waiting += len(records)
        if records:
            notes.append(f"{len(records):,} decisions wait in {path.name}, the oldest of {records[0].at}")
    if waiting or problems:
        yield Check("decision spools", waiting, tuple(problems), tuple(notes))


def ledger(evidence: Evidence) -> Iterator[Check]:
    """The chain of transfers with all that belongs to each, and the ledger's invariants."""
    settings, anchored = evidence.settings, evidence.heads().get(CHAIN, ())
    url = settings.database.get_secret_value()
    if not url and not settings.ledger.exists():
        if anchored:
            yield _gone(CHAIN, settings.ledger, anchored)
        return
    database = open_database(settings.ledger, url, PLACE, read_only=True)
    try:
        if database.has("chain") and database.has("transfers"):
            found = verify_ledger(database, anchored)
            yield Check(CHAIN, found.entries, (*found.problems, *broken_invariants(database)))
        elif anchored or not url:
            yield _gone(CHAIN, database.where, anchored)
    finally:
        database.close()


def _gone(name: str, where: object, anchored: Sequence[Head]) -> Check:
    last = max((head.seq for head in anchored), default=0)
    return Check(name, 0, (f"{name}: its tables are gone from {where}; entry {last:,} was anchored",))


def _checked(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except BankError as error:
        return Check(name, 0, (str(error),))


CHECKERS: tuple[Checker, ...] = (
    heads, decision_chains, shadow_chains, batch_files, decision_spools, ledger,
)  # fmt: skip


def as_data(checks: Iterable[Check]) -> list[dict[str, object]]:
    """The checks as JSON objects."""
    return [{**asdict(check), "intact": not check.problems} for check in checks]
