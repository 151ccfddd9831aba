# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
# ---

# %% [markdown]
# # A first look at a loaded bank
# Run `bank run --no-serve` first; this reads the same BANK_HOME.

# %%
from datetime import UTC, datetime

import pandas as pd

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from feature_repo.store import describe, historical
from training.registry import Registry

settings = Settings()
source = Source.read(settings.raw)
print(f"{source.name}: {source.rows['bookings']:,} bookings, {source.starts[:10]} to {source.ends[:10]}")

# %% [markdown]
# ## Features of a few customers as of a date
# Feast finds for each row the last features at or before its date; nothing later is seen.

# %%
customers = pd.read_parquet(settings.raw / "customers", columns=["customer_id"]).customer_id.unique()[:5]
date = datetime(source.end.year - 1, 7, 1, tzinfo=UTC)
asked = pd.DataFrame({"customer_id": customers, "event_timestamp": pd.Timestamp(date)})
features = historical(settings, asked, "segmentation_v1")
print(features.set_index("customer_id").T.to_string())

# %% [markdown]
# ## What the columns mean

# %%
print(describe("credit_risk_v1")[["column", "unit", "meaning"]].head(12).to_string(index=False))

# %% [markdown]
# ## What has been trained, and what is champion

# %%
for version in Registry(settings).versions():
    print(version.name, version.version, ", ".join(version.aliases), version.tags["author"])
