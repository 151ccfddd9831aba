"""Where the parts of commands meet: settings, people, the office. The second composition root."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from crm_rules.governance import keys
from crm_rules.governance.demo import key_path, make_demo
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import Journal
from crm_rules.governance.materiality import MATERIALITY, Materiality
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.session import Signer
from feature_repo.errors import BankError
from feature_repo.packed_rows import PackedRows, open_rows
from feature_repo.settings import Settings
from monitoring.decision_log import DecisionLogs
from serving.batch.errors import AlreadyRunning
from serving.batch.partition import Partitions
from serving.batch.run import BatchRun
from serving.batch.turn import only_one
from serving.bootstrap.releases import switches
from serving.bootstrap.stores import open_uses
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows
from serving.deciding.scoring import Scorer
from serving.deciding.uses import UsesReader
from serving.pipeline.daily import Nightly
from serving.pipeline.daily_status import FILE as NIGHTS
from serving.pipeline.daily_status import Night, Nights
from serving.spark import Task
from training.promotion import Office
from training.release.verify import verify

LOCK = "daily.lock"
COUNTED = "profile"  # the view with a row for each customer


class NobodyToSign(BankError, PermissionError):
    """Outside the demo nobody signs for somebody else."""

    def __init__(self) -> None:
        super().__init__(
            "BANK_PROFILE is 'bank', where `bank run` signs for nobody. Do its steps: "
            "`bank data ingest DIR`, `bank features build` and `materialize`, log in (`bank login ID`), "
            "`bank train NAME`, "
            "`bank promote request NAME policy products reasons`, let others `bank promote approve` it, and "
            "`bank serve`; or set BANK_PROFILE=demo to see it all with demo people."
        )


@dataclass(frozen=True)
class DemoPeople:
    """The demo people with their keys on this machine; they count in the demo profile only."""

    trust: Trust
    keys: Path
    at: datetime

    def who(self, role: Role) -> Signer:
        """The demo person of a role, ready to sign."""
        return self.of(self.trust.with_role(role, self.at)[0].id)

    def of(self, person_id: str) -> Signer:
        """A demo person, ready to sign."""
        return Signer(self.trust.person(person_id), keys.load(key_path(self.keys, person_id)))

    @property
    def author(self) -> str:
        """Who trains in the demo."""
        return self.who(Role.SCIENTIST).person.id


def demo_people(settings: Settings) -> DemoPeople:
    """Make or load the demo people; NobodyToSign in the bank profile."""
    if settings.profile != "demo":
        raise NobodyToSign
    at = now()
    make_demo(settings.trust_file, settings.keys, at)
    trust = Trust.of(settings)
    trust.anchor(Heads(settings.heads))
    return DemoPeople(trust, settings.keys, at)


@contextmanager
def journal(settings: Settings) -> Iterator[Journal]:
    """The journal of governance, where these settings say it lies."""
    with Journal.open(settings.governance, settings.database.get_secret_value(), settings.heads) as opened:
        yield opened


@contextmanager
def office(settings: Settings, trust: Trust) -> Iterator[Office]:
    """The office of promotions; what it makes current was loaded as serving loads it."""
    trust.anchor(Heads(settings.heads))
    with journal(settings) as opened:
        yield Office(
            settings.releases, settings.parts, opened, trust, Materiality.load(MATERIALITY),
            Heads(settings.heads), customers(settings), Loaded.of,
        )  # fmt: skip


def run_daily(settings: Settings, day: date, at: datetime) -> list[Night]:
    """Take the nights that are due up to a day; AlreadyRunning while another process does."""
    from serving.batch.telling import Telling
    from serving.pipeline.daily_steps import steps

    with only_one(settings.daily / LOCK, "`bank daily`"), Telling() as telling:
        known = Nights.read(settings.home / NIGHTS)
        nightly = Nightly(settings.daily, known, steps(settings, at, telling.tell), now, lambda night: None)
        return nightly.run(day)


def nights(settings: Settings) -> list[Night]:
    """How the nights stand; a step that a process no longer takes was broken off."""
    told = Nights.read(settings.home / NIGHTS).sorted
    try:
        with only_one(settings.daily / LOCK, "`bank daily`"):
            return [night.broken_off() for night in told]
    except AlreadyRunning:
        return told


def customers(settings: Settings) -> int:
    """About how many customers the bank decides: those with an online row."""
    with open_rows(settings) as rows:
        return rows.count(COUNTED)


def partitions(
    settings: Settings, run: BatchRun, folder: Path, rows: PackedRows, uses: UsesReader,
    told: Callable[[int], None],
) -> Partitions:  # fmt: skip
    """What decides a run's partitions, by the run's own release, verified here."""
    release = verify(settings.releases, run.release, Trust.of(settings))
    online = OnlineRows(rows, release.manifest.origin, release.digest)
    scorer = Scorer(Loaded.of(release), online, uses)
    return Partitions(run, folder, scorer, DecisionLogs.of(settings), lambda: switches(settings).stops, told)


def spark_task(settings: Settings, run: BatchRun, customer_ids: Sequence[str]) -> Task:
    """What Spark's executors need to decide that run about these customers, as things stand now."""
    with closing(open_uses(settings)) as uses:
        known = uses.counted(customer_ids)
    return Task(
        str(settings.releases.absolute()), str(settings.trust_file.absolute()), settings.trust_root,
        settings.profile, asdict(run), switches(settings).stops.as_record(), known.mine, known.everybodys,
    )  # fmt: skip


def now() -> datetime:
    """The time of a command; nothing below the commands reads the clock."""
    return datetime.now(UTC)


def exported(settings: Settings, part: str) -> Path:
    """Where a part waits to be put forward."""
    return settings.home / "exported" / part
