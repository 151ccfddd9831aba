"""Buckets of tokens: an even rate, a burst, bounded memory."""

from serving.api.rates import Rates


def test_over_time_nobody_gets_more_than_the_rate_and_one_burst() -> None:
    rates = Rates(per_second=10, burst=5)
    admitted = sum(rates.wait("app", moment / 1_000) == 0 for moment in range(10_000))
    assert admitted == 10 * 10 + 5 - 1


def test_who_was_told_to_wait_and_waits_is_admitted() -> None:
    rates = Rates(per_second=0.3, burst=1)
    assert rates.wait("app", 0.0) == 0
    wait = rates.wait("app", 0.0)
    assert (wait, rates.wait("app", 0.0 + wait)) == (4, 0)


def test_a_clock_set_back_gives_nothing() -> None:
    rates = Rates(per_second=1, burst=1)
    assert [rates.wait("app", at) for at in (100.0, 50.0, 100.5, 101.5)] == [0, 1, 1, 0]


def test_memory_is_bounded_however_many_callers_there_are() -> None:
    rates = Rates(per_second=1, burst=1, most=100)
    assert all(rates.wait(f"app-{number}", 0.0) == 0 for number in range(5_000))
    assert len(rates._buckets) <= 100
