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
# # 5. Propensity, uplift, recommendations
# Three questions that sound alike. Who will buy? Whom does an offer *change*? Which product comes next?

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from IPython.display import Image, display
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from feature_repo.features.services import SERVICES
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.dataset import everybody_at, iso, load, quarters, spine_table, split_by_snapshot
from training.evidence.binary import binary_exhibits
from training.labels import DAY, PURCHASE, History, LabelSpec, purchases
from training.registry import Registry

SERVICE, CUSTOMERS = "propensity_v1", 8000
settings = Settings()
source = Source.read(settings.raw)
history = History(settings.raw, source)
columns = SERVICES[SERVICE]


def learn(matrix, label, rounds=60):
    """A small boosting, always the same one."""
    shape = {"learning_rate": 0.08, "max_leaf_nodes": 8, "min_samples_leaf": 40, "random_state": 0}
    return HistGradientBoostingClassifier(max_iter=rounds, **shape).fit(matrix, label)


# %% [markdown]
# ## Who will buy
# The buyers of a family within 90 days, learned on earlier quarters and tested on the last one that is known.
# A straight line through the same columns stands beside it.

# %%
spine = everybody_at(history, quarters(source)[-6:])
some = pc.unique(spine["customer_id"]).to_pylist()[:CUSTOMERS]
rows = load(settings, SERVICE, columns, spine.filter(pc.is_in(spine["customer_id"], pa.array(some))))
bought = purchases(history, rows.spine)
family = max(bought, key=lambda name: int((bought[name] == 1).sum()))
label = bought[family]
split = split_by_snapshot(rows.as_of, label >= 0, PURCHASE.horizon)
train, test = split.train | split.calibrate, split.test
linear = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
p = learn(rows.matrix[train], label[train]).predict_proba(rows.matrix[test])[:, 1]
plain = linear.fit(rows.matrix[train], label[train]).predict_proba(rows.matrix[test])[:, 1]
at = rows.as_of[test]
window = {"from": iso(int(at.min())), "to": iso(int(at.max()) + PURCHASE.horizon)}
evidence = binary_exhibits("", f"Buyers of {family}", family, label[test], p, plain, at, window)
for name in ("benchmark", "gains", "calibration"):
    display(Image(evidence[name].image))

# %% [markdown]
# ## Whom does an offer change
# Somebody who buys anyway costs an offer and gains nothing. Offers have a control arm, drawn by chance: two
# models, one for each arm, and their difference is the uplift. Later offers test.

# %%
OFFERED = """SELECT o.customer_id, o."at" AS as_of, any_value(o.arm) = 'treated' AS treated,
    any_value(p.family) AS family
  FROM offers o JOIN (SELECT DISTINCT product_id, family FROM products) p USING (product_id)
  WHERE epoch_us(o."at") >= $start GROUP BY o.customer_id, o."at" HAVING count(DISTINCT o.offer_id) = 1
  ORDER BY as_of, o.customer_id"""
RESPONSE = LabelSpec("response", 60, "buys a product of the offered family within 60 days")
offers = history.ask(OFFERED, start=quarters(source)[-10])
treated, offered = offers["treated"].to_numpy().astype(bool), offers["family"].to_pylist()
asked = spine_table(offers["customer_id"].to_pylist(), offers["as_of"].cast("int64").to_numpy())
seen = load(settings, SERVICE, columns, asked)
every = purchases(history, seen.spine, RESPONSE)
outcome = np.array([every[name][row] for row, name in enumerate(offered)])
known = outcome >= 0
border = np.quantile(seen.as_of[known], 0.6)
early, late = known & (seen.as_of + RESPONSE.horizon <= border), known & (seen.as_of > border)
print(f"{early.sum():,} offers to learn from, {late.sum():,} later ones to test on")
print(f"bought: {outcome[late & treated].mean():.2%} treated, {outcome[late & ~treated].mean():.2%} control")

# %%
with_offer, without = (
    learn(seen.matrix[early & arm], outcome[early & arm], 30) for arm in (treated, ~treated)
)
response = with_offer.predict_proba(seen.matrix[late])[:, 1]
uplift = response - without.predict_proba(seen.matrix[late])[:, 1]


