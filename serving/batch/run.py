"""A batch run: who is asked what, by which release, as of when; and which parts of it are whole.

A run's folder holds `run.json`, written last, so that its presence says the plan is whole;
`customers.parquet` with a row group a partition, until the run has ended; and the answers, a file each.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

from monitoring.batch_log import FOLDER
from serving.batch.errors import AnswersGone
from serving.batch.use_cases import USE_CASES, UseCase
from serving.deciding.asking import Stamp

FILE, CUSTOMERS, DRAFT = "run.json", "customers.parquet", ".draft"
CALLER = "batch"


@dataclass(frozen=True)
class BatchRun:
    """One run. `key` says of what (release, policy, features, day); `seed` makes its ids, unguessable.

    `at` is ISO 8601 in UTC and the moment of every decision of the run, also of those made after a break.
    """

    name: str
    key: str
    asks: str
    release: str
    at: str
    seed: str
    out: str
    customers: int
    partitions: int
    ended: bool = False

    @property
    def use_case(self) -> UseCase:
        """What is asked."""
        return USE_CASES[self.asks]

    @property
    def request_id(self) -> str:
        """The request id of every decision of the run."""
        return _id(self.seed, "request")

    def stamps(self, customer_ids: Sequence[str]) -> list[Stamp]:
        """The same stamps however often a customer's partition is begun."""
        made = [_id(self.seed, f"{self.asks} {name}") for name in customer_ids]
        return [Stamp(each, self.request_id, self.at, CALLER) for each in made]

    def log_name(self, partition: int) -> str:
        """The name of a partition's file in the decision log."""
        return f"{self.name}.{partition:05}"

    def logged(self, decisions: Path, partition: int) -> bool:
        """Whether a partition's decisions are logged; then they are not made again."""
        return (decisions / FOLDER / f"{self.log_name(partition)}.parquet").exists()

    def all_logged(self, decisions: Path) -> bool:
        """Whether every partition's decisions are logged."""
        return all(self.logged(decisions, at) for at in range(self.partitions))

    def whole(self, decisions: Path, partition: int) -> bool:
        """Whether nothing is left to do for a partition; AnswersGone when it was, and its answers are not."""
        logged, answers = self.logged(decisions, partition), self.answers(partition)
        if logged and not answers.exists() and not answers.with_suffix(DRAFT).exists():
            raise AnswersGone(answers)
        return logged and answers.exists()

    def answers(self, partition: int) -> Path:
        """The file of a partition's answers."""
        return Path(self.out) / f"{self.asks}-{partition:05}.parquet"

    def customers_of(self, folder: Path, partition: int) -> list[str]:
        """Who is asked in a partition."""
        with pq.ParquetFile(folder / CUSTOMERS) as file:
            names: list[str] = file.read_row_group(partition)["customer_id"].to_pylist()
        return names

    def rows_of(self, folder: Path) -> list[int]:
        """How many are asked in each partition."""
        metadata = pq.read_metadata(folder / CUSTOMERS)
        return [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]

    def write(self, folder: Path) -> None:
        """Keep the run in its folder."""
        draft = folder / f"{FILE}.draft"
        draft.write_text(json.dumps(asdict(self), indent=1) + "\n")
        draft.replace(folder / FILE)

    def end(self, folder: Path) -> "BatchRun":
        """Every partition is whole: note it, and forget who was asked."""
        ended = replace(self, ended=True)
        ended.write(folder)
        (folder / CUSTOMERS).unlink(missing_ok=True)
        for lock in folder.glob("*.lock"):
            lock.unlink(missing_ok=True)
        return ended

    @staticmethod
    def read(folder: Path) -> "BatchRun":
        """The run of a folder."""
        return BatchRun(**json.loads((folder / FILE).read_text()))


def newest(runs: Path, key: str) -> BatchRun | None:
    """The newest run of that key; None where there is none."""
    for path in sorted(runs.glob(f"*/{FILE}"), reverse=True):
        run = BatchRun.read(path.parent)
        if run.key == key:
            return run
    return None


def _id(seed: str, what: str) -> str:
    return hashlib.sha256(f"{seed} {what}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
