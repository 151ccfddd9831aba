"""From an approved part to what is served: assembled, verified as serving will, recorded, switched.

The rules of who may do what are `crm_rules.governance.promoting`'s; this adds the files. What was put
forward is copied at once, so that what people sign is what runs, whatever becomes of the original. A switch
is recorded before the file changes: one that was cut short is finished by the next command.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from crm_rules.errors import NotAllowed
from crm_rules.governance import holding, promoting
from crm_rules.governance.candidates import Tryout
from crm_rules.governance.chain import canonical
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.journal import Journal, Writing
from crm_rules.governance.materiality import Materiality, Tier
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import (
    APPROVAL,
    ROLLBACK,
    Promotions,
    Request,
    Status,
    Switch,
    first_parts,
)
from crm_rules.governance.session import Signer
from training import trying
from training.candidate import Candidate, keep_part
from training.release.assemble import assemble, part_digest, write_evidence
from training.release.current import HEAD, last_number, record_of, set_current
from training.release.errors import BrokenRelease
from training.release.manifest import MB, MOST_BYTES, REQUIRED, Origin
from training.release.reading import read_release
from training.release.verify import VerifiedRelease, rehearse, verify

MOST_EVIDENCE = MOST_BYTES - MB  # signatures are still to come


@dataclass(frozen=True)
class Office:
    """Where parts are put forward, approved and switched: the journal, the files, the people, the rules.

    `customers` is how many the bank decides about: with the part's purpose it makes the tier. `usable`
    loads a verified release as serving does, and raises where serving would refuse it.
    """

    releases: Path
    parts: Path
    journal: Journal
    trust: Trust
    rules: Materiality
    heads: Heads
    customers: int
    usable: Callable[[VerifiedRelease], object]

    def state(self) -> Promotions:
        """What is asked for, approved and live."""
        return promoting.read(self.journal, self.trust)

    def tier(self, part: str) -> Tier:
        """The tier of a part in this bank."""
        return self.rules.tier_of(part, self.customers)

    def usable_together(self, candidates: Sequence[Candidate], origin: Origin) -> None:
        """Load the release these would make, as serving does: what it refuses is said before people sign."""
        live = {name: self.parts / digest for name, digest in self.state().live.items()}
        folders = {**live, **{each.part: each.folder for each in candidates}}
        if set(REQUIRED) - set(folders):
            return
        with TemporaryDirectory() as draft:
            self.usable(rehearse(Path(draft), assemble(Path(draft), folders, origin)))

    def ask(
        self, candidates: Sequence[Candidate], origin: Origin, signer: Signer, at: datetime, note: str = "",
        tryout: Tryout | None = None,
    ) -> Request:  # fmt: skip
        """Put candidates forward together, each copied by its digest; refused at once when a gate says no.

        With `tryout` their release is tried so beside the current one before it becomes current.
        """
        if tryout is not None:
            promoting.require_may_try(f"A request for {tryout}", self.state())
        self.usable_together(candidates, origin)
        live = self.state().live
        evidence = [self._evidence(each, live.get(each.part, ""), origin, at) for each in candidates]
        for each in evidence:
            if len(canonical(each)) > MOST_EVIDENCE:
                raise NotAllowed(
                    f"A request for '{each['part']}'", f"its evidence is above {MOST_EVIDENCE // MB} MB"
                )
        return promoting.ask(self.journal, self.trust, self.rules, evidence, signer, at, note, tryout)

    def approve(
        self, request_id: str, signer: Signer, at: datetime, role: Role | None = None
    ) -> tuple[Request, Switch | None]:
        """Sign a request; with the last signature its release is made, and becomes current or is tried.

        None when it waits for another signature, or for parts that a release cannot be without, and
        when it is tried: then it is the candidate.
        """
        request = self.state().request(request_id)
        if request.status is not Status.APPROVED:
            self._require_files(request)
            request = promoting.approve(
                self.journal, self.trust, self.rules, self.customers, request_id, signer, role, at
            )
        if request.status is not Status.APPROVED:
            return request, None
        if request.tryout is not None:
            trying.begin(self, request, signer, at)
            return request, None
        return request, self.go_live(request, signer, at)

    def reject(self, request_id: str, signer: Signer, at: datetime, reason: str) -> Request:
        """Turn a request down."""
        return promoting.reject(self.journal, self.trust, request_id, signer, at, reason)

    def go_live(self, request: Request, signer: Signer, at: datetime) -> Switch | None:
        """Make the release of what is live and of an approved request, and switch to it."""
        role = promoting.switcher(self.trust, signer, at)
        with self.journal.writing() as turn:
            state = promoting.begin(turn, self.trust, at)
            request = state.request(request.id)
            if request.status is not Status.APPROVED:
                raise NotAllowed(f"Request {request.id}", f"it is {request.status}, not approved")
            promoting.require_ready(f"Switching to {request.id}", state, request, at)
            parts = {**(state.live or first_parts(state)), **request.parts}
            if set(REQUIRED) - set(parts):
                return None
            self.approved(turn, state, request, parts, signer, role, at)
        return self.finish()

    def approved(
        self, turn: Writing, state: Promotions, request: Request, parts: Mapping[str, str], signer: Signer,
        role: Role, at: datetime,
    ) -> None:  # fmt: skip
        """Record the switch to an approved request's release, of these parts; the caller has the turn."""
        origin = self.origin(state, request)
        self._switch(turn, state, parts, origin, signer, role, at, APPROVAL, request.id, request.note)

    def roll_back(
        self, part: str, signer: Signer, at: datetime, reason: str, digest: str | None = None
    ) -> Switch:
        """One part back to the version before, or to one named by its digest; an operator alone may.

        It was approved when it became live, so nobody signs again; a review is due within days, and blocks
        the part's next promotion when it is late.
        """
        role = promoting.switcher(self.trust, signer, at, (Role.OPERATOR,))
        promoting.require_reason(f"Rolling back '{part}'", reason)
        with self.journal.writing() as turn:
            state = promoting.begin(turn, self.trust, at)
            back = _earlier(state, part, digest)
            parts = {**state.live, part: back}
            origin = self._origin_with(state, parts)
            self._switch(turn, state, parts, origin, signer, role, at, ROLLBACK, part, reason)
            days = self.tier(part).rules.rollback_review_days
            holding.hold(turn, signer, role, part, "a rollback waits for its review", at, days)
        switch = self.finish()
        assert switch is not None
        return switch

    def finish(self) -> Switch | None:
        """Let the signed records follow the journal, where that was cut short; the last switch."""
        with self.heads.turn(HEAD):  # two that finish at once never put the older one last
            state = self.state()
            if not state.switches:
                return None
            last = state.switches[-1]
            if last_number(self.releases) < last.number:
                set_current(self.releases, last.record, self.heads)
            self.heads.write(HEAD, Head(last.number, last.release))
        trying.follow(self)
        return last

    def _switch(
        self, turn: Writing, state: Promotions, parts: Mapping[str, str], origin: Origin, signer: Signer,
        role: Role, at: datetime, cause: str, subject: str, reason: str,
    ) -> None:  # fmt: skip
        """Assemble, verify as serving will, record. The file follows when the record is durable."""
        release = self.made(state, parts, origin)
        number = max(state.number, last_number(self.releases)) + 1
        record = record_of(release, number, signer, role, at, self.trust)
        body = {
            "number": number, "release": release, "parts": dict(parts), "cause": cause, "subject": subject,
            "reason": reason, "record": record,
        }  # fmt: skip
        promoting.switched(turn, signer, role, at, body)

    def made(self, state: Promotions, parts: Mapping[str, str], origin: Origin) -> str:
        """The digest of the release of these parts, assembled with their evidence, and usable in serving."""
        evidence = {name: _approved(state, name, digest) for name, digest in parts.items()}
        folders = {name: self.parts / digest for name, digest in parts.items()}
        release = assemble(self.releases, folders, origin)
        for each in evidence.values():
            write_evidence(self.releases / release, each)
        self.usable(verify(self.releases, release, self.trust))
        return release

    def origin(self, state: Promotions, request: Request) -> Origin:
        """Of a request with a model what that was trained on; other parts leave the live one as it is."""
        if state.live and not set(request.parts) - set(REQUIRED):
            return self._live_origin(state)
        return Origin.from_json(next(iter(request.evidence.values()))["origin"])

    def _origin_with(self, state: Promotions, parts: Mapping[str, str]) -> Origin:
        """That of the live release, as long as a part of these was approved with it; else of a model."""
        live = self._live_origin(state)
        found = [_approved(state, name, digest)["origin"] for name, digest in sorted(parts.items())]
        models = [each for name, each in zip(sorted(parts), found, strict=True) if name not in REQUIRED]
        return live if live.as_json() in found else Origin.from_json((models or found)[-1])

    def _live_origin(self, state: Promotions) -> Origin:
        return read_release(self.releases, state.switches[-1].release).manifest.origin

    def _evidence(self, made: Candidate, live: str, origin: Origin, at: datetime) -> dict[str, Any]:
        tier = self.tier(made.part)
        digest = keep_part(self.parts, made.part, made.folder)
        until = at + timedelta(days=tier.rules.waiver_days)
        return {
            "part": made.part, "part_digest": digest, "run": dict(made.run), "pia": made.pia,
            "tier": tier.name,
            "gates": [gate.as_json() for gate in made.gates], "needs": [str(role) for role in tier.needs],
            "soft": list(tier.rules.soft), "based_on": live, "validate_by": tier.due(at.date()).isoformat(),
            "waivers": [promoting.waiver(name, reason, until) for name, reason in made.waivers.items()],
            "origin": origin.as_json(),
        }  # fmt: skip

    def _require_files(self, request: Request) -> None:
        for name, digest in request.parts.items():
            found = None
            with suppress(BrokenRelease):
                found = part_digest(name, self.parts / digest)
            if found != digest:
                raise NotAllowed(
                    f"Approving {request.id}", f"the files of '{name}' {digest[:16]} are gone or were changed"
                )


def _approved(state: Promotions, part: str, digest: str) -> Mapping[str, Any]:
    request = state.approved(part, digest)
    if request is None:
        raise NotAllowed(f"A release with '{part}' {digest[:16]}", "nobody approved this version of it")
    return request.evidence[part]


def _earlier(state: Promotions, part: str, digest: str | None) -> str:
    if part not in state.live:
        raise NotAllowed(
            f"Rolling back '{part}'", f"no release has it; there are {', '.join(sorted(state.live))}"
        )
    found = state.before(part) if digest is None else next(
        (each for each in state.were_live(part) if each.startswith(digest) and len(digest) >= 8), None
    )  # fmt: skip
    if found is None or found == state.live[part]:
        told = "there was no version before" if digest is None else f"no earlier version begins with {digest}"
        raise NotAllowed(f"Rolling back '{part}'", told)
    return found
