"""Promotions that are killed in the middle, again and again: the journal verifies, and each is live once.

A child process takes one step of a promotion (ask, three signatures, the switch) and is killed with -9 at a
random moment; the step is then taken again as a person would. After each kill serving must find a release
that verifies, the one before or the new one, and the audit no problem.
"""

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from crm_rules.errors import NotAllowed
from crm_rules.governance.heads import Heads
from crm_rules.governance.promotions import Promotions, Status
from feature_repo.settings import Settings
from monitoring.audit import Evidence, audit
from monitoring.promotion_audit import governance, people, releases
from tests.conftest import AT, Tiny
from tests.promoted import SIGNERS, changed_policy, opened, promoted_tiny
from training.release.current import current, last_seen
from training.release.verify import verify

Step = Callable[[], None]


class Killing:
    """Takes steps in children and kills them; counts what came of it."""

    def __init__(self, tiny: Tiny, seed: int) -> None:
        self.tiny, self._dice = tiny, random.Random(seed)
        self.kills, self.finished, self.problems = 0, 0, list[str]()
        self._longest = 0.2

    def take(self, step: Step) -> None:
        """Take a step until it was not killed."""
        while not self._once(step):
            self.kills += 1
            self.look()

    def _once(self, step: Step) -> bool:
        after = self._dice.uniform(0, 1.8 * self._longest)
        started, child = time.monotonic(), os.fork()
        if child == 0:
            step()
            os._exit(0)
        while time.monotonic() - started < after:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                self._longest = max(self._longest, time.monotonic() - started)
                return self._ended(status)
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return not os.WIFSIGNALED(status) and self._ended(status)

    def _ended(self, status: int) -> bool:
        self.finished += 1
        if status:
            self.problems.append(f"a step ended with status {status}")
        return True

    def look(self) -> None:
        """What serving and the audit find now."""
        settings = Settings(home=self.tiny.home, profile="demo")
        checks = audit(Evidence(settings), (people, governance, releases))
        self.problems += [problem for check in checks for problem in check.problems]
        named = current(self.tiny.releases, self.tiny.trust, last_seen(Heads(settings.heads)))
        verify(self.tiny.releases, named.release, self.tiny.trust)


def promote(killing: Killing, cut_off: float) -> str:
    """One policy through request, signatures and switch, killed wherever it is; the digest now live."""
    tiny = killing.tiny
    wanted = changed_policy(tiny, cut_off)

    def ask() -> None:
        with opened(tiny) as desk:
            desk.finish()
            if not _open(desk.state()):
                desk.ask([wanted], tiny.origin, tiny.signer("dana"), AT)

    def approve(person: str) -> Step:
        def sign() -> None:
            with opened(tiny) as desk:
                desk.finish()
                for request in _open(desk.state()):
                    try:
                        desk.approve(request, tiny.signer(person), AT)
                    except NotAllowed as refused:
                        assert "has signed it" in str(refused)  # noqa: PT017  # no test: a child of the proof

        return sign

    killing.take(ask)
    for person in SIGNERS.values():
        killing.take(approve(person))
    with opened(tiny) as desk:
        return desk.state().live["policy"]


def _open(state: Promotions) -> list[str]:
    return [each.id for each in state.requests.values() if each.status in (Status.WAITS, Status.APPROVED)]


def prove(home: Path, promotions: int, seed: int = 7) -> tuple[Killing, bool]:
    """So many promotions under kills; whether each became live exactly once and everything verifies."""
    killing = Killing(promoted_tiny(home), seed)
    live = [promote(killing, round(0.01 + 0.001 * at, 4)) for at in range(promotions)]
    killing.look()
    with opened(killing.tiny) as desk:
        state = desk.state()
    asked = len([each for each in state.requests.values() if each.status is Status.LIVE]) - 1
    once = asked == promotions == len(state.switches) - 1 == len(set(live))
    return killing, once and not killing.problems


def main(promotions: int = 20) -> int:
    """Twenty promotions, or so many; prints one line."""
    with tempfile.TemporaryDirectory() as folder:
        killing, holds = prove(Path(folder) / "home", promotions)
    sys.stdout.write(
        f"promotion: {promotions} promotions, {killing.kills} kills, {len(killing.problems)} problems: "
        f"{'ok' if holds else 'MISS'}\n" + "".join(f"  {problem}\n" for problem in killing.problems[:20])
    )
    return 0 if holds else 1


if __name__ == "__main__":
    raise SystemExit(main(*map(int, sys.argv[1:2])))
