"""Bank tables in, features out: as of any date, for laptop and cluster.

Importing this package does one thing: it switches off the telemetry of every library
we use, before any of them is imported. Each higher room imports this one first.
"""

import os

TELEMETRY_OFF = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "BENTOML_DO_NOT_TRACK": "True",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "EVIDENTLY_DISABLE_TELEMETRY": "1",
    "OTEL_SDK_DISABLED": "true",
    "GX_ANALYTICS_ENABLED": "False",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ENABLE_AI_GATEWAY": "false",
}
os.environ.update(TELEMETRY_OFF)
