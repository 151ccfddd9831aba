"""Contacts and sales as the raw tables tell of them, each beside what the bank knew at that moment.

Known at a moment is what was recorded strictly before it, of facts that held strictly before it. So a
consent that was withdrawn before a call, but recorded after it, was still in force when the bank called.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from crm_rules.compliance.words import Words
from crm_rules.vocabulary import CHANNELS
from feature_repo.raw.contracts import BY_NAME
from feature_repo.raw.source import delivered, files
from feature_repo.zones import CODE
from monitoring import conduct_queries as queries
from monitoring.errors import NoWindow

READ = ("customers", "interactions", "offers", "holdings", "products", "consents")


@dataclass(frozen=True)
class Window:
    """What was said and sold from `since` on, before `until` (UTC)."""

    since: datetime
    until: datetime

    @staticmethod
    def of(since: datetime, until: datetime) -> "Window":
        """A window that holds something; NoWindow when it ends before it begins."""
        if since >= until:
            raise NoWindow(since, until)
        return Window(since, until)


@dataclass(frozen=True)
class Looked:
    """How much was looked through: talks, those the bank began, those that offered something."""

    conversations: int
    outbound: int
    marketing: int
    offers: int
    sales: int


@dataclass(frozen=True)
class Found:
    """What the raw tables tell: contacts, and holdings whose product was rated up, a row each."""

    contacts: pa.Table
    rerated: pa.Table
    looked: Looked
    missing: tuple[str, ...]  # tables that were not delivered

    @staticmethod
    def of(parts: Sequence["Found"]) -> "Found":
        """What several spans of one bank's time tell together."""
        counts = zip(*(astuple(part.looked) for part in parts), strict=True)
        return Found(
            pa.concat_tables([part.contacts for part in parts]),
            pa.concat_tables([part.rerated for part in parts]),
            Looked(*(sum(count) for count in counts)),
            parts[0].missing,
        )


def find(raw: Path, window: Window, words: Words, asked: tuple[str, ...]) -> Found:
    """Read them; `asked` are the channels where marketing needs a consent. MissingTable without customers."""
    span = {"since": window.since, "until": window.until}
    with _opened(raw, words) as bank:
        bank.execute(queries.CONTACTS, span)
        for step in (queries.ABOUT, queries.RISKS, queries.PEOPLE):
            bank.execute(step)
        bank.execute(queries.AGREED, {"asked": list(asked)})
        bank.execute(queries.REFUSED, {"refused": list(words.refused)})
        counts = bank.execute(queries.COUNTED, span).fetchall()[0]
        contacts = bank.sql(queries.WHOLE, params={"channels": list(CHANNELS)}).to_arrow_table()
        rerated = bank.sql(queries.RERATED, params=span).to_arrow_table()
    missing = tuple(table for table in READ if not files(raw, table))
    return Found(contacts, rerated, Looked(*counts), missing)


@contextmanager
def _opened(raw: Path, words: Words) -> Iterator[duckdb.DuckDBPyConnection]:
    """The raw tables by name, empty where one was not delivered, beside the policy's topics and the zones."""
    with duckdb.connect() as bank:
        bank.execute("SET TimeZone = 'UTC'")
        delivered(raw, "customers")
        for table in READ:
            if found := files(raw, table):
                bank.read_parquet([str(path) for path in found], union_by_name=True).create_view(table)
            else:
                bank.register(table, BY_NAME[table].schema.empty_table())
        topics = [topic for topic, _ in words.topics]
        families = [family for _, family in words.topics]
        bank.register("topics", pa.table({"topic": pa.array(topics, pa.string()), "family": families}))
        bank.register("zones", pa.table({"name": list(CODE), "code": list(CODE.values())}))
        yield bank
