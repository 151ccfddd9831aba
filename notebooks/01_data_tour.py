# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. A tour of the data
# What a loaded bank consists of, what "as of a date" means, and what the platform makes of it. This reads the
# same `BANK_HOME` as `bank run --no-serve`, which comes first.

# %%
from datetime import timedelta

import duckdb
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

from feature_repo.features.services import SERVICES
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from feature_repo.store import describe, historical
from training.registry import Registry

settings = Settings()
source = Source.read(settings.raw)
bank = duckdb.connect()
bank.execute("SET TimeZone = 'UTC'")
for table in source.rows:
    if source.has(table):
        bank.read_parquet(f"{settings.raw}/{table}/*.parquet").create_view(table)

# %% [markdown]
# ## Tables
# Amounts are decimals in their own currency, times are UTC, and every row says when the bank knew it.

# %%
print(f"{source.name}: {source.starts[:10]} to {source.ends[:10]}, base currency {source.base_currency}")
display(pd.Series(source.rows, name="rows").to_frame().assign(quarantined=pd.Series(source.quarantined)))

# %% [markdown]
# ## Two times
# A fact has a time when it holds (`valid_from`) and a time when the bank knew it (`recorded_at`). A change
# is a new row. Here is the customer whose record changed most often; a snapshot sees only the rows recorded
# before it.

# %%
story = bank.sql("""SELECT valid_from, recorded_at, region, occupation, income_monthly, risk_level
  FROM customers WHERE customer_id = (
    SELECT customer_id FROM customers GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1)
  ORDER BY recorded_at""").df()
display(story)
before = source.end - timedelta(days=365)
seen = story[story.recorded_at < pd.Timestamp(before)]
print(f"As of {before:%Y-%m-%d} the bank knew {len(seen)} of these {len(story)} rows.")

# %% [markdown]
# ## Money
# Bookings by month. Sums run on exact types, so that they are the same on every machine.

# %%
months = bank.sql("""SELECT date_trunc('month', booked_at) AS month, sum(greatest(amount, 0)) AS inflow,
  -sum(least(amount, 0)) AS outflow, count(*) AS bookings FROM bookings GROUP BY 1 ORDER BY 1""").df()
figure, axes = plt.subplots(figsize=(9, 3))
for name, colour in (("inflow", "#0072B2"), ("outflow", "#D55E00")):
    axes.plot(months.month, months[name].astype(float), color=colour, label=name)
axes.set(title=f"{len(months)} months, {months.bookings.sum():,.0f} bookings", ylabel=source.base_currency)
axes.legend()
plt.show()

# %% [markdown]
# ## Products and offers
# Some offers went to nobody on purpose: the control arm is what makes it possible to say what an offer
# changes.

# %%
if source.has("holdings"):
    display(
        bank.sql("""SELECT p.family, count(DISTINCT h.customer_id) AS customers, count(*) AS holdings
      FROM holdings h JOIN (SELECT DISTINCT product_id, family FROM products) p USING (product_id)
      GROUP BY 1 ORDER BY 2 DESC""").df()
    )
if source.has("offers"):
    display(
        bank.sql("""SELECT arm, count(*) AS offers, avg((outcome = 'accepted')::INT) AS accepted,
      avg(selection_probability) AS chance_of_being_treated FROM offers GROUP BY 1""").df()
    )

# %% [markdown]
# ## Features as of a date
# Feast finds for each row the last features at or before its date; nothing later is seen.

# %%
date = pd.Timestamp(source.end).floor("D") - pd.Timedelta(days=180)
some = bank.sql("SELECT DISTINCT customer_id FROM customers ORDER BY 1 LIMIT 5").df().customer_id
asked = pd.DataFrame({"customer_id": some, "event_timestamp": date})
features = historical(settings, asked, "segmentation_v1")
display(features.drop(columns="event_timestamp").set_index("customer_id").T.head(12))

# %% [markdown]
# What the columns mean, and which model reads how many.

# %%
display(describe("credit_risk_v1")[["column", "unit", "meaning"]].head(12))
print({service: len(columns) for service, columns in SERVICES.items()})

# %% [markdown]
# ## What has been trained, and which version serves

# %%
for version in Registry(settings).versions():
    print(version.name, version.label, version.tags["author"], version.tags["window_from"][:10])
