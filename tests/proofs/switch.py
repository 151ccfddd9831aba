"""A served bank under a stream of requests while its release is switched and a stop switch is used.

Every third switch is a bad one: an altered release, a policy that names an unknown segment, an older
record played back. No request may fail, no answer may mix two releases, and afterwards every decision
computes again to the same bytes. Runs on a tiny bank of its own, over HTTP on loopback.
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

from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import Journal
from crm_rules.governance.stops import Kind
from crm_rules.governance.switching import Switchboard
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit, decision_chains
from monitoring.decision_log import DecisionLogs
from serving.bootstrap import now, open_archive
from serving.deciding.scoring import USE_CASES
from tests.conftest import Tiny, make_tiny
from tests.proofs.stream import CREDIT, NBA, Seen, Stream, serving, until
from training.release.assemble import assemble

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

    @property
    def holds(self) -> bool:
        clean = not self.failed and not self.mixed and not self.differ and not self.problems
        return clean and self.refused == self.bad and self.replayed >= self.requests

    def __str__(self) -> str:
        ms = [1_000 * each for each in (*self.switched, self.stopped, self.started)]
        return (
            f"switch: {len(self.switched)} good and {self.bad} bad switches ({self.refused} refused), "
            f"{self.requests:,} requests: {len(self.failed)} failed, {self.mixed} mixed; {self.replayed:,} "
            f"replayed, {self.differ} differ; to the first answer by the new release median "
            f"{statistics.median(ms[:-2]):.0f} ms, most {max(ms[:-2]):.0f} ms; a stop switch "
            f"{ms[-2]:.0f} ms on, {ms[-1]:.0f} ms off: {'ok' if self.holds else 'MISS'}"
        )


def run(switches: int, requests: int, home: Path) -> Outcome:
    """Serve a tiny bank made in `home`, switch it so many times under so many requests at least."""
    tiny = make_tiny(home)
    second = _release(tiny, "second", _stricter)
    altered, targeted = _release(tiny, "third", str), _release(tiny, "fourth", _targeted)
    graph = tiny.releases / altered / "parts/propensity/card.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\x00")
    policies = {tiny.release: "2026.1", second: "2026.second"}
    with serving(home) as (stream, status):
        switcher = Switcher(tiny, stream, status, (second, tiny.release), (altered, targeted))
        for at in range(1, switches + 1):
            while len(stream.seen) < requests * at // (switches + 2) and not stream.failed:
                time.sleep(0.002)  # spread over the requests
            switcher.bad() if at % 3 == 0 else switcher.good()
        stopped, started = _stop_and_start(tiny, stream)
        while len(stream.seen) < requests and not stream.failed:
            time.sleep(0.01)
        refused = status()["switches"]["refused"]
    mixed = sum(not _whole(seen, policies, second) for seen in stream.seen)
    settings = Settings(home=home, profile="demo")
    archive, same = open_archive(settings), list[bool]()
    for case in USE_CASES:
        same += [archive.replay(each).same for each in DecisionLogs.of(settings).payloads(case, 1_000_000)]
    problems = [each for check in audit(Evidence(settings), (decision_chains,)) for each in check.problems]
    return Outcome(
        len(stream.seen), stream.failed, mixed, refused, switcher.spoilt, len(same), same.count(False),
        switcher.took, stopped, started, problems,
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


def main() -> int:
    """20 good switches and 10 bad ones under 5,000 requests; prints one line."""
    with tempfile.TemporaryDirectory(prefix="bank-switch-") as folder:
        found = run(30, 5_000, Path(folder))
    sys.stdout.write(f"{found}\n")
    return 0 if found.holds else 1


if __name__ == "__main__":
    sys.exit(main())
