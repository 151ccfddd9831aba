from pathlib import Path

import pytest

from feature_repo.settings import Settings
from serving.pipeline.bootstrap import demo_people
from serving.pipeline.journal import Journal
from serving.pipeline.progress import Progress
from serving.pipeline.run import Run
from serving.pipeline.step import Outcome, Step


class Counting:
    """A step that writes a file and counts how often it was taken."""

    def __init__(self, home: Path) -> None:
        self.home, self.taken, self.file = home, 0, home / "left.txt"

    def take(self, **inputs: object) -> bool:
        settings = Settings(home=self.home)
        run = Run(settings, demo_people(settings), Progress(True), Journal(self.home / "run.json"))
        before = self.taken
        run.take(Step("work", "Work", inputs, (), self.work, unchanged=(self.file,)))
        return self.taken > before

    def work(self) -> Outcome:
        self.taken += 1
        self.file.write_text("x" * self.taken)
        return Outcome(1, ("done",))


@pytest.fixture
def step(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


def test_a_finished_step_is_not_done_again(step: Counting) -> None:
    assert step.take(seed=7)
    assert not step.take(seed=7)


def test_other_inputs_do_it_again(step: Counting) -> None:
    assert step.take(seed=7)
    assert step.take(seed=8)


def test_what_another_command_changed_or_removed_is_done_again(step: Counting) -> None:
    assert step.take(seed=7)
    step.file.write_text("by another command")
    assert step.take(seed=7)
    step.file.unlink()
    assert step.take(seed=7)
    assert not step.take(seed=7)
