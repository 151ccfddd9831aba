"""The learner of the platform, set up for one table."""

from pathlib import Path

from training.learning.binary import BinaryClassifier
from training.run import Tell
from training.table.contract import Table
from training.table.options import Task
from training.table.out_of_fold import Learner, Learns


def learner(task: Task) -> Learns:
    """Makes learners with the task's seed and number of trials."""

    def learns(table: Table, study: Path | None, tell: Tell) -> Learner:
        made = BinaryClassifier(specials=table.specials, seed=task.seed, study=study, tell=tell)
        return made if task.trials is None else made.set_params(trials=task.trials)

    return learns
