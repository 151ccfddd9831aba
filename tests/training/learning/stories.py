"""A small table as banks have them: numbers with codes among them, categories, what is missing."""

import numpy as np
import pandas as pd

from training.validation import Labels

SPECIALS = {"score": (-9.0, -8.0)}
MONOTONE = {"late": 1, "score": -1}


def applicants(n: int = 2_000, seed: int = 1) -> tuple[pd.DataFrame, Labels]:
    """Risk rises with `late`, falls with `score`; -9 (never asked) is good, -8 (refused to say) is bad."""
    generator = np.random.default_rng(seed)
    late, score = generator.poisson(0.6, n).astype(float), generator.normal(600, 60, n).round()
    job = generator.choice(np.array(["clerk", "nurse", "smith", "guard"], object), n)
    margin = 0.9 * late - (score - 600) / 60 + np.where(job == "smith", 1.2, 0.0) - 1.8
    code = generator.random(n)
    margin, score = np.where(code < 0.1, -3.0, margin), np.where(code < 0.1, -9.0, score)
    margin, score = np.where(code > 0.9, 1.0, margin), np.where(code > 0.9, -8.0, score)
    bad = (generator.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int8)
    late[generator.random(n) < 0.08] = np.nan
    job[generator.random(n) < 0.07] = None
    table = pd.DataFrame({"late": late, "score": score, "job": job, "noise": generator.normal(size=n)})
    return table, bad


def strangers(n: int, seed: int) -> pd.DataFrame:
    """The same people among whom some have a job nobody had before."""
    table, _ = applicants(n, seed)
    table.loc[table.index[::11], "job"] = "astronaut"
    return table
