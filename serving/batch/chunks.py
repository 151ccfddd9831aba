"""Deciding many in chunks: each under the stop switches that are on when it is begun."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from crm_rules.governance.stops import Stops
from serving.deciding.asking import Stamp
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scored, Scorer

CHUNK = 1_000
Decide = Callable[..., Sequence[Scored]]  # (scorer, requests of its kind, stamps)


def in_chunks(
    scorer: Scorer, decide: Decide, asked: Sequence[Request], stamps: Sequence[Stamp],
    stops: Callable[[], Stops], size: int = CHUNK,
) -> Iterator[list[Decision]]:  # fmt: skip
    """The decisions chunk by chunk; who has no row is left out.

    MissingPart or ModelStopped when the release lacks the model, or it is stopped.
    """
    for start in range(0, len(asked), size):
        scorer = scorer.under(stops())
        found = decide(scorer, asked[start : start + size], stamps[start : start + size])
        yield [each for each in found if isinstance(each, Decision)]


@contextmanager
def loaded_for_long() -> Iterator[None]:
    """While it is open the collector passes over what is loaded and looks seldom: no decision is a cycle."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