def qini(score):
    """Additional buyers when the first n are treated: treated ones less those of control, scaled up."""
    order = np.argsort(-score, kind="stable")
    y, arm = outcome[late][order], treated[late][order]
    control = np.cumsum(y * ~arm) * np.cumsum(arm) / np.maximum(np.cumsum(~arm), 1)
    return np.r_[0, np.cumsum(y * arm) - control]


curves = {"by uplift": qini(uplift), "by response": qini(response)}
everybody = curves["by uplift"][-1]
figure, axes = plt.subplots(figsize=(7, 3.5))
for (name, curve), colour in zip(curves.items(), ("#0072B2", "#D55E00"), strict=True):
    axes.plot(np.linspace(0, 1, len(curve)), curve, label=name, color=colour)
axes.plot([0, 1], [0, everybody], "--", color="#6E6E6E", label="at random")
axes.set(title=f"Treating everybody brings {everybody:.0f} additional buyers, n = {late.sum():,}",
         xlabel="share of customers treated", ylabel="additional buyers")  # fmt: skip
axes.legend()
plt.show()
for name, curve in curves.items():
    area = np.mean(curve - np.linspace(0, everybody, len(curve)))
    print(f"{name:<12} {area:+.1f} additional buyers above random, on average over the shares treated")

# %% [markdown]
# The difference of two models is noisier than either: on a small bank ranking by response can beat it. The
# platform tries several uplift learners, reports an interval from a bootstrap, and uses uplift only where
# that is clear of zero.
#
# ## Which product comes next
# What customers hold together, against what is popular anyway. Only *added* products count: recommending
# what somebody already holds is easy and useless.

# %%
start = quarters(source)[-3]
FIRST = "SELECT customer_id, product_id, min(epoch_us(opened_at)) AS opened FROM holdings_latest GROUP BY ALL"
held = history.ask(FIRST).to_pandas()
before, after = held[held.opened < start], held[(held.opened >= start) & (held.opened < start + 180 * DAY)]
owns = pd.crosstab(before.customer_id, before.product_id).clip(upper=1)
adds = pd.crosstab(after.customer_id, after.product_id).clip(upper=1)
adds = adds.reindex(index=owns.index, columns=owns.columns, fill_value=0).to_numpy()
recent = before[before.opened >= start - 180 * DAY].product_id.value_counts()
popular = recent.reindex(owns.columns, fill_value=0).to_numpy(float)
owned = owns.to_numpy(float)
together = owned.T @ owned
size = np.diag(together)
similar = together / (np.sqrt(np.outer(size, size)) + 30)
np.fill_diagonal(similar, 0)


def average_precision(score, n=5):
    """AP@n of each customer who added something, over the products not held yet."""
    best = np.argsort(np.where(owned > 0, np.inf, -score), axis=1, kind="stable")[:, :n]
    hit = np.take_along_axis(adds, best, axis=1)
    precision = np.cumsum(hit, axis=1) / np.arange(1, n + 1)
    wanted = adds.sum(axis=1)
    return ((precision * hit).sum(axis=1) / np.maximum(np.minimum(wanted, n), 1))[wanted > 0]


ranked = {"popularity": np.tile(popular, (len(owned), 1)), "held together": owned @ similar}
ranked["both"] = ranked["held together"] * np.sqrt(popular + 1)
for name, score in ranked.items():
    each = average_precision(score)
    bound = 1.96 * each.std() / np.sqrt(len(each))
    print(f"{name:<14} MAP@5 {each.mean():.3f} [{each.mean() - bound:.3f}, {each.mean() + bound:.3f}]")

# %% [markdown]
# ## The platform's own models

# %%
shown = set()
for version in Registry(settings).versions():
    if version.name in ("propensity", "recommendation") and version.name not in shown and version.documented:
        shown.add(version.name)
        print(version.name, version.label, "-", version.record.chosen)
        for exhibit in list(version.record.exhibits.values())[:10]:
            print("  ", exhibit.title)
