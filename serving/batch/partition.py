"""One partition of a run: decided in chunks, logged and answered whole, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crm_rules.governance.stops import Stops
from crm_rules.governance.turns import alone
from monitoring.batch_log import BatchLog
from monitoring.decision_log import DecisionLogs
from serving.batch.answers import Answers
from serving.batch.chunks import in_chunks
from serving.batch.run import BatchRun
from serving.deciding.scoring import Scorer


@dataclass(frozen=True)
class Partitions:
    """Decides partitions of one run with one scorer. `stops` reads the stop switches, `told` counts."""

    run: BatchRun
    folder: Path
    scorer: Scorer
    logs: DecisionLogs
    stops: Callable[[], Stops]
    told: Callable[[int], None]

    def decide(self, number: int) -> None:
        """Decide a partition that is not logged yet, and put its answers in place.

        Its log file is sealed before the answers get their name, and a sealed one is never decided again,
        however often and wherever a process was killed.
        """
        answers = Answers(self.run.answers(number), self.run.use_case)
        with alone(self.folder / f"{number:05}"):
            if not self.run.logged(self.logs.folder, number):
                name = self.run.log_name(number)
                with BatchLog(self.logs, name, self.run.at) as log, answers:
                    self._decide(number, log, answers)
            answers.place()

    def _decide(self, number: int, log: BatchLog, answers: Answers) -> None:
        names, use_case = self.run.customers_of(self.folder, number), self.run.use_case
        asked, stamps = [use_case.request(name) for name in names], self.run.stamps(names)
        for made in in_chunks(self.scorer, use_case.decide, asked, stamps, self.stops):
            log.append([each.record for each in made])
            answers.add(made)
            self.told(len(made))
