"""`bank conduct`: whether what was said and sold to customers was as it may be."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from crm_rules.cases.opening import Opening
    from crm_rules.policy_book import PolicyBook
    from feature_repo.settings import Settings
    from monitoring.conduct_tables import Window

DAYS = 31
conduct = typer.Typer(no_args_is_help=True, help="Whether what was said and sold to customers was right.")


def _day(meaning: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(formats=["%Y-%m-%d"], help=meaning)
    return option


@conduct.callback()
def _group() -> None:
    """Keep a group of one command a group."""


@conduct.command("check")
def check(
    since: Annotated[datetime | None, _day(f"from this day on (UTC); {DAYS} days before the end")] = None,
    until: Annotated[datetime | None, _day("before this day (UTC); the end of the data")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="a policy file; that of the current release, else the shipped one")
    ] = None,
    open_cases: Annotated[bool, typer.Option("--open", help="make a case of every alert")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object, with every alert")] = False,
) -> None:
    """Hold talks, offers, sales and re-ratings against the rules of conduct, as known at each moment."""
    from datetime import UTC

    from feature_repo.settings import Settings
    from monitoring.conduct import check as look
    from monitoring.conduct_lines import as_json, as_lines

    settings, now = Settings(), datetime.now(UTC)
    book, policy_name = _book(settings, policy)
    found = look(settings.raw, _window(settings.raw, since, until), book, now)
    opened = _open(settings, found.openings, book, now) if open_cases else None
    told = [as_json(found, policy_name, opened)] if json else as_lines(found, policy_name, opened)
    for line in told:
        typer.echo(line)


def _open(settings: "Settings", openings: "Sequence[Opening]", book: "PolicyBook", now: datetime) -> int:
    """Make a case of each alert; how many were new. Where nobody could act on one, none is made."""
    from crm_rules.cases.store import CaseStore
    from crm_rules.governance.people import Trust

    Trust.of(settings)
    with CaseStore.open(settings.cases, settings.database.get_secret_value(), settings.heads) as store:
        return store.open_many(openings, book.at(now).cases)


def _window(raw: Path, since: datetime | None, until: datetime | None) -> "Window":
    """The days asked for, else the last ones of the data."""
    from datetime import UTC, timedelta

    from feature_repo.raw.source import Source
    from monitoring.conduct_tables import Window

    end = until.replace(tzinfo=UTC) if until else Source.read(raw).end
    return Window.of(since.replace(tzinfo=UTC) if since else end - timedelta(days=DAYS), end)


def _book(settings: "Settings", path: Path | None) -> tuple["PolicyBook", str]:
    """The policy to hold against, and what to call it: a file, the current release's, or the shipped one."""
    from crm_rules.governance.people import Trust
    from crm_rules.policy_book import STANDARD, PolicyBook
    from training.release.current import FILE, current
    from training.release.verify import verify

    if path or not (settings.releases / FILE).exists():
        read = PolicyBook.load(path or STANDARD)
        return read, f"{read.told} ({path or 'the shipped one'})"
    trust = Trust.of(settings)
    release = verify(settings.releases, current(settings.releases, trust).release, trust)
    read = PolicyBook.parse(release.part("policy")["policy.toml"])
    return read, f"{read.told} (of release {release.digest[:12]})"
