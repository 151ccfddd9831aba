"""A process that serves decisions behind a spool and dies at a given step: what the tests of crashes start.

Its arguments: folder, URL and schema of the logs, where to die, and at which time it gets there.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from monitoring import spool as spool_module
from monitoring import spooled as spooled_module
from monitoring.decision_log import DecisionLog, DecisionLogs, Record
from monitoring.errors import LogUnavailable
from monitoring.spool import Spools
from monitoring.spooled import Spooled, open_spooled

STEPS = ("before-held", "before-append", "after-append", "before-truncate", "after-truncate", "before-fsync")


def places(folder: Path, url: str, schema: str) -> tuple[DecisionLogs, Spools]:
    logs = DecisionLogs(folder / "decisions", folder / "heads", url, schema)
    return logs, Spools(folder / "decisions" / "spool", folder / "spool.key", 1 << 20)


def record(number: int) -> Record:
    return Record(f"d{number}", f"2026-01-01T00:00:{number % 60:02}+00:00", "credit", "c", b"%d" % number)


class Down:
    """Makes the log unavailable while it is `on`."""

    on = False


def breakable() -> None:
    """From now on an append fails while Down is on."""
    append = DecisionLog.append

    def broken(self: DecisionLog, records: Any) -> None:
        if Down.on:
            raise LogUnavailable(self.where, "down")
        append(self, records)

    DecisionLog.append = broken  # type: ignore[method-assign]


def dies(step: str, times: int) -> None:
    """Die before or after a call, when it happens for that many times."""
    when, name = step.split("-")
    where: Any = {"held": DecisionLog, "append": DecisionLog, "truncate": os, "fsync": os}[name]
    called = {"truncate": "ftruncate"}.get(name, name)
    work: Callable[..., Any] = getattr(where, called)
    left = [times]

    def deadly(*given: Any) -> Any:
        left[0] -= 1
        if not left[0] and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        found = work(*given)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    setattr(where, called, deadly)


def answer(sink: Spooled, numbers: range) -> None:
    for number in numbers:
        sink.append([record(number)])
        sys.stdout.write(f"d{number}\n")
        sys.stdout.flush()


def main(folder: str, url: str, schema: str, step: str, times: str) -> None:
    breakable()
    spooled_module.AT_ONCE = 2
    logs, spools = places(Path(folder), url, schema)
    sink = open_spooled(logs, spools, "worker-1")
    answer(sink, range(2))
    Down.on = True
    if step == "before-fsync":
        dies(step, int(times))
    answer(sink, range(2, 7))
    Down.on = False
    if step != "before-fsync":
        dies(step, int(times))
    sink.drain()
    answer(sink, range(7, 9))
    sink.close()


assert spool_module.os is os

if __name__ == "__main__":
    main(*sys.argv[1:])
