import numpy as np

from training.credit_risk.swaps import exhibit, swap_set

WINDOW = {"from": "2026-01-01T00:00:00+00:00", "to": "2026-03-31T00:00:00+00:00"}


def test_the_challenger_approves_as_many_as_the_champion() -> None:
    rng = np.random.default_rng(2)
    y = (rng.random(5_000) < 0.1).astype(np.int8)
    champion, challenger = rng.random(5_000), np.clip(0.5 * y + 0.7 * rng.random(5_000), 0, 1)
    found = swap_set(champion, challenger, y, 0.3)
    assert found.swapped_in[0] == found.swapped_out[0]
    assert found.both[0] + found.swapped_out[0] == (champion < 0.3).sum()
    corners = (found.both, found.swapped_in, found.swapped_out, found.neither)
    assert sum(n for n, _ in corners) == 5_000
    assert sum(bad for _, bad in corners) == y.sum()
    assert found.fewer_defaults > 50


def test_a_champion_against_itself_swaps_nobody() -> None:
    p, y = np.array([0.1, 0.2, 0.3]), np.array([0, 1, 0], np.int8)
    found = swap_set(p, p, y, 0.25)
    assert found.swapped_in == found.swapped_out == (0, 0)
    assert "+0 defaults avoided" in exhibit("application", "the champion", found, WINDOW).title


def test_a_champion_that_approves_nobody_leaves_an_empty_book() -> None:
    found = swap_set(np.ones(3), np.zeros(3), np.array([0, 1, 0], np.int8), 0.5)
    assert found.neither == (3, 1)
    assert exhibit("application", "the champion", found, WINDOW).rows[0] == ("both approve", 0, 0, None)
