"""Cases and everything that happened to them: rows in one chain, signed where a person acted.

The rows are the only state. An opening is of no person: it follows from a decision, a wish or an alert, and
is written once, whoever finds it first. What a person did counts when it is truly signed, in a role held
then, and allowed by what was before (`steps`).
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from crm_rules.cases.case import Case
from crm_rules.cases.limits import CaseLimits
from crm_rules.cases.opening import CaseKind, Opening
from crm_rules.cases.steps import follow
from crm_rules.cases.terms import Terms
from crm_rules.database import WAIT_SECONDS, Database, open_database
from crm_rules.errors import CaseRefused, UnknownCase
from crm_rules.governance.append_only import CLOCKS_DIFFER, Verified
from crm_rules.governance.chain import canonical
from crm_rules.governance.event_rows import EventRows, Row
from crm_rules.governance.heads import Head, Heads
from crm_rules.governance.journal import Event, doubt, doubt_of, event_of
from crm_rules.governance.people import Trust
from crm_rules.governance.person import moment

CHAIN, TABLE, PLACE = "cases", "case_events", "bank_cases"
OPENED, COLLECTED = "opened", "collected"  # what nobody signs
AT_ONCE = 1_000
MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
Rows = Sequence[tuple[int, Row]]


class CaseStore:
    """The cases of one bank, in SQLite or PostgreSQL. Safe to call from several threads and processes."""

    def __init__(self, database: Database, heads: Heads) -> None:
        self._database = database
        self._rows = EventRows(database, heads, CHAIN, TABLE)

    @staticmethod
    def open(path: Path, url: str, heads: Path, wait: float = WAIT_SECONDS) -> "CaseStore":
        """Open or create it: a file at `path`, or PostgreSQL at `url`; heads lie in the folder `heads`.

        `wait` is how many seconds it waits where somebody else has locked the file.
        """
        database = open_database(path, url, PLACE, wait=wait)
        try:
            return CaseStore(database, Heads(heads, durable=False))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> "CaseStore":
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def open_many(self, openings: Iterable[Opening], limits: CaseLimits) -> int:
        """Open these, and how many were new; a case that is there stays as it is.

        A thousand in one commit: who opens very many keeps nobody else waiting.
        """
        asked = list({each.case_id: each for each in openings}.values())
        chunks = (asked[start : start + AT_ONCE] for start in range(0, len(asked), AT_ONCE))
        return sum(self._open(chunk, limits) for chunk in chunks)

    def _open(self, openings: Sequence[Opening], limits: CaseLimits) -> int:
        if all(self.has(each.case_id) for each in openings):
            return 0
        with self._rows.appending() as appender:
            new = [each for each in openings if not self.has(each.case_id)]
            for each in new:
                self._rows.insert(_row_of(each, limits), appender)
        return len(new)

    def has(self, case_id: str) -> bool:
        """Whether the case was opened."""
        return _first(self._rows.of(case_id)) is not None

    def case(self, case_id: str, trust: Trust) -> Case:
        """One case as it stands; UnknownCase when it was never opened."""
        return _case(case_id, self._rows.of(case_id), trust)

    def cases(self, trust: Trust) -> list[Case]:
        """Every case as it stands, in the order they were opened."""
        found: dict[str, list[tuple[int, Row]]] = {}
        for seq, row in self._rows.past():
            found.setdefault(row[1], []).append((seq, row))
        return [_case(name, rows, trust) for name, rows in found.items() if _first(rows) is not None]

    def act(self, event: Event, trust: Trust) -> Case:
        """Record what a person did to a case, as the only writer; CaseRefused when it is not allowed.

        Two people who act at once leave what the first did. ClockSetBack when it is dated before what was
        recorded of any case: a key that no longer counts signs nothing for the time when it did.
        """
        with self._rows.appending() as appender:
            case = self.case(event.subject, trust)
            if case.ignored:
                raise CaseRefused(case.id, f"it holds rows nobody may have written ({case.ignored[0]})")
            if why := doubt(event, trust):
                raise CaseRefused(case.id, why)
            after = follow(case, event)
            appender.require_clock(moment(event.at))
            self._rows.insert(event.row(), appender)
        return after

    def collected(self) -> dict[str, int]:
        """By chain of the decision log, up to which entry referred decisions were looked for."""
        found: dict[str, int] = {}
        for _, row in self._rows.of(COLLECTED):
            found |= {str(name): int(seq) for name, seq in json.loads(row[5]).items()}
        return found

    def keep_collected(self, until: Mapping[str, int], at: datetime) -> None:
        """Keep up to where the decision log was read, and what was found there opened."""
        body, when = canonical(dict(until)).decode(), at.isoformat()
        with self._rows.appending() as appender:
            self._rows.insert((COLLECTED, COLLECTED, "", "", when, body, ""), appender)

    def verify(self, trust: Trust, copies: tuple[Head, ...] = ()) -> Verified:
        """The chain, every content, every signature, and every row that has no effect by the rules."""
        found = self._rows.verify(copies, _doubts(trust))
        ignored = [
            f"{CHAIN} case {case.id[:64]}: {why}" for case in self.cases(trust) for why in case.ignored
        ]
        return replace(found, problems=(*found.problems, *ignored))


def _row_of(opening: Opening, limits: CaseLimits) -> Row:
    told = {
        "kind": str(opening.kind), "customer_id": opening.customer_id, "about": dict(opening.about),
        "terms": Terms.of(opening, limits).as_json(),
    }  # fmt: skip
    return OPENED, opening.case_id, "", "", opening.at.isoformat(), canonical(told).decode(), ""


def _opened(row: Row) -> Case:
    """The case that a row opens; KeyError, TypeError or ValueError when it is not well formed."""
    told: Any = json.loads(row[5])
    opening = Opening(row[1], CaseKind(told["kind"]), told["customer_id"], moment(row[4]), told["about"])
    return Case(opening, Terms.from_json(told["terms"]), last=row[4])


def _first(rows: Rows) -> int | None:
    """The place of the row that opens the case; one that is not well formed opens nothing."""
    return next((at for at, (_, row) in enumerate(rows) if row[0] == OPENED and not _unopened(row)), None)


def _unopened(row: Row) -> str:
    """Why a row opens no case; empty when it does."""
    try:
        _opened(row)
    except MALFORMED as error:
        return f"it is not well formed ({type(error).__name__})"
    return ""


def _case(case_id: str, rows: Rows, trust: Trust) -> Case:
    first = _first(rows)
    if first is None:
        raise UnknownCase(case_id)
    case = _opened(rows[first][1])
    ignored = [f"entry {seq} ({row[0]}): it lies before the opening" for seq, row in rows[:first]]
    for seq, row in rows[first + 1 :]:
        try:
            event = event_of(row, seq)
            if why := doubt(event, trust):
                raise CaseRefused(case_id, why)
            case = follow(case, event)
        except CaseRefused as error:
            ignored.append(f"entry {seq} ({row[0]}): {error.why}")
        except MALFORMED as error:
            ignored.append(f"entry {seq} ({row[0]}): it is not well formed ({type(error).__name__})")
    return replace(case, ignored=tuple(ignored))


def _doubts(trust: Trust) -> Callable[[Row], str]:
    newest = ""  # when the last row before was written, as far as it says so

    def of(row: Row) -> str:
        nonlocal newest
        before, newest = newest, _later(newest, row[4])
        if row[0] not in (OPENED, COLLECTED):
            return doubt_of(row, trust) or _dated(row[4], before)
        if row[2] or row[3] or row[6]:
            return "a person is named where nobody acts"
        return _unopened(row) if row[0] == OPENED else ""

    return of


def _later(one: str, other: str) -> str:
    """The later of two moments; what is none does not count."""
    try:
        return other if moment(other) > moment(one or other) or not one else one
    except ValueError:
        return one


def _dated(at: str, before: str) -> str:
    """Why an act at a moment does not follow what happened until `before`; empty when it does."""
    early = bool(before) and moment(at) < moment(before) - CLOCKS_DIFFER
    return f"it is dated {at}, after something of {before} was recorded" if early else ""
