from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_rules.errors import InvalidSwitches
from crm_rules.governance.switches import Switches

AT = datetime(2026, 5, 1, tzinfo=UTC)


def test_without_a_file_nothing_is_stopped(tmp_path: Path) -> None:
    assert Switches.load(tmp_path / "s.json").stopped_products(["p1"]).tolist() == [False]


def test_one_person_stops_and_the_file_remembers(tmp_path: Path) -> None:
    Switches.load(tmp_path / "s.json").stop("products", "p2", "otto", AT, "wrong rate")
    again = Switches.load(tmp_path / "s.json")
    assert again.stopped_products(["p1", "p2"]).tolist() == [False, True]
    assert again.products[0].reason == "wrong rate"
    assert again.in_force("models") == frozenset()


def test_two_people_release_and_the_history_stays(tmp_path: Path) -> None:
    stopped = Switches.load(tmp_path / "s.json").stop("models", "credit_risk", "otto", AT, "drift")
    with pytest.raises(InvalidSwitches, match="two people"):
        stopped.release("models", "credit_risk", ("otto", "otto"), AT, "fixed")
    assert Switches.load(tmp_path / "s.json").in_force("models") == {"credit_risk"}
    stopped.release("models", "credit_risk", ("otto", "rita"), AT, "fixed")
    again = Switches.load(tmp_path / "s.json")
    assert again.in_force("models") == frozenset()
    assert again.models[0].released is not None
    assert again.models[0].released.by == ("otto", "rita")
    assert again.stop("models", "credit_risk", "ada", AT, "again").in_force("models") == {"credit_risk"}


def test_stopped_twice_is_stopped_once(tmp_path: Path) -> None:
    once = Switches.load(tmp_path / "s.json").stop("campaigns", "spring", "otto", AT, "typo")
    assert once.stop("campaigns", "spring", "rita", AT, "typo") == once


def test_what_is_not_stopped_cannot_be_released(tmp_path: Path) -> None:
    with pytest.raises(InvalidSwitches, match="not stopped"):
        Switches.load(tmp_path / "s.json").release("products", "p1", ("otto", "rita"), AT, "why")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"models": []}', '{"models": [1], "products": [], "campaigns": []}']
)
def test_a_broken_file_is_an_error_not_an_empty_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(InvalidSwitches, match="cannot be read"):
        Switches.load(tmp_path / "s.json")


def test_a_stop_needs_who_and_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidSwitches, match="who and why"):
        Switches.load(tmp_path / "s.json").stop("products", "p1", "otto", AT, " ")
    with pytest.raises(InvalidSwitches, match="no kind"):
        Switches.load(tmp_path / "s.json").stop("rates", "p1", "otto", AT, "why")
    assert not (tmp_path / "s.json").exists()
