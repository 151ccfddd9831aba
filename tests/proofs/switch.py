"""A served bank under a stream of requests while its release is switched and a stop switch is used.

Every third switch is a bad one: an altered release, a policy that names an unknown segment, an older
record played back. In between a third release is tried, on some of the customers and in the shadow of
others' answers. No request may fail, no answer may mix two releases or be by one that its customer is not
on, and afterwards every decision computes again to the same bytes. Runs on a tiny bank of its own, over
HTTP on loopback.
"""

import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crm_rules.governance.candidates import Mode, Tryout
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import Journal
from crm_rules.governance.stops import Kind
from crm_rules.governance.switching import Switchboard
from crm_rules.trial import share_of
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit, decision_chains, shadow_chains
from monitoring.decision_log import DecisionLogs
from monitoring.shadow import compare, shadow_logs
from serving.bootstrap.edge import now
from serving.bootstrap.releases import open_archive
from serving.deciding.scoring import USE_CASES
from tests.conftest import Tiny, make_tiny
from tests.proofs.many import asking
from tests.proofs.stream import CREDIT, NBA, Seen, Stream, serving, until
from training.release.assemble import assemble

FEW = 2_000  # so few are all asked by those who look closely
STOPPED = (Kind.PRODUCT, "savings-term")


@dataclass(frozen=True)
class Outcome:
    """What a run found. Times are seconds from the end of the command to the first answer that obeys."""

    requests: int
    failed: Sequence[str]
    mixed: int
    refused: int
    bad: int
    replayed: int
    differ: int
    switched: Sequence[float]
    stopped: float
    started: float
    problems: Sequence[str]
    canary: int
    shadows: int
    lost: int

    @property
    def holds(self) -> bool:
        clean = not self.failed and not self.mixed and not self.differ and not self.problems and not self.lost
        tried = self.canary > 0 and self.shadows > 0
        return clean and tried and self.refused == self.bad and self.replayed >= self.requests

    def __str__(self) -> str:
        ms = [1_000 * each for each in (*self.switched, self.stopped, self.started)]
        return (
            f"switch: {len(self.switched)} good and {self.bad} bad switches ({self.refused} refused), "
            f"{self.requests:,} requests: {len(self.failed)} failed, {self.mixed} mixed; {self.replayed:,} "
            f"replayed, {self.differ} differ; {self.canary:,} by a canary, "
            f"{self.shadows:,} in the shadow; to the first answer by the new release median "
            f"{statistics.median(ms[:-2]):.0f} ms, most {max(ms[:-2]):.0f} ms; a stop switch "
            f"{ms[-2]:.0f} ms on, {ms[-1]:.0f} ms off: {'ok' if self.holds else 'MISS'}"
        )


def run(switches: int, requests: int, home: Path) -> Outcome:
    """Serve a tiny bank made in `home`, switch it so many times under so many requests at least."""
    tiny = make_tiny(home)
    second, tried = _release(tiny, "second", _stricter), Tried(tiny, _release(tiny, "tried", str))
    altered, targeted = _release(tiny, "third", str), _release(tiny, "fourth", _targeted)
    graph = tiny.releases / altered / "parts/propensity/card.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    policies = {tiny.release: "2026.1", second: "2026.second", tried.release: "2026.tried"}
    fast = requests * 9 // 10 if requests > FEW else 0
    with serving(home) as (stream, status), asking(stream, fast) as many:

        def asked() -> int:
            return len(stream.seen) + sum(each.answered for each in many)

        switcher = Switcher(tiny, stream, status, (second, tiny.release), (altered, targeted))
        for at in range(1, switches + 1):
            while asked() < requests * at // (switches + 2) and not stream.failed:
                time.sleep(0.002)  # spread over the requests
            switcher.bad() if at % 3 == 0 else switcher.good()
            tried.step(at, stream, status)
        stopped, started = _stop_and_start(tiny, stream)
        while asked() < requests and not stream.failed:
            time.sleep(0.01)
        refused = status()["switches"]["refused"]
    answers = [*stream.seen, *(seen for each in many for seen in each.seen())]
    mixed = sum(not _whole(seen, policies, second) or not tried.may(seen) for seen in answers)
    settings = Settings(home=home, profile="demo")
    archive, same = open_archive(settings), list[bool]()
    for case in USE_CASES:
        same += [archive.replay(each).same for each in DecisionLogs.of(settings).payloads(case, 1_000_000)]
    checks = audit(Evidence(settings), (decision_chains, shadow_chains))
    problems = [each for check in checks for each in check.problems]
    shadows = list(compare(shadow_logs(settings), DecisionLogs.of(settings), tried.release))
    failed = [*stream.failed, *(each for client in many for each in client.failed)]
    return Outcome(
        len(answers), failed, mixed, refused, switcher.spoilt, len(same), same.count(False),
        switcher.took, stopped, started, problems, sum(seen.release == tried.release for seen in answers),
        sum(each.differs.of for each in shadows), sum(each.lost for each in shadows),
    )  # fmt: skip


