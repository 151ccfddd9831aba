"""What it costs to score one customer, and how large the part is."""

from collections.abc import Iterator

import numpy as np

from training.checks.limits import ALONE, CALLS
from training.checks.subject import Candidate, Subject
from training.gates import Gate, at_most


def latency(candidate: Candidate, subject: Subject) -> Iterator[Gate]:
    """Median CPU time of scoring one row alone, in microseconds."""
    rows = [subject.proof.rows(slice(at, at + 1)) for at in range(min(ALONE, len(subject.proof)))]
    title, budget = f"{subject.name}: CPU microseconds to score one row", candidate.budget.latency_us
    if not rows:
        yield at_most("latency", title, float("nan"), budget, note="there are no rows")
        return
    took = []
    for call in range(CALLS):
        row = rows[call % len(rows)]
        began = candidate.clock()
        subject.member.score(row)
        took.append(candidate.clock() - began)
    note = f"median of {CALLS} calls"
    yield at_most("latency", title, round(float(np.median(took)) * 1e6, 1), budget, note=note)


def size(candidate: Candidate) -> Iterator[Gate]:
    """The bytes of all the files of the part."""
    held = {name: len(content) for name, content in candidate.files.items()}
    largest = max(held, key=lambda name: held[name], default="")
    note = f"largest: {largest}" if held else "the part has no files"
    value = float(sum(held.values())) if held else float("nan")
    yield at_most("size", "bytes of the part", value, float(candidate.budget.size_bytes), note=note)
