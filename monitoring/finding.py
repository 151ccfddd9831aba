"""One decision by its id, wherever it is: in a worker's log, in a spool beside it, in a file of a batch."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from crm_rules.database import Database, Sqlite
from crm_rules.errors import DatabaseUnavailable
from crm_rules.governance.append_only import chains
from crm_rules.postgres import Postgres
from feature_repo.settings import Settings
from monitoring.decision_log import ERASED, ONE, DecisionLogs, chain_of
from monitoring.errors import BadSpoolKey, UnknownDecision
from monitoring.spool import Spools

if TYPE_CHECKING:
    from monitoring.batch_index import BatchFile

Mark = tuple[int, int, int]
WAIT = 2.0  # seconds for a server
MOST_OPEN = 64  # batch files at once


class Finder:
    """Finds decisions for many who ask; its databases stay open. Safe to call from several threads."""

    def __init__(self, logs: DecisionLogs, spools: Spools) -> None:
        self._logs, self._spools = logs, spools
        self._open: dict[Path | None, tuple[tuple[int, int] | None, Database]] = {}
        self._batches = BatchFiles(logs.folder)
        self._turn = threading.Lock()

    @classmethod
    def of(cls, settings: Settings) -> "Finder":
        """Over what these settings say."""
        return cls(DecisionLogs.of(settings), Spools.of(settings))

    def find(self, decision_id: str) -> bytes:
        """The payload of one decision; UnknownDecision when there is none, or it was erased.

        DatabaseUnavailable when a log cannot be read and the decision is nowhere else.
        """
        if not decision_id.isprintable():  # no database or file holds such an id
            raise UnknownDecision(decision_id)
        # what waits comes into the log before it leaves its spool, so it is missed in neither
        try:
            found, unreadable = self._spools.find(decision_id), None
        except (BadSpoolKey, OSError) as error:
            found, unreadable = None, DatabaseUnavailable("of the decision spools", type(error).__name__)
        if found is None:
            with self._turn:
                found = self._logged(decision_id)
        if found is None:
            raise unreadable or UnknownDecision(decision_id)
        return found

    def knows(self, decision_id: str) -> bool:
        """Whether the decision is anywhere, or was and was erased."""
        try:
            return bool(self.find(decision_id))
        except UnknownDecision:
            names = (decision_id, ERASED + decision_id) if decision_id.isprintable() else ()
            return any(self._logs.knows(name) for name in names)

    def close(self) -> None:
        """Close every database."""
        with self._turn:
            for _, database in self._open.values():
                database.close()
            self._open.clear()
            self._batches.close()

    def _logged(self, decision_id: str) -> bytes | None:
        try:
            found, unreadable = self._live(decision_id), None
        except DatabaseUnavailable as error:
            found, unreadable = None, error
        except OSError as error:  # a file that went between two looks at it
            found, unreadable = None, DatabaseUnavailable("of the decision log", type(error).__name__)
        if found is None:
            found = self._batches.find(decision_id)
        if found is None and unreadable is not None:
            raise unreadable
        return found

    def _live(self, decision_id: str) -> bytes | None:
        for name, database in self._databases():
            for chain in [name] if name else chains(database):
                for row in database.ask(ONE, (chain, decision_id)):
                    return bytes(row[0])
        return None

    def _databases(self) -> Iterator[tuple[str, Database]]:
        """Each database with the name of its one chain, "" where it has several."""
        if self._logs.url:
            yield "", self._server()
            return
        for path in sorted(self._logs.folder.glob("*.db")):
            mark = _mark(path)
            if self._open.get(path, (None, None))[0] != mark:
                self._drop(path)
                self._open[path] = mark, Sqlite(path, read_only=True)
            database = self._open[path][1]
            if database.has("payloads"):
                yield chain_of(path.stem), database

    def _server(self) -> Database:
        """The connection; one that ended since is opened again when it is next asked."""
        if None not in self._open:
            self._open[None] = None, Postgres(self._logs.url, self._logs.schema, WAIT)
        database = self._open[None][1]
        with suppress(DatabaseUnavailable):
            database.ask("SELECT 1")
        return database

    def _drop(self, path: Path | None) -> None:
        before = self._open.pop(path, None)
        if before is not None:
            before[1].close()


def _mark(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


class BatchFiles:
    """The batch files of a folder, those opened last still open. Asked by one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[Path, tuple[Mark, BatchFile]] = {}

    def find(self, decision_id: str) -> bytes | None:
        """The payload of a decision from any of the files; None where none has it.

        DatabaseUnavailable when a file cannot be read and no other has it.
        """
        from monitoring.batch_log import files  # pyarrow comes with it: only who looks in a batch pays

        unreadable = None
        for path in files(self._folder):
            try:
                found = self._file(path).find(decision_id)
            except (OSError, ValueError) as error:  # pyarrow tells of a damaged file by either
                found, unreadable = None, DatabaseUnavailable(path.name, type(error).__name__)
            if found is not None:
                return found
        if unreadable is not None:
            raise unreadable
        return None

    def close(self) -> None:
        """Close every file."""
        for _, file in self._open.values():
            file.close()
        self._open.clear()

    def _file(self, path: Path) -> "BatchFile":
        from monitoring.batch_index import BatchFile

        found = path.stat()
        mark, before = (found.st_ino, found.st_size, found.st_mtime_ns), self._open.pop(path, None)
        if before is not None and before[0] != mark:
            before[1].close()
            before = None
        self._open[path] = before or (mark, BatchFile(path))  # the newest stands last
        while len(self._open) > MOST_OPEN:
            self._open.pop(next(iter(self._open)))[1].close()
        return self._open[path][1]
