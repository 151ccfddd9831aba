"""A worker says that it is well as long as its engine lives, and ends when it does not."""

import os
import subprocess
import sys

from serving.worker.well import DEAD
from tests.proofs.served import ROOT

WORKER = """
import asyncio
from serving.worker import well

well.EVERY = 0.01
beats = iter([True, True, True, False])

async def main():
    task = well.begin(lambda: next(beats))
    await asyncio.sleep(30)

asyncio.run(main())
"""


def test_a_worker_beats_until_its_engine_dies_and_then_ends() -> None:
    mine, theirs = os.pipe()
    environment = {**os.environ, "BANK_PULSE": str(theirs), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WORKER]
    done = subprocess.run(command, env=environment, pass_fds=[theirs], timeout=30, check=False)
    os.close(theirs)
    assert done.returncode == DEAD
    assert os.read(mine, 100) == b"..."
    os.close(mine)


def test_a_worker_without_a_supervisor_ends_as_well() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "BANK_PULSE"}
    command = [sys.executable, "-c", WORKER]
    done = subprocess.run(command, env={**environment, "PYTHONPATH": str(ROOT)}, timeout=30, check=False)
    assert done.returncode == DEAD
