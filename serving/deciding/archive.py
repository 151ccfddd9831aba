"""Releases that are no longer current, kept ready to compute their decisions again."""

import threading
from collections.abc import Callable, Mapping

import orjson

from feature_repo.errors import BankError
from serving.deciding.loaded import Loaded
from serving.deciding.scoring import Replay, replay
from serving.errors import NotReplayable

MOST_KEPT = 2


class Archive:
    """Computes decisions again with the release that made them. Safe to call from several threads.

    `load` verifies and loads a release by its digest; the last few it gave are kept.
    """

    def __init__(self, load: Callable[[str], Loaded], most: int = MOST_KEPT) -> None:
        self._load, self._most = load, most
        self._kept: dict[str, Loaded] = {}
        self._turn = threading.Lock()

    def replay(self, payload: bytes, current: Loaded | None = None) -> Replay:
        """Decide again from a record alone; `current` is a release at hand that saves loading it.

        NotReplayable when the release that made the decision is gone or does not verify any more.
        """
        return replay(payload, self.release(orjson.loads(payload), current))

    def release(self, record: Mapping[str, object], current: Loaded | None = None) -> Loaded:
        """The release that made the decision of a record; NotReplayable when it is gone."""
        release = str(record.get("release"))
        if current is not None and release == current.runtime.digest:
            return current
        try:
            return self._loaded(release)
        except BankError as error:
            found = f"release {release[:16]} made it, which cannot be loaded any more ({error})"
            raise NotReplayable(str(record.get("decision_id")), found) from error

    def _loaded(self, release: str) -> Loaded:
        with self._turn:
            found = self._kept.pop(release, None) or self._load(release)
            self._kept[release] = found  # the newest stands last
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]
            return found
