"""The search goes on where it was interrupted, and ends where it would have."""

from pathlib import Path

import pytest

from training.learning.tuning import OneOf, Pruned, Real, Whole, search

SPACE = {"depth": Whole(1, 9), "rate": Real(0.01, 1.0, log=True), "kind": OneOf(("a", "b"))}


def value(given) -> float:
    return -abs(given["depth"] - 6) - abs(given["rate"] - 0.1) + (given["kind"] == "b")


def test_it_finds_a_better_place_than_it_started_from():
    start = {"depth": 1, "rate": 1.0, "kind": "a"}
    found = search("s", SPACE, value, trials=40, seed=7, start=[start])
    assert found.trials[0].parameters == start
    assert found.value == max(trial.value for trial in found.trials) > 0.5
    assert found.best["kind"] == "b"


def test_the_same_seed_tries_the_same_and_another_seed_does_not():
    one, same, other = (search("s", SPACE, value, trials=9, seed=seed) for seed in (7, 7, 8))
    assert one == same
    assert one != other


@pytest.mark.parametrize("stop", [0, 1, 7, 11])
def test_an_interrupted_search_tries_only_what_is_left_and_ends_the_same(tmp_path: Path, stop: int):
    start = [{"depth": 2, "rate": 0.5, "kind": "a"}]
    whole, tried = search("s", SPACE, value, trials=12, seed=7, start=start), 0

    def interrupted(given) -> float:
        nonlocal tried
        if tried == stop:
            raise KeyboardInterrupt
        tried += 1
        return value(given)

    def again(given) -> float:
        nonlocal tried
        tried += 1
        return value(given)

    given = {"trials": 12, "seed": 7, "start": start, "study": tmp_path / "m-7"}
    with pytest.raises(KeyboardInterrupt):
        search("s", SPACE, interrupted, **given)
    assert search("s", SPACE, again, **given) == whole
    assert tried == 12


def test_a_torn_line_is_tried_again(tmp_path: Path):
    first = search("s", SPACE, value, trials=5, seed=7, study=tmp_path / "m")
    [file] = tmp_path.iterdir()
    file.write_text(file.read_text()[:-9])
    assert search("s", SPACE, value, trials=5, seed=7, study=tmp_path / "m") == first
    assert len(file.read_text().splitlines()) == 5


def test_trials_of_another_space_do_not_count(tmp_path: Path):
    search("s", SPACE, value, trials=3, seed=7, study=tmp_path / "m")
    counted = []
    narrower = SPACE | {"depth": Whole(1, 3)}
    search(
        "s", narrower, lambda given: counted.append(1) or value(given), trials=3, seed=7, study=tmp_path / "m"
    )
    assert len(counted) == 3


def test_what_is_given_up_or_no_number_loses():
    def judge(given) -> float:
        if given["kind"] == "a":
            raise Pruned
        return value(given) if given["depth"] > 2 else float("nan")

    found = search("s", SPACE, judge, trials=30, seed=7)
    assert {trial.parameters["kind"] for trial in found.trials} == {"b"}
    assert all(trial.parameters["depth"] > 2 for trial in found.trials)


def test_a_search_that_finds_nothing_says_so():
    with pytest.raises(ValueError, match="None of the 3 trials of 's'"):
        search("s", SPACE, lambda given: float("nan"), trials=3, seed=7)
