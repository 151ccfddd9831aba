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
# # 2. Features, and four ways to fool yourself
# Who leaves the bank within half a year? We build an honest dataset, measure honestly, and then make the
# usual mistakes on purpose to see what they pretend.

# %%
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from IPython.display import display
from sklearn.ensemble import HistGradientBoostingClassifier

from feature_repo.features.services import SERVICES
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.dataset import everybody_at, iso, load, quarters, spine_table, split_by_snapshot
from training.labels import CHURN, History, churn
from training.validation import auc, auc_interval

SERVICE, CUSTOMERS = "propensity_v1", 4000
settings = Settings()
source = Source.read(settings.raw)
history = History(settings.raw, source)
columns = SERVICES[SERVICE]

# %% [markdown]
# ## An honest dataset
# A row is a customer at a quarter start. Features see what was recorded before it; the label sees what
# happened after it. A label is -1 where its horizon ends after the data: unknown is not "no".

# %%
spine = everybody_at(history, quarters(source)[-8:])
ids = pc.unique(spine["customer_id"]).to_pylist()[:CUSTOMERS]
rows = load(settings, SERVICE, columns, spine.filter(pc.is_in(spine["customer_id"], pa.array(ids))))
left = churn(history, rows.spine)
by_quarter = pd.DataFrame(
    {"quarter": [iso(at)[:10] for at in rows.as_of], "known": left >= 0, "left": left == 1}
)
display(
    by_quarter.groupby("quarter").agg(rows=("known", "size"), known=("known", "sum"), left=("left", "sum"))
)

# %% [markdown]
# ## An honest figure
# The last quarter whose outcome is known tests. Between training and test lies an embargo as long as the
# horizon: every label of a training row had ended before the first test row was observed.

# %%
split = split_by_snapshot(rows.as_of, left >= 0, CHURN.horizon)
train, test = split.train | split.calibrate, split.test


def learn(matrix, label):
    """A small boosting, always the same one."""
    shape = {"max_iter": 60, "learning_rate": 0.08, "max_leaf_nodes": 8, "random_state": 0}
    return HistGradientBoostingClassifier(**shape).fit(matrix, label)


def told(name, label, score):
    """An AUC with its interval."""
    found = auc_interval(label, np.asarray(score, np.float64))
    print(f"{name:<46} AUC {found.value:.3f} [{found.low:.3f}, {found.high:.3f}]  n {len(label):,}")


honest = learn(rows.matrix[train], left[train]).predict_proba(rows.matrix[test])[:, 1]
told("honest: split by time, with an embargo", left[test], honest)

# %% [markdown]
# ## Mistake 1: features from after the date
# Joined "by customer" instead of "by customer and date", features come from the end of the horizon.
# Somebody who has left has no balance: the model reads the outcome, and the figure is wonderful.

# %%
known = left >= 0
ends = spine_table(list(rows.customer_ids[known]), rows.as_of[known] + CHURN.horizon)
later = load(settings, SERVICE, columns, ends)
y, tested = left[known], rows.as_of[known] == rows.as_of[test].max()
ahead = learn(later.matrix[~tested], y[~tested]).predict_proba(later.matrix[tested])[:, 1]
told("mistake 1: features of half a year later", y[tested], ahead)

# %% [markdown]
# Single columns carry much of it, and that is the test to run on every new table: a column that ranks by
# itself far better than the honest model, or above .95, is a suspect and not a discovery. (`bank train NAME
# --table` reports such columns by itself.)

# %%
alone = {}
for j, name in enumerate(columns):
    score = auc(y[tested], np.nan_to_num(later.matrix[tested, j].astype(float)))
    alone[name] = max(score, 1 - score)
display(pd.Series(alone, name="AUC alone").sort_values(ascending=False).head(5).to_frame())

# %% [markdown]
# ## Mistake 2: a random split
# The same customer is in training and in test, a quarter apart, and so is the same season.

# %%
shuffled = np.random.default_rng(0).permutation(np.flatnonzero(known))
some, others = np.split(shuffled, [len(shuffled) * 3 // 4])
mixed = learn(rows.matrix[some], left[some]).predict_proba(rows.matrix[others])[:, 1]
told("mistake 2: rows split at random", left[others], mixed)

# %% [markdown]
# ## Mistake 3: no embargo
# Training rows up to the quarter before the test: their half-year of outcome reaches into the test's own
# time.

# %%
close = known & (rows.as_of < rows.as_of[test].max())
hasty = learn(rows.matrix[close], left[close]).predict_proba(rows.matrix[test])[:, 1]
told("mistake 3: no embargo", left[test], hasty)

# %% [markdown]
# ## Mistake 4: choosing on the test rows
# Forty columns of pure noise, and the one that looks best on the test rows. It "adds" something every time.

# %%
noise = np.random.default_rng(1).normal(size=(int(test.sum()), 40))
lucky = max(range(40), key=lambda j: auc(left[test], noise[:, j]))
told("mistake 4: the luckiest of 40 noise columns", left[test], noise[:, lucky])

# %% [markdown]
# The honest figure with its interval is the one to take home. What the mistakes add to it is borrowed from
# the future: it will not be there in service. Not every mistake adds much on every bank; that is what makes
# them hard to see.
