"""Whether what runs is what people approved: journal, people, releases and MLflow side by side."""

from collections.abc import Iterator
from contextlib import suppress

from crm_rules.database import open_database
from crm_rules.errors import BrokenSwitches, NotApproved
from crm_rules.governance.chain import GENESIS, canonical
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import CHAIN, Journal
from crm_rules.governance.people import HEAD as TRUST
from crm_rules.governance.people import Trust
from crm_rules.governance.promoting import read
from crm_rules.governance.promotions import Promotions, Switch
from crm_rules.governance.switches import CHAIN as STOPS
from crm_rules.governance.switches import FILE as STOPS_FILE
from crm_rules.governance.switches import read_switches, switches_among
from feature_repo.errors import BankError
from feature_repo.settings import Settings
from monitoring.audit import CHECKERS, Check, Checker, Evidence
from monitoring.case_audit import cases
from training.release.assemble import part_digest
from training.release.candidate_record import FILE as CANDIDATE_FILE
from training.release.candidate_record import HEAD as CANDIDATE
from training.release.candidate_record import candidate_record
from training.release.current import HEAD as CURRENT
from training.release.current import Current, current, last_number
from training.release.errors import BrokenRelease
from training.release.manifest import REQUIRED, evidence_name
from training.release.reading import read_release
from training.release.verify import verify


def people(evidence: Evidence) -> Iterator[Check]:
    """The trust file: every version signed, following the one before, the newest as anchored."""
    settings = evidence.settings
    if settings.trust_file.exists():
        yield Check("people", len(Trust.of(settings).versions))
    elif Heads(settings.heads).known(TRUST):
        yield Check("people", 0, (f"{settings.trust_file} is gone, but was anchored",))


def governance(evidence: Evidence) -> Iterator[Check]:
    """The journal: the chain, every event, and the signature of whoever acted."""
    settings = evidence.settings
    if not _journal_is_there(settings):
        if anchored := evidence.heads().get(CHAIN, ()):
            last = max(head.seq for head in anchored)
            yield Check(CHAIN, 0, (f"{settings.governance} is gone, but entry {last} was anchored",))
        return
    trust = Trust.of(settings)
    with _journal(settings) as journal:
        found = journal.verify(trust, evidence.heads().get(CHAIN, ()))
        ignored = [f"{CHAIN} {each}" for each in read(journal, trust).ignored]
    yield Check(CHAIN, found.entries, (*found.problems, *ignored))


def stop_switches(evidence: Evidence) -> Iterator[Check]:
    """The file of stop switches that workers obey against the journal's orders and the anchored ones."""
    settings, heads = evidence.settings, evidence.heads().get(STOPS, ())
    path = settings.releases / STOPS_FILE
    if not _journal_is_there(settings):
        if heads or path.exists():
            yield Check("stop switches", 0, (f"{path} was written, but no journal says by whom",))
        return
    trust = Trust.of(settings)
    with _journal(settings) as journal:
        told, ignored = switches_among(journal.events(), trust)
    problems = [f"{CHAIN} {each}" for each in ignored]
    problems += [
        f"{STOPS}: order {head.seq} was anchored, and the journal holds "
        + ("another" if head.seq <= told.number else f"{told.number}")
        for head in heads
        if head.seq and (head.seq > told.number or told.orders[head.seq - 1].digest != head.link)
    ]
    notes = list[str]()
    try:
        found = read_switches(settings.releases, trust, Heads(settings.heads))
    except BrokenSwitches as error:
        problems.append(str(error))
    else:
        before = told.orders[-2].digest if told.number > 1 else GENESIS
        if (found.number, found.last) == (told.number - 1, before):
            notes.append(
                f"order {told.number} was cut short; the next `bank stop-switch` command finishes it"
            )
        elif (found.number, found.last) != (told.number, told.last):
            problems.append(f"{path} holds other orders ({found.number}) than the journal ({told.number})")
    if told.orders or problems or path.exists():
        yield Check("stop switches", told.number, tuple(problems), tuple(notes))


def releases(evidence: Evidence) -> Iterator[Check]:
    """What runs against what the journal says was approved and switched to."""
    settings = evidence.settings
    if not _journal_is_there(settings):
        if last_number(settings.releases):
            yield Check("releases", 0, ("a release is current, but no journal says who approved it",))
        return
    trust = Trust.of(settings)
    with _journal(settings) as journal:
        state = read(journal, trust)
    if not state.switches:
        return
    notes, problems = [], list[str]()
    last, seen = state.switches[-1], _seen(evidence)
    if seen == last.number - 1 == last_number(settings.releases):
        notes.append(f"switch {last.number} was cut short; the next `bank promote` command finishes it")
        last = state.switches[-2] if len(state.switches) > 1 else last
    problems += _record(settings, trust, last, seen)
    for digest in sorted({switch.release for switch in state.switches}):
        problems += _release(settings, trust, state, digest)
    yield Check("releases", len(state.switches), tuple(problems), tuple(notes))


