"""Each server a bank depends on is stopped, then hung, under load: what is answered then, and how soon after.

Online rows lie in Redis, everything that is written in PostgreSQL, each behind a wire of our own that is cut
or goes silent. While online rows are away, offers and recommendations are answered and flagged, and credit
is referred, never approved or declined; while the database is away, decisions wait in the spool, and what
books or reads points is a 503 that says when to ask again. Within five seconds after the wire is whole
everything is as before; then every decision that was given is in the log exactly once and the chains verify.
Runs on a tiny bank of its own on loopback. `python -m tests.proofs.down [SECONDS]`.
"""

import itertools
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit, decision_chains
from monitoring.decision_log import DecisionLogs
from tests.conftest import CUSTOMERS, Tiny, make_tiny
from tests.proofs.proxy import Proxy, Wire, proxied
from tests.proofs.served import NBA, Bank, served

SECONDS, BACK, CLIENTS = 10.0, 5.0, 2
SLOWEST = 5.0  # seconds an answer may take while something hangs: twice what the database is waited for
CREDIT, RECOMMEND, ACCOUNT = "/v1/decisions/credit", "/v1/score/recommendation", "/v1/loyalty/account"
ASKED: tuple[tuple[str, dict[str, object]], ...] = (
    (NBA, {"customer_id": "ann"}),
    (CREDIT, {"customer_id": "ann", "amount": 6000, "term_months": 24, "declared_income": 5000}),
    (RECOMMEND, {"customer_id": "ben"}),
    (ACCOUNT, {"customer_id": "ann"}),
)
IN_LOG = "SELECT decision_id FROM payloads"
GOOD = {NBA: {"200"}, CREDIT: {"200 approve"}, RECOMMEND: {"200"}, ACCOUNT: {"200"}}
AS_TOLD: Mapping[str, Mapping[str, set[str]]] = {
    "online rows": {
        NBA: {"200 online_rows"}, CREDIT: {"200 refer online_rows"}, RECOMMEND: {"200 online_rows"},
        ACCOUNT: {"200"},
    },
    "database": {NBA: {"200"}, CREDIT: {"200 approve"}, RECOMMEND: {"200"}, ACCOUNT: {"503"}},
}  # fmt: skip


@dataclass
class Seen:
    """What clients saw since they were told to begin anew."""

    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def copy(self) -> "Seen":
        """What was seen until now; what is on its way is not part of it."""
        return Seen(self.said.copy(), [*self.seconds])


@dataclass
class Clients:
    """Threads that ask one question after another; `given` are the decisions they were given."""

    bank: Bank
    seen: Seen = field(default_factory=Seen)
    given: list[str] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)

    def ask(self, asked: Sequence[tuple[str, dict[str, object]]]) -> None:
        for path, body in itertools.cycle(asked):
            if self.end.is_set():
                return
            seen, started = self.seen, time.monotonic()
            status, said = self.bank.ask(path, body)
            seen.seconds.append(time.monotonic() - started)
            seen.said[path, word(status, said)] += 1
            if status == 200 and "decision_id" in said:
                self.given.append(said["decision_id"])


def word(status: int, said: Any) -> str:
    """An answer in a few words: its status, what was decided of an application, and what was degraded."""
    if status != 200:
        return str(status)
    outcome = [said["outcome"]] if isinstance(said.get("outcome"), str) else []
    return " ".join([str(status), *outcome, *said.get("degraded", [])])


@dataclass
class Outcome:
    """What a run found: by what was done to which server, the odd answers, p99, seconds until it was back."""

    asked: int = 0
    odd: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    slowest: dict[str, float] = field(default_factory=dict)
    back: dict[str, float] = field(default_factory=dict)
    lost: int = 0
    doubled: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        clean = not any(self.odd.values()) and not self.lost and not self.doubled and not self.problems
        in_time = max(self.back.values()) <= BACK and max(self.slowest.values()) <= SLOWEST
        return clean and in_time and self.asked > 0

    def __str__(self) -> str:
        each = "; ".join(
            f"{name}: {sum(odd.values())} not as the table says{dict(odd) if odd else ''}, p99 "
            f"{1_000 * self.slowest[name]:.0f} ms, back after {self.back[name]:.1f} s"
            for name, odd in self.odd.items()
        )
        return (
            f"down: {self.asked:,} questions; {each}; {self.lost} decisions lost, {self.doubled} doubled, "
            f"{len(self.problems)} problems of the chains: {'ok' if self.holds else 'MISS'}"
        )


