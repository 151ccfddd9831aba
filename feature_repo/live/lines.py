"""A file of events that grows: whole lines as they come, and how far it has been read."""

from pathlib import Path

from feature_repo.errors import BankError

LONGEST = 65_536  # bytes of a line
AT_ONCE = 4_194_304  # bytes of one look


class FileWasCut(BankError, ValueError):
    """A file of events is shorter than what was taken of it."""

    def __init__(self, path: Path, size: int, taken: int) -> None:
        super().__init__(
            f"{path} has {size} bytes, but {taken} were taken already: it was cut or replaced. "
            f"Push what is new as a file of another name."
        )


class Lines:
    """The lines of a file from `taken` bytes on; `number` counts those before."""

    def __init__(self, path: Path, taken: int, number: int) -> None:
        self._file = path.open("rb")
        size = path.stat().st_size
        if size < taken:
            self._file.close()
            raise FileWasCut(path, size, taken)
        self._path, self.taken, self.number = path, taken, number

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def read(self, most: int, whole: bool) -> list[tuple[int, bytes]]:
        """Up to so many numbered lines that are there now; with `whole` the last needs no line end.

        A line that is too long comes cut, and is no JSON then.
        """
        if self._path.stat().st_size < self.taken:
            raise FileWasCut(self._path, self._path.stat().st_size, self.taken)
        self._file.seek(self.taken)
        text, start = self._file.read(AT_ONCE), 0
        found: list[tuple[int, bytes]] = []
        while len(found) < most and start < len(text):
            end = text.find(b"\n", start)
            if end < 0:
                if len(text) - start < AT_ONCE and not (whole and len(text) < AT_ONCE):
                    break
                end = len(text)
            self.number += 1
            if line := text[start:end].strip():
                found.append((self.number, line[:LONGEST]))
            start = end + 1
        self.taken += min(start, len(text))
        return found
