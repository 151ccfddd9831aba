"""Offline tables come online: `feast materialize` for every view, from where its rows end."""

from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

from feature_repo.build import PART
from feature_repo.engine import quiet
from feature_repo.errors import BankError
from feature_repo.features.catalogue import VIEWS
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from feature_repo.store import NotApplied, opened

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class NotBuilt(BankError, LookupError):
    """A view has no feature table."""

    def __init__(self, view: str, features: Path) -> None:
        self.view = view
        super().__init__(f"View '{view}' has no feature table in {features}. Run `bank features build`.")


@dataclass(frozen=True)
class Materialized:
    """What came online of a view: its customers with a row later than `since`, its newest before."""

    view: str
    since: datetime | None
    customers: int


def materialize(settings: Settings, end: datetime, views: Sequence[str] = tuple(VIEWS)) -> list[Materialized]:
    """Bring each customer's last row of these views up to and with `end` online, where it is newer.

    NotApplied when Feast does not know a view, NotBuilt when its table is not there.
    """
    store = opened(settings)
    known = [view.name for view in store.list_feature_views()]
    for view in views:
        if view not in known:
            raise NotApplied("Feature view", view, known)
        if not (settings.features / view / PART).exists():
            raise NotBuilt(view, settings.features)
    done = []
    for view in views:
        with open_rows(settings, read_only=False) as rows:
            newest = _newest(rows, view)
        start = EPOCH if newest is None else newest + MICROSECOND
        # From the beginning: a pushed row may be newer than what is due for the others; none is put back.
        with quiet(), redirect_stdout(StringIO()):  # Feast tells the console what it does
            store.materialize(EPOCH, end, [view])
        with open_rows(settings) as rows:
            later = int((rows.event_us(view) >= (start - EPOCH) // MICROSECOND).sum())
        done.append(Materialized(view, newest, later))
    return done


def _newest(rows: PackedRows, view: str) -> datetime | None:
    times = rows.event_us(view) if view in rows.columns() else ()
    return EPOCH + int(max(times)) * MICROSECOND if len(times) else None
