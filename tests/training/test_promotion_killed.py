"""A few promotions under kills; `make prove-promotion` takes twenty."""

from pathlib import Path

from tests.proofs.promotion import prove


def test_killed_promotions_become_live_once_and_everything_verifies(tmp_path: Path) -> None:
    killing, holds = prove(tmp_path / "home", 3)
    assert killing.problems == []
    assert holds
    assert killing.finished >= 3 * 4
