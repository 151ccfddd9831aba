"""The release a worker tries beside the current one: a canary for some customers, or a shadow of answers."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from crm_rules.governance.candidates import Mode, Tryout
from crm_rules.governance.stops import Stops
from crm_rules.trial import share_of
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.records import Decision, Request
from serving.deciding.scoring import Scored, Scorer
from serving.worker.in_service import InService
from serving.worker.shadow import Followed, Shadow
from serving.worker.writer import Made

Method = Callable[..., Sequence[Scored]]  # of a Scorer, with what is asked and its stamps
log = logging.getLogger("bank.serving")


@dataclass
class Tally:
    """What became of the questions a candidate was asked; counted by the engine's thread."""

    answered: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Candidate:
    """A release that is tried, on a fixed share of the customers: raising it moves nobody back.

    A canary answers its customers; where it cannot, the current release does. A shadow is told what was
    answered (`follow`). Who has no id, being new to the bank, is never on it. `since` is ISO 8601.
    """

    serving: InService
    tryout: Tryout
    since: str
    shadow: Shadow | None = None
    tally: Tally = field(default_factory=Tally, compare=False)

    @property
    def release(self) -> str:
        """Its digest."""
        return self.serving.release

    @property
    def number(self) -> int:
        """That of the signed record that named it."""
        return self.serving.number

    @property
    def _canary(self) -> bool:
        return self.tryout.mode is Mode.CANARY

    def under(self, stops: Stops) -> "Candidate":
        """The same candidate under exactly these stop switches."""
        return replace(self, serving=self.serving.under(stops))

    def renamed(self, number: int, tryout: Tryout, since: str) -> "Candidate":
        """The same candidate as a newer record names it: for another share."""
        return replace(self, serving=replace(self.serving, number=number), tryout=tryout, since=since)

    def same_as(self, other: "Candidate | None") -> bool:
        """Whether both are one loaded release, so that none of them is to be closed for the other."""
        return other is not None and other.tally is self.tally

    def takes(self, customer_id: str | None) -> bool:
        """Whether this customer is on it."""
        return customer_id is not None and 100 * share_of(self.release, customer_id) < self.tryout.percent

    def decide(
        self, method: Method, current: Scorer, asked: Sequence[Request], stamps: Sequence[Stamp]
    ) -> Sequence[Scored]:
        """Each question answered by the release its customer is on, in the order asked."""
        if not self._canary:
            return method(current, asked, stamps)
        mine = [at for at, each in enumerate(asked) if self.takes(each.customer_id)]
        if not mine:
            return method(current, asked, stamps)
        others = sorted(set(range(len(asked))) - set(mine))
        found = dict(zip(mine, self._tried(method, current, *_of(mine, asked, stamps)), strict=True))
        if others:
            found |= zip(others, method(current, *_of(others, asked, stamps)), strict=True)
        return [found[at] for at in range(len(asked))]

    def against(self, current: Scorer, asked: OfferRequest, offer_id: str, stamp: Stamp) -> list[str]:
        """The codes that forbid making this offer, by the release that the customer is on."""
        if self._canary and self.takes(asked.customer_id):
            with suppress(Exception):  # as when it is asked what to offer: the current release answers
                return self.serving.scorer.against(asked, offer_id, stamp)
        return current.against(asked, offer_id, stamp)

    def follow(self, methods: Mapping[str, Method], made: Sequence[Made]) -> None:
        """Have a shadow decide the same as was answered, at the same time."""
        if self.shadow is None:
            return
        followed = [
            Followed(methods[question.method], self.serving.scorer, asked,
                     Stamp("", question.request_id, scored.record.at, question.caller),
                     scored.record.decision_id)
            for question, answers in ((each.waiting.question, each.scored) for each in made)
            for asked, scored in zip(question.asked, answers, strict=True)
            if isinstance(scored, Decision) and self.takes(asked.customer_id)
        ]  # fmt: skip
        if followed:
            self.shadow.put(followed)

    def told(self) -> dict[str, object]:
        """As /v1/status tells it."""
        counted: Mapping[str, int] = {"answered": self.tally.answered, "failed": self.tally.failed}
        return {
            "release": self.release, **self.tryout.as_json(), "number": self.number, "since": self.since,
            **(self.shadow.told() if self.shadow else counted),
        }  # fmt: skip

    def close(self) -> None:
        """Give its files back; a shadow ends first what it is deciding."""
        if self.shadow is not None:
            self.shadow.end(self.serving.close)
        else:
            self.serving.close()

    def join(self) -> None:
        """Wait until its shadow has ended."""
        if self.shadow is not None:
            self.shadow.join()

    def _tried(
        self, method: Method, current: Scorer, asked: Sequence[Request], stamps: Sequence[Stamp]
    ) -> Sequence[Scored]:
        """The candidate's answers; the current release's for each customer it fails on."""
        try:
            found = method(self.serving.scorer, asked, stamps)
        except Exception as error:  # noqa: BLE001  # whatever a release that is tried raises, there is an answer
            if len(asked) > 1:
                alone = (self._tried(method, current, [a], [s]) for a, s in zip(asked, stamps, strict=True))
                return [each for made in alone for each in made]
            found = method(current, asked, stamps)  # what both refuse is no failure of the candidate
            self.tally.failed += 1
            log.error("candidate %s has no answer (%s)", self.release[:16], type(error).__name__)
            return found
        self.tally.answered += len(found)
        return found


def _of(
    rows: Sequence[int], asked: Sequence[Request], stamps: Sequence[Stamp]
) -> tuple[list[Request], list[Stamp]]:
    return [asked[at] for at in rows], [stamps[at] for at in rows]