def run(home: Path, postgres: str, redis: str, seconds: float) -> Outcome:
    """Serve a tiny bank over both servers, and take each away twice."""
    outcome, tiny, there = Outcome(), make_tiny(home), urlsplit(postgres)
    cache = urlsplit(redis)
    with (
        database(postgres) as name,
        proxied(there.hostname or "127.0.0.1", there.port or 5432) as written,
        proxied(cache.hostname or "127.0.0.1", cache.port or 6379) as rows,
    ):
        environment = {
            "BANK_ONLINE_STORE": "redis", "BANK_REDIS_PREFIX": name,
            "BANK_REDIS_URL": f"redis://127.0.0.1:{rows.port}{cache.path}",
            "BANK_DATABASE": f"postgresql://{there.username}@127.0.0.1:{written.port}/{name}",
        }  # fmt: skip
        with put(environment):
            settings = Settings(home=home)
            _load(tiny, settings)
            try:
                with served(home) as bank:
                    clients = _watched(bank, {"online rows": rows, "database": written}, seconds, outcome)
                _held(settings, clients, outcome)
            finally:
                with open_rows(settings, read_only=False) as left:
                    left.drop([*left.columns()])
    return outcome


def _watched(bank: Bank, wires: Mapping[str, Proxy], seconds: float, outcome: Outcome) -> Clients:
    clients = Clients(bank)
    threads = [
        threading.Thread(target=clients.ask, args=[asked])
        for asked in (ASKED[:-1], ASKED[-1:]) * CLIENTS  # who waits for points keeps no decision waiting
    ]
    for each in threads:
        each.start()
    _until_good(clients)  # everybody was read once
    for name, wire in wires.items():
        for how in (Wire.CUT, Wire.SILENT):
            wire.set(how)
            time.sleep(1.5)  # what was on its way is answered
            clients.seen = Seen()
            time.sleep(seconds)
            seen, clients.seen = clients.seen.copy(), Seen()
            wire.set(Wire.WHOLE)
            key, wanted = f"{name} {how.value}", AS_TOLD[name]
            outcome.back[key] = _until_good(clients)
            odd = {pair: n for pair, n in seen.said.items() if pair[1] not in wanted[pair[0]]}
            odd |= {
                (path, "no answer"): 1 for path in wanted if path not in {asked for asked, _ in seen.said}
            }
            outcome.odd[key] = Counter(odd)
            slow = sorted(seen.seconds) or [seconds]  # nothing at all was answered
            outcome.slowest[key] = slow[int(0.99 * len(slow))]
            outcome.asked += sum(seen.said.values())
    clients.end.set()
    for each in threads:
        each.join()
    return clients


def _until_good(clients: Clients) -> float:
    """Seconds until everything asked within half a second is answered as ever."""
    started = time.monotonic()
    while time.monotonic() < started + 30:
        clients.seen, began = Seen(), time.monotonic() - started
        time.sleep(0.5)
        said = clients.seen.said
        paths = {path for path, _ in said}
        if paths == GOOD.keys() and all(answer in GOOD[path] for path, answer in said):
            return began
    return 30.0


def _held(settings: Settings, clients: Clients, outcome: Outcome) -> None:
    """Each decision that was given is in the log once, and the chains verify."""
    logs = DecisionLogs.of(settings)
    with logs.reading() as databases:
        ids = Counter(
            row[0] for _, db in databases for row in db.stream("SELECT decision_id FROM payloads", ())
        )
    outcome.lost = sum(ids[each] == 0 for each in clients.given)
    outcome.doubled = sum(ids[each] > 1 for each in clients.given)
    for check in audit(Evidence(settings), (decision_chains,)):
        outcome.problems += [str(each) for each in check.problems]


def _load(tiny: Tiny, settings: Settings) -> None:
    """The tiny bank's online rows, in Redis."""
    with PackedRows.open(tiny.online) as there, open_rows(settings, read_only=False) as rows:
        for view, columns in there.columns().items():
            found = there.read(list(CUSTOMERS), [view])
            kept = found.event_us[:, 0] >= 0
            ids = [name for name, has in zip(found.customer_ids, kept, strict=True) if has]
            rows.write(view, columns, ids, found.event_us[kept, 0], found.values[kept])


@contextmanager
def database(url: str) -> Iterator[str]:
    """A PostgreSQL database of this run alone, dropped at the end; its name."""
    import psycopg

    name = f"bank_down_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def put(environment: Mapping[str, str]) -> Iterator[None]:
    """These variables in the environment, until the end of the block."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def main() -> int:
    postgres, redis = os.environ.get("BANK_TEST_POSTGRES"), os.environ.get("BANK_TEST_REDIS")
    if not postgres or not redis:
        sys.stderr.write("down: BANK_TEST_POSTGRES and BANK_TEST_REDIS name the two servers.\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), postgres, redis, float(sys.argv[1]) if sys.argv[1:] else SECONDS)
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
