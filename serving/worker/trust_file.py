"""The people of the bank as a running service knows them: read again when their file changed."""

from crm_rules.governance.people import Trust
from feature_repo.settings import Settings
from serving.worker.following import Mark, mark


class TrustFile:
    """The trust file, verified each time it changed. Whoever calls it takes turns."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._seen: Mark | None = None
        self._trust: Trust | None = None

    def read(self) -> Trust:
        """Who counts now; Untrusted when the file is gone, altered, or cut."""
        found = mark(self._settings.trust_file)
        if self._trust is None or found != self._seen:
            self._trust, self._seen = Trust.of(self._settings), found
        return self._trust
