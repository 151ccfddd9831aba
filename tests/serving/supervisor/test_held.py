"""Who serves a home: held by one, told to others, forgotten with its process."""

import fcntl
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from serving.supervisor.held import FILE, Serving, hold, holder, started


def test_a_home_is_held_by_one_and_says_by_whom(tmp_path: Path) -> None:
    with hold(tmp_path, "127.0.0.1", 3000, 2) as mine:
        assert mine is not None
        assert (
            holder(tmp_path) == mine == Serving(os.getpid(), started(os.getpid()) or 0, "127.0.0.1", 3000, 2)
        )
        assert mine.alive
        with hold(tmp_path, "127.0.0.1", 3001, 1) as other:
            assert other is None
    assert holder(tmp_path) is None


def test_somebody_who_only_looks_keeps_nobody_from_serving(tmp_path: Path) -> None:
    with (tmp_path / FILE).open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_EX)
        done = threading.Timer(0.05, fcntl.flock, [looking, fcntl.LOCK_UN])
        done.start()
        with hold(tmp_path, "127.0.0.1", 3000, 1) as mine:
            done.join()
            assert mine is not None


def test_only_the_owner_may_read_who_serves(tmp_path: Path) -> None:
    with hold(tmp_path, "127.0.0.1", 3000, 1):
        assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_what_a_killed_one_left_counts_as_nobody(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps({"pid": 1, "started": 0, "host": "h", "port": 1, "workers": 1}))
    assert holder(tmp_path) is None
    with hold(tmp_path, "127.0.0.1", 3000, 1) as mine:
        assert mine == holder(tmp_path)


def test_another_process_with_the_same_id_is_not_the_one_that_served() -> None:
    assert not Serving(os.getpid(), 1, "127.0.0.1", 3000, 1).alive


def test_a_process_that_has_ended_has_no_start() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as done:
        done.wait()
    assert started(done.pid) is None