class Switcher:
    """Switches between two good releases, and now and then to what has to be refused."""

    def __init__(
        self, tiny: Tiny, stream: Stream, status: Callable[[], Any], good: Sequence[str], bad: Sequence[str]
    ) -> None:
        self._tiny, self._stream, self._status, self._good, self._bad = tiny, stream, status, good, bad
        self._path = tiny.releases / "current.json"
        self._first, self._number = self._path.read_bytes(), 1
        self.took, self.spoilt = list[float](), 0

    def good(self) -> None:
        """Switch to the other release; how long until an answer by it."""
        self._number += 1
        wanted, start = self._good[len(self.took) % 2], len(self._stream.seen)
        self._tiny.switch(wanted, self._number)
        since = time.monotonic()
        self.took.append(self._stream.first(lambda seen: seen.release == wanted, since, start))

    def bad(self) -> None:
        """An altered release, a policy of an unknown segment, or the first record of all played back."""
        kind, now_served = self.spoilt % 3, self._path.read_bytes()
        self.spoilt += 1
        if kind < len(self._bad):
            self._number += 1
            self._tiny.switch(self._bad[kind], self._number)
        else:
            self._path.write_bytes(self._first)
        until(lambda: self._status()["switches"]["refused"] == self.spoilt)
        if kind == len(self._bad):
            self._path.write_bytes(now_served)


class Tried:
    """A third release, tried now and then: a canary for some of those who ask, or in everybody's shadow."""

    def __init__(self, tiny: Tiny, release: str) -> None:
        self._tiny, self.release, self._number = tiny, release, 0
        first, *_ = sorted(share_of(release, name) for name in ("ann", "ben", "cat"))
        self._canary = Tryout(Mode.CANARY, int(100 * first) + 1)
        self._shadow = Tryout(Mode.SHADOW, 100)

    def step(self, at: int, stream: Stream, status: Callable[[], Any]) -> None:
        """After every switch: begin with a canary, end it, begin with a shadow, end it."""
        if (wanted := {1: self._canary, 2: None, 4: self._shadow, 5: None}.get(at % 6, at)) == at:
            return
        self._number += 1
        shown, start = wanted or self._canary, len(stream.seen)
        self._tiny.try_out(self.release if wanted else "", shown, self._number)
        named = self.release if wanted else None
        until(lambda: status()["candidate"]["release"] == named)
        if wanted is self._canary:
            stream.first(lambda seen: seen.release == self.release, time.monotonic(), start)
        elif wanted is self._shadow:
            until(lambda: status()["candidate"]["decided"] > 0)

    def may(self, seen: Seen) -> bool:
        """Whether this customer may have been answered by that release."""
        share = 100 * share_of(self.release, str(seen.said["customer_id"]))
        return seen.release != self.release or share < self._canary.percent


def _stop_and_start(tiny: Tiny, stream: Stream) -> tuple[float, float]:
    """Stop a product by one person and start it by two; how long until the first offer obeys."""
    with Journal.open(tiny.home / "governance.db", "", tiny.home / "heads") as journal:
        board = Switchboard(tiny.releases, journal, tiny.trust, Heads(tiny.home / "heads"))
        start = len(stream.seen)
        board.stop(STOPPED, tiny.signer("otto"), now(), "proof")
        stopped = stream.first(_stopped, time.monotonic(), start)
        board.start(STOPPED, tiny.signer("rita"), now(), "proof")
        board.start(STOPPED, tiny.signer("carla"), now(), "proof")
        start = len(stream.seen)
        return stopped, stream.first(lambda s: s.path == NBA and not _stopped(s), time.monotonic(), start)


def _stopped(seen: Seen) -> bool:
    if seen.path != NBA:
        return False
    out = {each["product_id"]: each["rules"] for each in seen.said["ruled_out"]}
    return "STOP-01" in out.get(STOPPED[1], ())


def _whole(seen: Seen, policies: dict[str, str], second: str) -> bool:
    """Whether everything an answer says is of the one release it names."""
    if policies.get(seen.release) != seen.policy:
        return False
    return seen.path != CREDIT or seen.said["outcome"] == ("refer" if seen.release == second else "approve")


def _release(tiny: Tiny, name: str, change: Callable[[str], str]) -> str:
    folder = tiny.home / "parts" / f"policy-{name}"
    shutil.copytree(tiny.parts["policy"], folder)
    path = folder / "policy.toml"
    path.write_text(change(path.read_text()).replace('version = "2026.1"', f'version = "2026.{name}"'))
    release = assemble(tiny.releases, {**tiny.parts, "policy": folder}, tiny.origin)
    tiny.sign(release)
    return release


def _stricter(policy: str) -> str:
    return re.sub(r"(?m)^amount_max = .*$", "amount_max = 1000", policy)


def _targeted(policy: str) -> str:
    return policy.replace("[targeting.only_for]", "[targeting.only_for]\nfund = ['S9']\n")


def main(requests: int = 50_000) -> int:
    """20 good switches and 10 bad ones under 50,000 requests, or so many; prints one line."""
    with tempfile.TemporaryDirectory(prefix="bank-switch-") as folder:
        found = run(30, requests, Path(folder))
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
