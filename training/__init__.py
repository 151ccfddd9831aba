"""From point-in-time datasets to approved, signed models."""

import feature_repo  # noqa: F401 -- telemetry is off before any library loads
