"""The supervisor over real processes: what dies is started again, what is to end ends, nothing is left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from serving.supervisor.bound import ORPHANED
from tests.proofs.served import ROOT, children, gone

CHILDREN = {
    "well": "import os, time\nos.write(int(os.environ['BANK_PULSE']), b'.')\ntime.sleep(60)\n",
    "stubborn": "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "os.write(int(os.environ['BANK_PULSE']), b'.')\ntime.sleep(60)\n",
    "silent": "import time\ntime.sleep(60)\n",
    "refuses": "raise SystemExit(78)\n",
    "dies": "raise SystemExit(1)\n",
    "once": "import os, time\nruns = open(__file__ + '.runs', 'a')\nruns.write('.')\nruns.close()\n"
    "assert os.path.getsize(runs.name) == 1\nos.write(int(os.environ['BANK_PULSE']), b'.')\ntime.sleep(0.5)\n"
    "open(__file__ + '.well', 'w').close()\ntime.sleep(60)\n",
}
DRIVER = """
import os, socket, sys
from serving.supervisor import child, watching
from serving.supervisor.child import Child
from serving.worker.logs import to_stderr

to_stderr("bank")
child.FIRST_WAIT, watching.GRACE, watching.STARTS_WITHIN = 0.01, 1.0, float(sys.argv[1])
names = sys.argv[2:]
workers = [Child(f"worker-{n}", name, [], dict(os.environ)) for n, name in enumerate(names, 1)]
listening = socket.create_server(("127.0.0.1", 0))
gone = lambda name: print("gone", name, flush=True)
sys.exit(watching.Supervisor(workers, [], listening, watching.Signals(), gone).run())
"""
Start = Callable[..., "Watched"]


@dataclass
class Watched:
    """A supervisor in a process of its own."""

    process: subprocess.Popen[str]

    @property
    def children(self) -> list[int]:
        return children(self.process.pid)

    def ended(self) -> tuple[int, str]:
        out, said = self.process.communicate(timeout=30)
        return self.process.returncode, out + said


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    for name, source in CHILDREN.items():
        (tmp_path / f"{name}.py").write_text(source)
    running = []

    def started(*names: str, starts_within: float = 30) -> Watched:
        environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", DRIVER, str(starts_within), *names], env=environment, text=True,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )
        )  # fmt: skip
        return Watched(running[-1])

    yield started
    for process in running:
        process.kill()
        process.communicate()


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(watched: Watched, name: str, count: int) -> bool:
    """Whether so many children have become the module."""
    commands = [Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in watched.children]
    return sum(name in command for command in commands) == count


def test_a_killed_worker_is_started_again_and_the_other_one_goes_on(start: Start) -> None:
    watched = start("well", "well")
    until(lambda: runs(watched, "well", 2))
    first, second = watched.children
    os.kill(first, signal.SIGKILL)
    until(lambda: runs(watched, "well", 2) and first not in watched.children)
    assert second in watched.children


def test_who_is_asked_to_end_ends_with_its_children(start: Start) -> None:
    watched = start("well", "well")
    until(lambda: runs(watched, "well", 2))
    pids = watched.children
    watched.process.send_signal(signal.SIGTERM)
    code, said = watched.ended()
    assert (code, gone(pids)) == (0, True)
    assert '"ended in order"' in said


def test_a_child_that_does_not_end_is_killed(start: Start) -> None:
    watched = start("stubborn")
    until(lambda: runs(watched, "stubborn", 1))
    pids = watched.children
    time.sleep(0.3)  # it has to ignore the signal by now
    watched.process.send_signal(signal.SIGINT)
    code, _ = watched.ended()
    assert (code, gone(pids)) == (0, True)


def test_a_child_without_a_sign_of_life_is_killed_until_the_service_gives_up(start: Start) -> None:
    code, said = start("silent", starts_within=0.3).ended()
    assert code == 1
    assert said.count("gave no sign of life") == said.count("gone worker-1") == 5


def test_a_worker_that_dies_at_its_start_is_given_up(start: Start) -> None:
    watched = start("dies", "well")
    code, said = watched.ended()
    assert (code, said.count("gone worker-1")) == (1, 5)


def test_a_worker_that_was_well_is_tried_on_while_another_one_answers(start: Start, tmp_path: Path) -> None:
    watched, runs_of = start("once", "well"), tmp_path / "once.py.runs"
    until(lambda: (tmp_path / "once.py.well").exists() and runs(watched, "well", 1))
    once = [pid for pid in watched.children if "once" in Path(f"/proc/{pid}/cmdline").read_text().split("\0")]
    os.kill(once[0], signal.SIGKILL)
    until(lambda: runs_of.stat().st_size > 7)
    assert watched.process.poll() is None


def test_a_worker_that_said_why_it_cannot_start_is_not_started_again(start: Start) -> None:
    code, said = start("refuses").ended()
    assert (code, said.count("gone worker-1")) == (1, 1)


def test_children_die_with_a_killed_supervisor(start: Start) -> None:
    watched = start("stubborn", "well")
    until(lambda: runs(watched, "well", 1) and runs(watched, "stubborn", 1))
    pids = watched.children
    watched.process.kill()
    until(lambda: gone(pids))


def test_a_child_whose_parent_is_another_one_ends_before_it_begins() -> None:
    command = [sys.executable, "-m", "serving.supervisor.bound", "1", "this"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (ORPHANED, b"")
