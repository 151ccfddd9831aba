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
# # 3. Credit: a scorecard against boosting
# A scorecard is a table of points a person can add up. Boosting finds interactions. Is the difference worth
# it? Both learn from the same requests and are tested on later ones.

# %%
import numpy as np
import pandas as pd
from IPython.display import Image, display

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.dataset import iso, with_request
from training.evidence.binary import binary_exhibits
from training.labels import History, application_default, times
from training.learning.monotone_boosting import MonotoneBoosting
from training.learning.woe_scorecard import WoEScorecard
from training.registry import Registry
from training.validation import auc_difference, auc_interval, calibration_error

settings = Settings()
source = Source.read(settings.raw)
history = History(settings.raw, source)

# %% [markdown]
# ## Who is in the data
# Only requests that were granted have an outcome. Whatever we measure holds for people like those the bank
# said yes to; it says nothing about those it refused.

# %%
requests = application_default(history)
rows = with_request(settings, "credit_risk_v1", requests)
bad, at = np.asarray(requests["bad"].to_numpy(), np.int8), times(requests)
judged = np.asarray(requests["judged_us"].to_numpy(), np.int64)
border = int(np.quantile(judged, 0.6))
train, test = (at < border) & (judged <= border), at >= border
columns = rows.informative(train)
table = pd.DataFrame(rows.only(columns), columns=list(columns))
print(f"{train.sum():,} requests to learn from, {bad[train].mean():.1%} in default")
print(f"{test.sum():,} later ones to test on, {bad[test].mean():.1%}")

# %% [markdown]
# ## What each column says
# Information value: below .02 nothing, .1 to .3 some, above .5 suspicious. The bins' weight of evidence
# must make sense before any model is fitted: more late payments, more default.

# %%
rising = ("payments_late_365d", "days_past_due_max_365d", "bureau_delinquencies", "bureau_inquiries")
direction = {name: 1 for name in rising if name in columns}
card = WoEScorecard(monotone=direction).fit(table[train], bad[train])
values = card.evidence_.groupby("column").information_value.first().sort_values(ascending=False)
display(values.head(10).to_frame())
display(card.evidence_[card.evidence_.column == values.index[0]])

# %% [markdown]
# ## Points
# The characteristics that move a score most: what the best and the worst bin of each are worth.

# %%
points = pd.DataFrame(card.points(table[test]), columns=list(card.card_.columns))
worth = points.agg(["min", "mean", "max"]).T
worth["spread"] = worth["max"] - worth["min"]
print(f"{len(worth)} characteristics")
display(worth.sort_values("spread", ascending=False).head(8).round(2))

# %% [markdown]
# ## Boosting beside it, on the same rows
# The same directions are imposed: risk may never fall with more late payments.

# %%
boosting = MonotoneBoosting(monotone=direction, depth=3, rounds=200).fit(
    table[train], bad[train], order=at[train]
)
scores = {
    name: model.predict_proba(table[test])[:, 1]
    for name, model in (("scorecard", card), ("boosting", boosting))
}
for name, p in scores.items():
    found, error = auc_interval(bad[test], p), calibration_error(bad[test], p)
    print(
        f"{name:<10} AUC {found.value:.3f} [{found.low:.3f}, {found.high:.3f}], calibration error {error:.4f}"
    )
gain = auc_difference(bad[test], scores["boosting"], scores["scorecard"])
print(f"boosting over scorecard: {gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")

# %% [markdown]
# An interval that holds zero means: on this many requests the two cannot be told apart, and the one a
# person can read is the better choice.

# %%
window = {"from": iso(int(at[test].min())), "to": iso(int(at[test].max()))}
evidence = binary_exhibits(
    "", "Scorecard", "评分卡", bad[test], scores["scorecard"], scores["boosting"], at[test], window
)
for name in ("calibration", "bands"):
    display(Image(evidence[name].image))

# %% [markdown]
# ## How good could anybody be?
# A generated bank knows the chance each default was drawn with. Nobody can rank better than that.

# %%
if (settings.truth / "applications").exists():
    asked = history.ask(
        'SELECT application_id, customer_id, "at" AS as_of FROM applications_latest'
    ).to_pandas()
    truth = pd.read_parquet(settings.truth / "applications", columns=["application_id", "pd"])
    chances = asked.merge(truth, on="application_id").drop_duplicates(["customer_id", "as_of"])
    oracle = requests.select(["customer_id", "as_of"]).to_pandas().merge(chances, how="left").pd.to_numpy()
    best = auc_interval(bad[test], np.nan_to_num(oracle[test]))
    share = auc_interval(bad[test], scores["scorecard"]).value / best.value
    print(f"oracle AUC {best.value:.3f} [{best.low:.3f}, {best.high:.3f}]; the scorecard reaches {share:.0%}")

# %% [markdown]
# ## The platform's own model
# `bank train credit_risk` chooses between them inside the training rows, calibrates, explains and checks
# fairness.

# %%
for version in Registry(settings).versions():
    if version.name == "credit_risk" and version.documented:
        print(version.label, "-", version.record.chosen)
        for exhibit in list(version.record.exhibits.values())[:8]:
            print("  ", exhibit.title)
        break
