"""A question about many customers, answered piece by piece: who asks about one does not wait for its end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from serving.deciding.asking import Stamp
from serving.deciding.records import Request
from serving.deciding.scoring import Scored
from serving.worker.candidate import Candidate
from serving.worker.in_service import InService
from serving.worker.waiting import Waiting

TOGETHER = 64  # customers scored as one array: more would make the first wait for the last


@dataclass
class Bulk:
    """A question about many customers, as far as it is answered, by what was in service at its begin."""

    waiting: Waiting
    serving: InService
    candidate: Candidate | None
    at: str
    scored: list[Scored] = field(default_factory=list)

    @property
    def left(self) -> Sequence[Request]:
        """What is still to be answered, the next piece of it."""
        done = len(self.scored)
        return self.waiting.question.asked[done : done + TOGETHER]

    def stamps(self, new_id: Callable[[], str]) -> Sequence[Stamp]:
        """What the edge adds to each question of the next piece."""
        question, done = self.waiting.question, len(self.scored)
        ids = question.ids[done : done + TOGETHER] if question.ids else [new_id() for _ in self.left]
        return [Stamp(name, question.request_id, self.at, question.caller) for name in ids]
