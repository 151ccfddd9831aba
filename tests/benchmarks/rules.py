"""What the rules of offers cost: the whole funnel for one customer, and for a million of them.

A made-up shelf of 100 offers under the standard policy; no models, whose answers are drawn. For one
customer: columns to rules, every rule, arms, arbitration, the three best and every code told. For a
million: the same in chunks, in two processes; the quick run decides fewer and says how long a million
would take at that pace.
"""

import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.benchmarks.rules_shelf import CHUNK, OFFERS, chunk, crowd, decided, peak, stand, told

WORKERS, MILLION, WARM = 2, 1_000_000, 200
LIMITS = {"funnel_us": 300.0, "million_s": 240.0, "peak_mb": 1_000.0}


def run(quick: bool) -> dict[str, object]:
    """Measure one and many; `quick` decides a tenth of the million and scales."""
    alone, busy = _alone(500 if quick else 5_000)
    customers = MILLION // 10 if quick else MILLION
    seconds, count, shown, largest = _many(customers)
    figures = {
        "funnel_us": round(statistics.median(alone), 1),
        "funnel_cpu_us": round(statistics.median(busy), 1),
        "funnel_p99_us": round(statistics.quantiles(alone, n=100)[98], 1),
        "million_s": round(seconds * MILLION / count, 1),
        "customers_decided": count,
        "offers_shown": shown,
        "peak_mb": round(largest, 1),
    }
    return {
        "bench": "rules",
        "n": OFFERS,
        "figures": figures,
        "ratios": {},
        "limits": LIMITS,
        "holds": all(float(figures[name]) <= most for name, most in LIMITS.items()),
    }


def _alone(times: int) -> tuple[list[float], list[float]]:
    """Microseconds of each whole decision, one customer after the other, by the clock and of the processor.

    The first ones warm.
    """
    shelf, people = stand(), crowd(times + WARM, 1)
    ones, wall, cpu = [people.one(row) for row in range(times + WARM)], [], []
    for one in ones:
        started, worked = time.perf_counter(), time.thread_time()
        told(shelf, decided(shelf, one), 0)
        cpu.append(1e6 * (time.thread_time() - worked))
        wall.append(1e6 * (time.perf_counter() - started))
    return wall[WARM:], cpu[WARM:]


def _many(customers: int) -> tuple[float, int, int, float]:
    """Wall seconds, customers decided, offers shown, and the largest process in megabytes."""
    stand()
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        list(pool.map(chunk, range(WORKERS)))  # warms
        started = time.perf_counter()
        shown = sum(pool.map(chunk, range(customers // CHUNK), chunksize=4))
        seconds = time.perf_counter() - started
        largest = max(pool.map(peak, range(WORKERS * 4)))
    return seconds, customers // CHUNK * CHUNK, shown, largest