def candidate(evidence: Evidence) -> Iterator[Check]:
    """The release that is tried, against what the journal says of it."""
    settings, heads = evidence.settings, evidence.heads().get(CANDIDATE, ())
    path, seen = settings.releases / CANDIDATE_FILE, max((head.seq for head in heads), default=0)
    if not _journal_is_there(settings):
        if seen or path.exists():
            yield Check("candidate", 0, (f"{path} was written, but no journal says by whom",))
        return
    trust = Trust.of(settings)
    with _journal(settings) as journal:
        state = read(journal, trust)
    told, problems, notes = state.candidates, list[str](), list[str]()
    last = told[-1] if told else None
    try:
        found = candidate_record(settings.releases, trust, seen)
    except BankError as error:
        problems.append(str(error))
    else:
        number = found.number if found else 0
        if last is not None and number == last.number - 1 == seen:
            notes.append(f"record {last.number} was cut short; the next `bank promote` command finishes it")
        elif (last and (last.number, last.release, last.tryout)) != (
            found and (found.number, found.release, found.tryout)
        ):
            problems.append(f"{path} is record {number}; the journal's last is {last.number if last else 0}")
    if state.candidate is not None:
        problems += _release(settings, trust, state, state.candidate.release)
    if told or problems:
        yield Check("candidate", len(told), tuple(problems), tuple(notes))


def registry(evidence: Evidence) -> Iterator[Check]:
    """MLflow's aliases and artifacts against what is live. Nothing that runs depends on them."""
    settings = evidence.settings
    if not (settings.mlflow / "mlflow.db").exists() or not _journal_is_there(settings):
        return
    try:
        from training.registry import Registry
    except ModuleNotFoundError as error:
        yield Check("mlflow", 0, (f"it cannot be read: {error.name} is not installed (extra 'train')",))
        return
    with _journal(settings) as journal:
        state = read(journal, Trust.of(settings))
    found, problems = Registry(settings), list[str]()
    for version in found.versions():
        live = state.versions.get(version.name)
        if "champion" in version.aliases and version.version != live:
            problems.append(
                f"{version.name}: MLflow's champion is version {version.version}, but {live or 'none'} is "
                "live; what runs is not changed by an alias"
            )
        if version.version == live:
            if "champion" not in version.aliases:
                problems.append(f"{version.name}: version {live} is live, but is not MLflow's champion")
            problems += _artifact(state, version.name, version.version, version.part, version.tags["author"])
    yield Check("mlflow", len(found.versions()), tuple(problems))


def _artifact(state: Promotions, name: str, number: str, part: object, author: str) -> Iterator[str]:
    """What MLflow keeps of the live version against what was approved."""
    from pathlib import Path

    request = state.approved(name, state.live[name])
    with suppress(BrokenRelease):
        if isinstance(part, Path) and part_digest(name, part) != state.live[name]:
            yield f"{name}: the files of version {number} in MLflow are not those that were approved"
    if request is not None and request.evidence[name]["run"].get("author") != author:
        yield f"{name}: version {number} is by '{author}' in MLflow, by another in what was approved"


def _record(settings: Settings, trust: Trust, last: Switch, seen: int) -> Iterator[str]:
    """The record that serving reads against the last switch."""
    try:
        named: Current = current(settings.releases, trust, seen)
    except BankError as error:
        yield str(error)
        return
    if (named.release, named.number) != (last.release, last.number):
        yield (
            f"current.json names release {named.release[:16]}, switch {named.number}; the journal's last is "
            f"{last.release[:16]}, switch {last.number}"
        )


def _release(settings: Settings, trust: Trust, state: Promotions, digest: str) -> Iterator[str]:
    """One release that was current: its bytes, its approvals, and that they are the journal's."""
    try:
        found = verify(settings.releases, digest, trust)
    except NotApproved as error:
        found_files = read_release(settings.releases, digest)
        yield f"release {digest[:16]}: {error} ({len(found_files.manifest.parts)} parts)"
        return
    except (BankError, OSError) as error:
        yield f"release {digest[:16]}: {error}"
        return
    for name, part in found.manifest.parts.items():
        kept = found.evidence[evidence_name(name, part.digest)]
        signed = [canonical(dict(each.evidence[name])) for each in state.approvals(name, part.digest)]
        if not signed:
            yield f"release {digest[:16]}: the journal knows no approval of '{name}' {part.digest[:16]}"
        elif kept not in signed:
            yield f"release {digest[:16]}: the evidence of '{name}' is not what the journal says"
    for switch in state.switches:
        parts = {name: part.digest for name, part in found.manifest.parts.items()}
        if switch.release == digest and dict(switch.parts) != parts:
            yield f"switch {switch.number}: the journal names other parts than release {digest[:16]} has"
    if missing := set(REQUIRED) - set(found.manifest.parts):
        yield f"release {digest[:16]}: it lacks {sorted(missing)}"


def _seen(evidence: Evidence) -> int:
    """The number of the last switch that was anchored, here or in a copy of the heads."""
    return max((head.seq for head in evidence.heads().get(CURRENT, ())), default=0)


def _journal_is_there(settings: Settings) -> bool:
    url = settings.database.get_secret_value()
    if not url:
        return settings.governance.exists()
    database = open_database(settings.governance, url, read_only=True)
    try:
        return database.has("events")
    finally:
        database.close()


def _journal(settings: Settings) -> Journal:
    return Journal.open(settings.governance, settings.database.get_secret_value(), settings.heads)


EVERY: tuple[Checker, ...] = (
    *CHECKERS,
    people,
    governance,
    stop_switches,
    releases,
    candidate,
    registry,
    cases,
)
