"""What a person reads of promotions: a request with its gates, the switches, what decided on a day."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from crm_rules.governance.candidates import BEGIN, END, FINISH, SHARE, Named
from crm_rules.governance.person import moment
from crm_rules.governance.promotions import Promotions, Request, Status, Switch
from training.gate_table import as_text
from training.gates import Gate
from training.release_cli import passed_of


def request_lines(
    found: Request, state: Promotions, changes: Mapping[str, Sequence[str]] | None = None
) -> Iterator[str]:
    """A request as a person reads it: what changes, one table of gates a part, who signed and who has to."""
    yield f"{found.id} by {found.by} at {_minute(found.at)}: {standing(found, state)}" + (
        f" ({found.why})" if found.why else ""
    )
    if found.note:
        yield f"  {found.note}"
    if found.tryout is not None:
        yield f"  tried first: {found.tryout}"
    for name, evidence in found.evidence.items():
        yield ""
        version = evidence["run"].get("version")
        yield (
            f"{name} {str(evidence['part_digest'])[:16]}"
            + (f", version {version}" if version else "")
            + f", author {evidence['run'].get('author', '-')}, tier {evidence['tier']}"
            + (f", {evidence['pia']}" if evidence["pia"] else "")
        )
        if evidence["part_digest"] == evidence["based_on"]:
            yield "  the same, to the byte, as what was live"
        yield from (f"  {line}" for line in (changes or {}).get(name, ()))
        waived = [waiver["gate"] for waiver in evidence["waivers"]]
        yield from as_text([Gate.from_json(gate) for gate in evidence["gates"]], waived).splitlines()
        for waiver in evidence["waivers"]:
            yield f"waived until {waiver['until']}: {waiver['gate']}: {waiver['reason']}"
    yield ""
    signed = ", ".join(f"{person} ({role})" for role, person in found.signed.items()) or "nobody"
    yield f"Signed by {signed}."
    yield from _refusals(found)
    yield _next(found, state)


def standing(found: Request, state: Promotions) -> str:
    """Where a request stands; `was live` once another version of all its parts replaced it."""
    if found.status is Status.LIVE and not set(found.parts.items()) & set(state.live.items()):
        return "was live"
    return str(found.status)


def _refusals(found: Request) -> Iterator[str]:
    """What said no in a refused request, and which of it a person may waive."""
    for name, evidence in found.evidence.items() if found.status is Status.REFUSED else ():
        waived = {waiver["gate"] for waiver in evidence["waivers"]}
        for gate in evidence["gates"]:
            if gate["passed"] is not True and gate["name"] not in waived:
                soft = gate["kind"] in evidence["soft"]
                way = f"waive it with --waive {gate['kind']}=REASON" if soft else "nobody can waive it"
                yield f"{name}: '{gate['name']}' said no; {way}."


def _next(found: Request, state: Promotions) -> str:
    if found.status is Status.WAITS:
        roles = " and ".join(str(role).replace("_", " ") for role in found.open_roles)
        sign = "signs" if len(found.open_roles) == 1 else "sign"
        return (
            f"Next: {roles} {sign}, `bank promote approve {found.id}`; "
            f"or `bank promote reject {found.id} --reason ...`."
        )
    if found.status is Status.REFUSED:
        return "Nobody can approve it. Next: mend the part or waive what may be, and ask again."
    if state.candidate is not None and state.candidate.subject == found.id:
        return "It is tried. Next: `bank promote candidate show`."
    if found.status is Status.ENDED:
        return "Its release was tried and dropped. Next: `bank promote history`."
    if found.status is Status.APPROVED:
        return f"Next: `bank promote approve {found.id}` by anybody who may switch makes its release."
    if standing(found, state) == "was live":
        return "Another version is live now: `bank promote history`."
    return "Next: `bank promote history` tells what came of it."


def _minute(text: str) -> str:
    return f"{moment(text):%Y-%m-%d %H:%M} UTC"


def whole(state: Promotions, part: str | None) -> Iterator[str]:
    """Every request and every switch in the order they happened."""
    lines = [
        (moment(each.at), _asked(each, state))
        for each in state.requests.values()
        if part in (None, *each.parts)
    ]
    lines += [
        (moment(each.at), _switch(each, now))
        for each, now in zip(state.switches, _marks(state), strict=True)
        if part is None or part in _changed(state, each)
    ]
    lines += [
        (moment(each.at), _candidate(each))
        for each in state.candidates
        if part in (None, *state.requests[each.subject].parts)
    ]
    if not lines:
        yield "Nothing was put forward yet. Next: `bank promote request PART`, or in the demo `bank run`."
    yield from (line for _, line in sorted(lines, key=lambda line: line[0]))


def on_day(state: Promotions, when: datetime, part: str | None) -> Iterator[str]:
    """Which version of what decided at that time, since when, and who let it."""
    switch = state.at(when)
    if switch is None:
        yield f"Nothing was live at {when:%Y-%m-%d %H:%M:%S} UTC."
        return
    yield f"At {when:%Y-%m-%d %H:%M:%S} UTC release {switch.release[:16]} decided (switch {switch.number}),"
    since = f"{moment(switch.at):%Y-%m-%d %H:%M:%S} UTC"
    yield f"since {since}, {switch.cause} {switch.subject} by {switch.by} ({switch.role})."
    for name, digest in switch.parts.items():
        if part in (None, name):
            yield _allowed(state, name, digest)


def _allowed(state: Promotions, name: str, digest: str) -> str:
    request = state.approved(name, digest)
    if request is None:
        return f"  {name:<15} {digest[:16]}  nobody approved it"
    evidence = request.evidence[name]
    version = evidence["run"].get("version", "-")
    signed = ", ".join(f"{each['person']} ({each['role']})" for each in evidence["approvals"])
    return (
        f"  {name:<15} {digest[:16]}  version {version:<3} by {evidence['run'].get('author', '-'):<10} "
        f"{request.id}: {passed_of(evidence)}; {signed}"
    )


def as_data(state: Promotions, when: datetime | None, part: str | None) -> dict[str, object]:
    """The same as data."""
    if when is not None:
        switch = state.at(when)
        parts = {} if switch is None else switch.parts
        return {
            "at": when.isoformat(), "release": switch.release if switch else None,
            "switch": switch.number if switch else None,
            "parts": {name: _part_as_data(state, name, digest) for name, digest in parts.items()
                      if part in (None, name)},
        }  # fmt: skip
    return {
        "requests": [
            request_as_data(each) for each in state.requests.values() if part in (None, *each.parts)
        ],
        "switches": [
            {"number": each.number, "release": each.release, "at": each.at, "by": each.by,
             "role": str(each.role), "cause": each.cause, "subject": each.subject, "reason": each.reason,
             "parts": dict(each.parts)}
            for each in state.switches
        ],
        "candidates": [candidate_as_data(each) for each in state.candidates],
    }  # fmt: skip


def _part_as_data(state: Promotions, name: str, digest: str) -> dict[str, object]:
    request = state.approved(name, digest)
    evidence = dict(request.evidence[name]) if request else {}
    return {"digest": digest, "request": request.id if request else None, "evidence": evidence}


def request_as_data(found: Request) -> dict[str, object]:
    """A request as data, its evidence whole."""
    return {
        "id": found.id, "by": found.by, "at": found.at, "status": str(found.status), "why": found.why,
        "note": found.note, "needs": [str(role) for role in found.needs],
        "signed": {str(role): person for role, person in found.signed.items()},
        "parts": {name: dict(each) for name, each in found.evidence.items()},
    }  # fmt: skip


def candidate_as_data(each: Named) -> dict[str, object]:
    """What became of a candidate, as data; an empty release says that none is tried any more."""
    return {
        "number": each.number, "release": each.release, **each.tryout.as_json(), "cause": each.cause,
        "request": each.subject, "at": each.at, "by": each.by, "role": str(each.role), "reason": each.reason,
    }  # fmt: skip


def _candidate(each: Named) -> str:
    what = {
        BEGIN: f"tried: release {each.release[:16]}, {each.tryout}",
        SHARE: f"tried: release {each.release[:16]}, {each.tryout}",
        FINISH: "no longer tried: it becomes current",
        END: f"no longer tried: {each.reason}",
    }[each.cause]
    return f"{each.at[:19]}  {each.subject:<6} {what} ({each.by}, {each.role})"


def _asked(request: Request, state: Promotions) -> str:
    why = f" ({request.why})" if request.why else f" (to be tried: {request.tryout})" * bool(request.tryout)
    signed = ", ".join(request.signed.values())
    return (
        f"{request.at[:19]}  {request.id:<6} {request.by} asks for {', '.join(request.parts)}: "
        f"{standing(request, state)}{why}" + (f"; signed by {signed}" if signed else "")
    )


def _switch(switch: Switch, mark: str) -> str:
    return (
        f"{switch.at[:19]}  switch {switch.number} to {switch.release[:16]}, {switch.cause} {switch.subject} "
        f"by {switch.by} ({switch.role}){': ' + switch.reason if switch.reason else ''}{mark}"
    )


def _marks(state: Promotions) -> list[str]:
    return [""] * (len(state.switches) - 1) + [", current"] if state.switches else []


def _changed(state: Promotions, switch: Switch) -> set[str]:
    at = state.switches.index(switch)
    before = state.switches[at - 1].parts if at else {}
    return {name for name, digest in switch.parts.items() if before.get(name) != digest}
