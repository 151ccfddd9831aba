"""The loop of `bank data push`: the lines of a file as they come, taken from where it was left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from feature_repo.live.events import read_event
from feature_repo.live.intake import TICK, Intake, Report
from feature_repo.live.lines import Lines

AT_ONCE = 500  # events
LAND_AFTER_SECONDS = 60.0
PAUSE_SECONDS = 0.01


@dataclass(frozen=True)
class Push:
    """What takes events, and the world's `sleep`."""

    intake: Intake
    sleep: Callable[[float], None]

    @property
    def report(self) -> Report:
        """What was pushed so far."""
        return self.intake.report

    def take(self, lines: Sequence[tuple[int, bytes]], file: str, taken: int, number: int) -> None:
        """Take these lines of a file that has been read so far; each is known a tick after the one before."""
        at = self.intake.now()
        read = [read_event(line, text, at + place * TICK) for place, (line, text) in enumerate(lines)]
        self.intake.take(read, file, taken, number)

    def follow(self, path: Path, whole: bool, go_on: Callable[[], bool]) -> Report:
        """Take a file from where it was left; when not `whole`, wait for more as long as `go_on` says."""
        taken, number = self.intake.tables.taken(str(path.absolute()))
        lines, landed = Lines(path, taken, number), monotonic()
        self.intake.catch_up()
        try:
            while True:
                came = lines.read(AT_ONCE, whole)
                if came:
                    self.take(came, str(path.absolute()), lines.taken, lines.number)
                elif whole or not go_on():
                    break
                else:
                    self.sleep(PAUSE_SECONDS)
                if monotonic() - landed > LAND_AFTER_SECONDS:
                    self.intake.land()
                    landed = monotonic()
        finally:
            lines.close()
            self.intake.land()
        return self.report
