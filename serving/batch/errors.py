"""What goes wrong with a batch."""

from pathlib import Path

from feature_repo.errors import BankError


class WorkerDied(BankError, RuntimeError):
    """A worker process of a batch ended before its work."""

    def __init__(self, code: int | None, said: str) -> None:
        self.code = code
        super().__init__(
            f"A worker of the batch ended with code {code}{f' ({said})' if said else ''}. What is whole is "
            f"kept: the same command goes on from there. With little memory, take fewer: --workers 1."
        )


class RunBroken(BankError, RuntimeError):
    """A partition could not be decided; the others are kept."""

    def __init__(self, said: str) -> None:
        super().__init__(f"{said} What is whole is kept: the same command goes on from there.")


class AnswersGone(BankError, FileNotFoundError):
    """A partition is logged, but its answers were removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"The decisions of {path} are in the log, but the file is gone. Restore it, "
            f"or decide anew: --again."
        )


class AlreadyRunning(BankError, BlockingIOError):
    """Another process does the same work on this home."""

    def __init__(self, what: str, lock: Path) -> None:
        self.lock = lock
        super().__init__(
            f"{what} runs already ({lock} is held). Wait until it has ended, or end it, and run again."
        )
