"""The deliveries of `bank daily`: a folder a day; what is there, what is late, what was taken in."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from feature_repo.errors import BankError
from feature_repo.raw.ingest import ingest
from feature_repo.raw.mapping import FILE as MAPPING
from feature_repo.raw.mapping import find
from feature_repo.raw.source import FILE as SOURCE
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.daily import GoesOnWithout, Waits
from serving.pipeline.journal import Done, Journal, digest_of_folder
from serving.pipeline.progress import Stopwatch
from serving.pipeline.step import Outcome

TAKEN = "deliveries.json"


class OtherBank(BankError, ValueError):
    """A delivery that would replace the bank that is loaded."""

    def __init__(self, folder: Path, found: str, held: str) -> None:
        self.folder = folder
        super().__init__(
            f"Delivery {folder} is of '{found}', but '{held}' is loaded, and the night replaces no bank. "
            f"Correct its mapping, or load it by hand: `bank data ingest {folder}`."
        )


@dataclass(frozen=True)
class Deliveries:
    """The deliveries of one bank. `now` is the time of the command."""

    settings: Settings
    folder: Path
    now: datetime

    def take(self, day: date) -> Outcome:
        """Take in every delivery up to that day that was not, in order.

        Waits while the day's own may still come; GoesOnWithout when it did not come in time, or is broken.
        """
        late = not self._whole(day)
        if late and not self._too_late(day):
            raise Waits(f"{self._missing(day)}, until {self._until(day):%Y-%m-%d %H:%M} UTC")
        told = []
        for folder in self._open(day):
            try:
                told.append(self._ingest(folder))
            except (BankError, OSError) as error:
                if not self._too_late(day):
                    raise
                raise GoesOnWithout(f"{folder.name}: {error}") from error
        if late:
            raise GoesOnWithout(f"{self._missing(day)}, which did not come in time")
        lines = tuple(told) or ("nothing new",)
        return Outcome(len(told), lines, {"deliveries": len(told)})

    def _whole(self, day: date) -> bool:
        return (self.folder / f"{day}").is_dir() and not self._lacks(day)

    def _lacks(self, day: date) -> list[str]:
        patterns = [each.strip() for each in self.settings.delivery_files.split(",") if each.strip()]
        return [each for each in patterns if not any((self.folder / f"{day}").glob(each))]

    def _missing(self, day: date) -> str:
        lacks = f" ({', '.join(self._lacks(day))})" if (self.folder / f"{day}").is_dir() else ""
        return f"delivery {self.folder.name}/{day}{lacks}"

    def _until(self, day: date) -> datetime:
        at = time.fromisoformat(self.settings.delivery_until)
        return datetime.combine(day + timedelta(days=1), at, UTC)

    def _too_late(self, day: date) -> bool:
        return self.now >= self._until(day)

    def _open(self, day: date) -> list[Path]:
        """The folders up to that day that were not taken in as they are now."""
        journal = self._journal()
        folders = sorted(path for path in self.folder.iterdir() if path.is_dir() and _is_day(path.name))
        due = [path for path in folders if path.name <= day.isoformat()]
        return [path for path in due if not journal.finished(path.name, digest_of_folder(path))]

    def _ingest(self, folder: Path) -> str:
        settings, watch, seen = self.settings, Stopwatch(), digest_of_folder(folder)
        given = self.folder / MAPPING if (self.folder / MAPPING).exists() else None
        held = Source.read(settings.raw).name if (settings.raw / SOURCE).exists() else None
        found = find(folder, given, held).name
        if held is not None and found != held:
            raise OtherBank(folder, found, held)
        key, limit = settings.keys / "pseudonym.key", settings.quarantine_limit
        source = ingest(folder, settings.raw, given, limit, self.now, key, settings.threads)
        line = f"{folder.name}: {sum(source.rows.values()):,} rows are known, until {source.ends[:10]}"
        self._journal().finish(folder.name, Done(seen, watch.seconds, 0, (line,)))
        return line

    def _journal(self) -> Journal:
        return Journal(self.settings.daily / TAKEN)


def _is_day(name: str) -> bool:
    try:
        return date.fromisoformat(name).isoformat() == name
    except ValueError:
        return False
