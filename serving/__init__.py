"""One Scorer for HTTP, batch and replay, and the doors to it."""

import feature_repo  # noqa: F401 -- telemetry is off before any library loads
