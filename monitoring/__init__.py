"""The decision log, and whether what was decided still holds."""

import feature_repo  # noqa: F401 -- telemetry is off before any library loads
