"""Every setting, read once at the edge: environment, then .env, then bank.toml, then default."""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from feature_repo.errors import BankError

TOML = "bank.toml"


class InvalidSettings(BankError, ValueError):
    """A setting holds a value it cannot have, or the file with the settings cannot be read."""

    def __init__(self, found: str, way_out: str) -> None:
        self.found = found
        super().__init__(f"{found}. {way_out}")


@dataclass(frozen=True)
class Machine:
    """What computes features: DuckDB with so many threads here, or Spark, here or on a cluster.

    `master` is the address of the cluster; when empty, Spark runs with `threads` on this machine.
    """

    threads: int
    engine: Literal["duckdb", "spark"] = "duckdb"
    master: str = ""


class Settings(BaseSettings):
    """Where things are and how the platform behaves; entry points build it, others get values."""

    model_config = SettingsConfigDict(
        env_prefix="BANK_",
        env_file=".env",
        env_ignore_empty=True,
        toml_file=TOML,
        extra="ignore",
        frozen=True,
    )

    home: Path = Field(default=Path(".bank"), description="all run-time state")
    profile: Literal["demo", "bank"] = Field(default="demo", description="demo keys count in demo only")
    sandbox: bool | None = Field(
        default=None, description="sandbox customers answer; unless set, in demo only"
    )
    host: str = Field(default="127.0.0.1", description="address the service listens on")
    port: int = Field(default=3000, ge=1, le=65535)
    rate_per_second: float = Field(
        default=2_000, gt=0, le=1e6, description="requests a second of one caller and worker, over time"
    )
    rate_burst: int = Field(default=4_000, ge=1, le=1_000_000, description="requests of one caller at once")
    workers: int = Field(default=1, ge=1, le=64, description="processes that answer requests")
    access_log: bool = Field(default=False, description="a log line for every request, not only failed ones")
    threads: int = Field(default=2, ge=1, description="threads of DuckDB and training")
    engine: Literal["duckdb", "spark"] = Field(default="duckdb", description="what computes features")
    spark_master: str = Field(default="", description="address of a Spark cluster; empty: this machine")
    online_store: Literal["sqlite", "redis"] = Field(default="sqlite", description="where online rows lie")
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"), description="may hold a password"
    )
    redis_prefix: str = Field(default="bank", min_length=1, description="begins every key in Redis")
    database: SecretStr = Field(
        default=SecretStr(""),
        description="URL of PostgreSQL for governance, ledger, log and cases; empty: SQLite files",
    )
    anchors: Path | None = Field(
        default=None, description="folder of the chains' heads, best on another disk; else in the home"
    )
    trust_root: str = Field(
        default="",
        pattern="^([0-9a-f]{64})?$",
        description="digest of the trust file's first version, pinned",
    )
    oidc_issuer: str = Field(default="", description="https address of the identity provider")
    oidc_client_id: str = Field(default="", description="this platform's name at the identity provider")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="empty: a public client")
    idempotency_hours: int = Field(
        default=24, ge=1, le=24 * 31, description="how long the same Idempotency-Key is the same decision"
    )
    spool_mb: int = Field(
        default=64,
        ge=1,
        le=65_536,
        description="decisions a worker keeps aside while the log cannot be written",
    )
    stale_after_hours: float | None = Field(
        default=None,
        gt=0,
        description="age from which features are stale; unless set, 72 in profile bank only",
    )
    deliveries: Path | None = Field(
        default=None, description="folder of deliveries, one folder a day (YYYY-MM-DD), for `bank daily`"
    )
    delivery_files: str = Field(
        default="", description="patterns, by comma, that a delivery must hold to be whole"
    )
    delivery_until: str = Field(
        default="06:00",
        pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="UTC time of the next day until which `bank daily` waits for a delivery",
    )
    quarantine_limit: float = Field(default=0.01, ge=0, le=1, description="share of a table's rows")

    def __init__(self, **given: Any) -> None:
        """Read every source; InvalidSettings names the setting, what it holds, and where to correct it."""
        try:
            super().__init__(**given)
        except ValidationError as error:
            raise _invalid(error) from error
        except (TOMLDecodeError, UnicodeDecodeError) as error:
            found = f"{TOML} or .env in {os.getcwd()} cannot be read: {error}"
            raise InvalidSettings(found, "Write it as UTF-8, each setting as `name = value`.") from error

    @property
    def machine(self) -> Machine:
        """What computes features."""
        return Machine(self.threads, self.engine, self.spark_master)

    @property
    def stale_after_s(self) -> float:
        """The age in seconds from which features are stale; the demo's bank is of the past, and never is."""
        if self.stale_after_hours is None:
            return 72 * 3600.0 if self.profile == "bank" else math.inf
        return self.stale_after_hours * 3600

    @property
    def has_sandbox(self) -> bool:
        """Whether sandbox customers answer."""
        return self.profile == "demo" if self.sandbox is None else self.sandbox

    @property
    def raw(self) -> Path:
        """Raw tables, one folder each, and source.json."""
        return self.home / "raw"

    @property
    def truth(self) -> Path:
        """What only the generator knows: personas, needs, oracle scores."""
        return self.home / "truth"

    @property
    def features(self) -> Path:
        """Feature tables as Feast's offline store reads them, one folder for each view."""
        return self.home / "features"

    @property
    def feast(self) -> Path:
        """Feast's registry."""
        return self.home / "feast"

    @property
    def online(self) -> Path:
        """The file of packed rows that scoring reads, unless they lie in Redis."""
        return self.home / "online.db"

    @property
    def live(self) -> Path:
        """Fresh rows: the raw tables as pushing keeps them, and what was refused."""
        return self.home / "live"

    @property
    def inbox(self) -> Path:
        """The file of events that wait for the writer, unless they lie in PostgreSQL."""
        return self.home / "inbox.db"

    @property
    def mlflow(self) -> Path:
        """MLflow's database and artifacts."""
        return self.home / "mlflow"

    @property
    def releases(self) -> Path:
        """Releases by digest, and the signed record `current`."""
        return self.home / "releases"

    @property
    def trust_file(self) -> Path:
        """Public keys and roles; outside every database."""
        return self.home / "trust.json"

    @property
    def shadows(self) -> Path:
        """What a release in the shadow would have decided: a log a worker, apart from the decisions."""
        return self.home / "shadows"

    @property
    def governance(self) -> Path:
        """The file of promotions, holds and stop switches, unless they lie in PostgreSQL."""
        return self.home / "governance.db"

    @property
    def heads(self) -> Path:
        """The heads of every hash chain, outside every database."""
        return self.anchors or self.home / "heads"

    @property
    def parts(self) -> Path:
        """What was put forward for promotion, each part a folder by its digest; never changed."""
        return self.home / "parts"

    @property
    def trust_draft(self) -> Path:
        """The change of the trust file that waits for its second signature."""
        return self.home / "trust.draft.json"

    @property
    def passwords(self) -> Path:
        """Hashes of passwords; mode 0600."""
        return self.home / "passwords.json"

    @property
    def session(self) -> Path:
        """Who is logged in on this machine; mode 0600."""
        return self.home / "session.json"

    @property
    def keys(self) -> Path:
        """Private keys of this machine's people and of the token issuer; mode 0600."""
        return self.home / "keys"

    @property
    def decisions(self) -> Path:
        """The decision log: one SQLite file a worker, Parquet files of batches, anchors."""
        return self.home / "decisions"

    @property
    def batch(self) -> Path:
        """Batch runs, a folder each: who is asked, and the answers."""
        return self.home / "batch"

    @property
    def daily(self) -> Path:
        """What `bank daily` did, a journal a day."""
        return self.home / "daily"

    @property
    def ledger(self) -> Path:
        """The loyalty ledger."""
        return self.home / "ledger.db"

    @property
    def uses(self) -> Path:
        """The file of what customers said to offers, unless it lies in PostgreSQL."""
        return self.home / "offers.db"

    @property
    def idempotency(self) -> Path:
        """The file of idempotency keys, unless they lie in PostgreSQL."""
        return self.home / "keys.db"

    @property
    def holders(self) -> Path:
        """A locked file for each process that holds idempotency keys."""
        return self.home / "holders"

    @property
    def cases(self) -> Path:
        """The file of cases, unless they lie in PostgreSQL."""
        return self.home / "cases.db"

    @property
    def reports(self) -> Path:
        """Drift reports and data reports; they hold personal data."""
        return self.home / "reports"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, .env, bank.toml, in this order."""
        toml = TomlConfigSettingsSource(settings_cls)
        if unknown := sorted(toml.toml_data.keys() - settings_cls.model_fields.keys()):
            known = ", ".join(settings_cls.model_fields)
            raise InvalidSettings(f"{TOML} has no setting {unknown}", f"There are {known}; correct its name.")
        return init_settings, env_settings, dotenv_settings, toml


def _invalid(error: ValidationError) -> InvalidSettings:
    """The first setting that is wrong, by every name it may have been given under."""
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0])
    problem = first["msg"].removeprefix("Input ")
    return InvalidSettings(
        f"Setting '{name}' is {first['input']!r}, but {problem}",
        f"Correct BANK_{name.upper()} in the environment or .env, or {name} in {TOML}.",
    )
