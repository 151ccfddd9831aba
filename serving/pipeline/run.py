"""`bank run`: from bank tables to served, explained, logged and watched decisions, in order."""

from dataclasses import dataclass, field

from feature_repo.raw.source import FILE as SOURCE_FILE
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline import deciding, learning, loading, releasing, watching
from serving.pipeline.bootstrap import DemoPeople
from serving.pipeline.journal import Done, Journal, digest, digest_of_folder
from serving.pipeline.loading import Wanted
from serving.pipeline.progress import Progress, Stopwatch
from serving.pipeline.step import Step
from training.promotion import Candidate

VERSION = 1
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
        again = done is not None and all(path.exists() for path in step.leaves)
        if done is None or not again:
            watch = Stopwatch()
            with self.progress.running(step.title):
                found = step.work()
            done = Done(inputs, watch.seconds, found.rows, found.lines, found.figures)
            self.journal.finish(step.name, done)
        if again:
            self.again.append(step.name)
        self.done[step.name] = done
        self.progress.step(len(self.done), STEPS, step.title, done, again)
        return done


def main_job(run: Run, wanted: Wanted) -> None:
    """Take every step; a step that lacks its input says so and is left out by name."""
    source, loaded = _load(run, wanted)
    featured = _features(run, source, loaded)
    models = _models(run, source, featured, wanted.seed)
    released = _release(run, source, models)
    _loyalty(run, source, loaded)
    _decide(run, source, featured, released)


def _load(run: Run, wanted: Wanted) -> tuple[Source, Done]:
    settings = run.settings
    inputs: dict[str, object] = {"customers": wanted.customers, "seed": wanted.seed}
    title = f"Make a bank of {wanted.customers:,} customers"
    if wanted.data is not None:
        inputs = {"data": digest_of_folder(wanted.data), "mapping": str(wanted.mapping)}
        title = f"Take in the tables of {wanted.data.name or wanted.data}"
    leaves = (settings.raw / SOURCE_FILE,)
    loaded = run.take(Step("data", title, inputs, leaves, lambda: loading.load_tables(settings, wanted)))
    return Source.read(settings.raw), loaded


def _features(run: Run, source: Source, loaded: Done) -> Done:
    settings = run.settings
    return run.take(
        Step(
            "features",
            "Features, point in time and online",
            {"data": loaded.digest},
            (settings.features, settings.feast, settings.online),
            lambda: loading.build_features(settings, source),
        )
    )


def _models(run: Run, source: Source, featured: Done, seed: int) -> list[Candidate]:
    candidates = []
    for name, title in learning.TITLES.items():
        done = run.take(
            Step(
                name,
                title,
                {"features": featured.digest, "seed": seed},
                (),
                lambda name=name: learning.train(run.settings, source, name, run.people.author, seed),  # type: ignore[misc]  # mypy cannot type a lambda's default
            )
        )
        if "left_out" not in done.figures:
            candidates.append(learning.candidate(run.settings, name))
    return candidates


def _release(run: Run, source: Source, models: list[Candidate]) -> Done:
    settings, people = run.settings, run.people
    trained = {name: run.done[name].digest for name in learning.TITLES}
    return run.take(
        Step(
            "release",
            "Release: gates, two signatures, switch",
            {"models": trained, "rules": releasing.rules_digest()},
            (settings.releases / "current.json",),
            lambda: releasing.release(settings, source, models, people),
        )
    )


def _loyalty(run: Run, source: Source, loaded: Done) -> Done:
    settings = run.settings
    return run.take(
        Step(
            "loyalty",
            "Loyalty points from bookings",
            {"data": loaded.digest, "rules": releasing.rules_digest()},
            (settings.ledger,),
            lambda: deciding.earn(settings, source),
        )
    )


def _decide(run: Run, source: Source, featured: Done, released: Done) -> None:
    settings = run.settings
    inputs = {"release": released.digest, "features": featured.digest}
    decided = run.take(
        Step(
            "decisions",
            "Decide for every customer, logged",
            inputs,
            (settings.decisions,),
            lambda: deciding.decide(settings, source),
        )
    )
    run.take(
        Step(
            "drift",
            "Compare the decisions with the reference",
            {"decisions": decided.digest},
            (settings.reports,),
            lambda: watching.watch_decisions(settings),
        )
    )
