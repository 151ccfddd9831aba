"""`bank run`: from bank tables to served, explained, logged and watched decisions, in order.

A step's libraries load when the step is taken: Feast, MLflow and Evidently take ten seconds each,
and a run whose steps were all done before needs none of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from crm_rules.policy import STANDARD
from feature_repo.raw.source import FILE as SOURCE_FILE
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import DemoPeople
from serving.pipeline.journal import (
    Done,
    Journal,
    digest,
    digest_of_contents,
    digest_of_folder,
    digest_of_paths,
)
from serving.pipeline.progress import Progress, Stopwatch
from serving.pipeline.step import Outcome, Step, Wanted
from training.release.current import FILE as CURRENT_FILE

VERSION = 1
TITLES = {
    "segmentation": "Segmentation",
    "propensity": "Propensity, one model a family, and churn",
    "credit_risk": "Credit risk: application and behaviour",
    "recommendation": "Recommendation",
}
STEPS = 10


@dataclass
class Run:
    """One run over one BANK_HOME: takes steps in order and keeps what each found."""

    settings: Settings
    people: DemoPeople
    progress: Progress
    journal: Journal
    done: dict[str, Done] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)

    def take(self, step: Step) -> Done:
        """Take a step, or find it finished before with the same inputs."""
        inputs = digest({"version": VERSION, **step.inputs})
        done = self.journal.finished(step.name, inputs)
        again = done is not None and self._stands(step, done)
        if done is None or not again:
            watch = Stopwatch()
            with self.progress.running(step.title):
                found = step.work()
            left = digest_of_paths(step.unchanged)
            done = Done(inputs, watch.seconds, found.rows, found.lines, found.figures, left)
            self.journal.finish(step.name, done)
        if again:
            self.again.append(step.name)
        self.done[step.name] = done
        self.progress.step(len(self.done), STEPS, step.title, done, again)
        return done

    def _stands(self, step: Step, done: Done) -> bool:
        return all(path.exists() for path in step.leaves) and digest_of_paths(step.unchanged) == done.left


def main_job(run: Run, wanted: Wanted) -> None:
    """Take every step; a step that lacks its input says so and is left out by name."""
    source, loaded = _load(run, wanted)
    featured = _features(run, source, loaded)
    models = _models(run, source, featured, wanted.seed)
    released = _release(run, models)
    _loyalty(run, source, loaded)
    _watch(run, _decide(run, source, featured, released))


def _load(run: Run, wanted: Wanted) -> tuple[Source, Done]:
    def work() -> Outcome:
        from serving.pipeline.loading import load_tables

        return load_tables(run.settings, wanted)

    inputs: dict[str, object] = {"customers": wanted.customers, "seed": wanted.seed}
    title = f"Make a bank of {wanted.customers:,} customers"
    if wanted.data is not None:
        inputs = {"data": digest_of_folder(wanted.data), "mapping": str(wanted.mapping)}
        title = f"Take in the tables of {wanted.data.name or wanted.data}"
    raw = run.settings.raw
    loaded = run.take(Step("data", title, inputs, (), work, unchanged=(raw / SOURCE_FILE,)))
    return Source.read(raw), loaded


def _features(run: Run, source: Source, loaded: Done) -> Done:
    def work() -> Outcome:
        from serving.pipeline.loading import build_features

        return build_features(run.settings, source)

    settings = run.settings
    leaves = (settings.feast, settings.online) if settings.online_store == "sqlite" else (settings.feast,)
    title, inputs = "Features, point in time and online", {"data": loaded.digest}
    return run.take(Step("features", title, inputs, leaves, work, unchanged=(settings.features,)))


def _models(run: Run, source: Source, featured: Done, seed: int) -> dict[str, str]:
    def work(name: str) -> Outcome:
        from serving.pipeline.learning import train

        return train(run.settings, source, name, run.people.author, seed)

    trained: dict[str, str] = {}
    for name, title in TITLES.items():
        inputs = {"features": featured.digest, "seed": seed}
        done = run.take(Step(name, title, inputs, (), partial(work, name)))
        if "left_out" not in done.figures:
            trained[name] = _version(done)
    return trained


def _version(done: Done) -> str:
    run = done.figures["run"]
    assert isinstance(run, dict)
    return str(run["version"])


def _release(run: Run, models: Mapping[str, str]) -> Done:
    def work() -> Outcome:
        from serving.pipeline.releasing import release

        return release(run.settings, models, run.people)

    inputs = {"models": {name: run.done[name].digest for name in TITLES}, "rules": rules_digest()}
    current = run.settings.releases / CURRENT_FILE
    title = "Release: gates, signatures, switch"
    return run.take(Step("release", title, inputs, (), work, unchanged=(current,)))


def _loyalty(run: Run, source: Source, loaded: Done) -> Done:
    def work() -> Outcome:
        from serving.pipeline.earning import earn

        return earn(run.settings, source)

    inputs = {"data": loaded.digest, "rules": rules_digest()}
    return run.take(Step("loyalty", "Loyalty points from bookings", inputs, (run.settings.ledger,), work))


def _decide(run: Run, source: Source, featured: Done, released: Done) -> Done:
    def work() -> Outcome:
        from serving.pipeline.deciding import decide

        return decide(run.settings, source)

    inputs = {"release": released.digest, "features": featured.digest}
    title = "Decide for every customer, logged"
    return run.take(Step("decisions", title, inputs, (run.settings.decisions,), work))


def _watch(run: Run, decided: Done) -> Done:
    def work() -> Outcome:
        from serving.pipeline.watching import watch_decisions

        return watch_decisions(run.settings)

    inputs = {"decisions": decided.digest}
    title = "Compare the decisions with the reference"
    return run.take(Step("drift", title, inputs, (), work))


def rules_digest() -> str:
    """A digest of the policy and the reason catalogue as they are in the checkout."""
    return digest_of_contents(STANDARD.parent)
