"""A whole bank of known truth, made from a seed: same seed, same bytes.

A bank is cut into partitions of 10,000 customers, each simulated alone (`partition.py`) in a
process of its own (`crew.py`), so that a million customers need no more memory than a few
thousand. What only the maker knows goes to a second folder, the truth:

* `truth.json`: what was asked for, the shock and its first month, the economy by month, the effect
  of offers, and the meaning of every table and column below (`truth.TABLES` is where they are written)
* `customers`, `loans`: hidden traits and outcomes
* `hazards`: the chances each month's draws were made with
* `outlook`, `behaviour`, `applications`, `offers`: the oracle's scores, as of a date (`outlook.py`
  says exactly what they are and are not); `oracle.score` turns them into the best reachable AUC of
  a prediction task, `oracle.effect` sets the known effect of offers beside the measured one
* `wrong_rows`: under `--shock upstream-bug`, every booking the bug reached and what is true
"""

from feature_repo.raw.generate.bank import make
from feature_repo.raw.generate.economy import Shock

__all__ = ["Shock", "make"]
