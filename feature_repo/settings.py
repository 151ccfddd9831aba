"""Every setting, read once at the edge: environment, then .env, then bank.toml, then default."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)


class Settings(BaseSettings):
    """Where things are and how the platform behaves; entry points build it, others get values."""

    model_config = SettingsConfigDict(
        env_prefix="BANK_", env_file=".env", toml_file="bank.toml", extra="ignore", frozen=True
    )

    home: Path = Field(default=Path(".bank"), description="all run-time state")
    profile: Literal["demo", "bank"] = Field(default="demo", description="demo keys count in demo only")
    host: str = Field(default="127.0.0.1", description="address the service listens on")
    port: int = Field(default=3000, ge=1, le=65535)
    threads: int = Field(default=2, ge=1, description="threads of DuckDB and training")
    quarantine_limit: float = Field(default=0.01, ge=0, le=1, description="share of a table's rows")

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
        """Packed rows that scoring reads."""
        return self.home / "online.db"

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
    def keys(self) -> Path:
        """Private keys of this machine's people and of the token issuer; mode 0600."""
        return self.home / "keys"

    @property
    def decisions(self) -> Path:
        """The decision log: one SQLite file a worker, Parquet files of batches, anchors."""
        return self.home / "decisions"

    @property
    def ledger(self) -> Path:
        """The loyalty ledger."""
        return self.home / "ledger.db"

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
        return init_settings, env_settings, dotenv_settings, toml
