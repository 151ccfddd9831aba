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
# # 4. Segments that last
# Any k gives k clusters. Which of them are there, would come back on other data, and can be told to a
# person?

# %%
import numpy as np
import pandas as pd
from IPython.display import Image, display
from sklearn.cluster import KMeans
from sklearn.impute import SimpleImputer
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer
from sklearn.tree import DecisionTreeClassifier, export_text

from feature_repo.features.services import SERVICES
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from training.dataset import everybody_at, load, quarters
from training.labels import History, active
from training.registry import Registry
from training.validation import auc

SERVICE, SAMPLE = "segmentation_v1", 3000
settings = Settings()
source = Source.read(settings.raw)
history = History(settings.raw, source)

# %% [markdown]
# ## One space for money, counts and shares
# Amounts have long tails: one millionaire would be a segment. Ranks make columns comparable.

# %%
rows = load(settings, SERVICE, SERVICES[SERVICE], everybody_at(history, quarters(source)[-1:]))
chosen = np.flatnonzero(active(history, rows.spine))
chosen = np.random.default_rng(0).choice(chosen, min(SAMPLE, len(chosen)), replace=False)
rows = rows.rows(np.isin(np.arange(len(rows)), chosen))
columns = rows.informative(np.ones(len(rows), bool))
scale = make_pipeline(SimpleImputer(strategy="median"), QuantileTransformer(n_quantiles=100, random_state=0))
points = scale.fit_transform(rows.only(columns))
print(f"{len(points):,} active customers, {len(columns)} columns")

# %% [markdown]
# ## Choosing k on evidence
# Silhouette says how well separated the clusters are; the bootstrap says whether they come back when other
# customers had been drawn (1 is the same partition, 0 is chance).


# %%
def stability(k, label, turns=5):
    """Mean agreement with the clusters found on resampled customers."""
    found = []
    for turn in range(turns):
        drawn = np.random.default_rng(turn).integers(0, len(points), len(points))
        again = KMeans(k, n_init=2, random_state=turn).fit(points[drawn]).predict(points)
        found.append(adjusted_rand_score(label, again))
    return float(np.mean(found))


tried = {}
for k in range(3, 9):
    label = KMeans(k, n_init=4, random_state=0).fit_predict(points)
    smallest = np.bincount(label).min() / len(label)
    silhouette = silhouette_score(points, label, sample_size=1500, random_state=0)
    tried[k] = {"silhouette": silhouette, "stability": stability(k, label), "smallest": smallest}
evidence = pd.DataFrame(tried).T
display(evidence.round(3))
sound = evidence[(evidence.stability >= 0.75) & (evidence.smallest >= 0.03)]
k = int((sound if len(sound) else evidence).silhouette.idxmax())
print(f"k = {k}" + ("" if len(sound) else ", although none is stable"))

# %% [markdown]
# ## Rules a person can read
# A small tree repeats the assignment. Its fidelity says how much of the segmentation the rules tell.

# %%
label = KMeans(k, n_init=4, random_state=0).fit_predict(points)
raw = SimpleImputer(strategy="median").fit_transform(rows.only(columns))
tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=0.02, random_state=0).fit(raw, label)
largest = np.bincount(label).max() / len(label)
print(f"fidelity {tree.score(raw, label):.2f}, the largest segment alone {largest:.2f}")
print(export_text(tree, feature_names=list(columns), max_depth=2))

# %% [markdown]
# ## Do segments give away what they must not know?
# The protected columns are in no feature list of a model; can they be guessed from the segment all the
# same? An AUC of .5 says no.

# %%
protected = load(settings, "fairness_v1", SERVICES["fairness_v1"], rows.spine)
for name in protected.columns:
    value = protected.only([name])[:, 0]
    known = ~np.isnan(value)
    above = (value[known] > np.nanmean(value)).astype(np.int8)
    share = np.array([above[label[known] == each].mean() for each in range(k)])[label[known]]
    print(f"{name:<12} above its mean, guessed from the segment: AUC {auc(above, share):.3f}")

# %% [markdown]
# ## How close to the truth?
# A generated bank knows what kind of customer each one is. We never showed it to the clustering.

# %%
if (settings.truth / "customers").exists():
    truth = pd.read_parquet(settings.truth / "customers", columns=["customer_id", "persona_last"])
    persona = truth.set_index("customer_id").persona_last.reindex(rows.customer_ids).astype(str).to_numpy()
    print(f"agreement with the personas (adjusted Rand): {adjusted_rand_score(persona, label):.2f}")
    display(pd.crosstab(persona, label, normalize="index").round(2))

# %% [markdown]
# ## The platform's own segmentation
# `bank train segmentation` adds what a bank needs over time: ids that stay the same across retraining,
# names, profiles, and rules that marketing edits.

# %%
for version in Registry(settings).versions():
    if version.name == "segmentation" and version.documented:
        print(version.label, "-", version.record.chosen)
        for exhibit in version.record.exhibits.values():
            print("  ", exhibit.title)
        drawn = [exhibit for exhibit in version.record.exhibits.values() if exhibit.image]
        display(Image(drawn[0].image))
        break
