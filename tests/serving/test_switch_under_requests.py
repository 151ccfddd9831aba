"""The quick form of `make prove-switch`: a real server, requests all the time, switches in between."""

import sys
from pathlib import Path

from tests.proofs.switch import run


def test_switches_lose_no_request_and_mix_no_answer(tmp_path: Path) -> None:
    found = run(switches=6, requests=300, home=tmp_path)
    sys.stdout.write(f"{found}\n")
    assert found.failed == []
    assert (found.mixed, found.differ, found.problems) == (0, 0, [])
    assert (found.refused, found.bad, len(found.switched)) == (2, 2, 4)
    assert found.replayed >= found.requests >= 300
    assert found.holds
