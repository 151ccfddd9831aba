"""A worker process of a batch: loads the release once, then decides the partitions it is told.

Started as `python -m serving.batch.worker`; it ends with the batch that started it, however that ends.
"""

import ctypes
import os
import signal
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from feature_repo.errors import BankError
from feature_repo.packed_rows import open_rows
from serving.batch.chunks import loaded_for_long
from serving.batch.orders import Told, hear, say, settings_of
from serving.batch.partition import Partitions
from serving.batch.run import BatchRun
from serving.bootstrap.stores import open_uses
from serving.errors import ModelStopped
from serving.pipeline.bootstrap import partitions
from training.release.errors import MissingPart

PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


def main() -> int:
    """Work until no more orders come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the batch's to take
    if _orphaned(parent=int(sys.argv[1])) or (opening := hear(sys.stdin)) is None:
        return 1
    settings, folder = settings_of(opening), Path(opening["folder"])
    try:
        with open_rows(settings) as rows, closing(open_uses(settings)) as uses:
            run = BatchRun.read(folder)
            work = partitions(settings, run, folder, rows, uses, lambda rows: _tell(Told(rows)))
            with loaded_for_long():
                _serve(work)
    except BankError as error:
        _tell(Told(error=str(error)))
    return 0


def _serve(work: Partitions) -> None:
    while (order := hear(sys.stdin)) is not None:
        try:
            work.decide(order["partition"])
            _tell(Told(done=order["partition"]))
        except (MissingPart, ModelStopped) as missing:
            _tell(Told(error=str(missing), left_out=True))


def _tell(told: Told) -> None:
    say(sys.stdout, asdict(told))


def _orphaned(parent: int) -> bool:
    """From now on end with the parent; whether it has ended before that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH, signal.SIGKILL, 0, 0, 0)
    return os.getppid() != parent


if __name__ == "__main__":
    sys.exit(main())
