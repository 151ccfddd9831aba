"""A native BentoML endpoint that asks Feast and MLflow: see plain_way."""

import json
import os
from pathlib import Path

import bentoml
import mlflow.pyfunc
from feast import FeatureStore

import feature_repo  # noqa: F401  # switches telemetry off before anything else loads

FOLDER = Path(os.environ["PLAIN_FOLDER"])


@bentoml.service(logging={"access": {"enabled": False}}, tracing={"excluded_urls": ".*"})
class Plain:
    """The families a customer is likeliest to want."""

    def __init__(self) -> None:
        self.store = FeatureStore(str(FOLDER))
        self.models = {
            path.name: mlflow.pyfunc.load_model(str(path)) for path in (FOLDER / "models").iterdir()
        }
        self.columns = {
            name: json.loads((FOLDER / "models" / name / "columns.json").read_text()) for name in self.models
        }
        views = self.store.list_feature_views()
        self.features = [f"{view.name}:{field.name}" for view in views for field in view.features]

    @bentoml.api
    def decide(self, customer_id: str) -> dict[str, float]:
        """The three highest scores."""
        row = self.store.get_online_features(self.features, [{"customer_id": customer_id}]).to_df()
        scores = {
            name: float(self._score(model.predict(row[self.columns[name]].astype("float32"))))
            for name, model in self.models.items()
        }
        return dict(sorted(scores.items(), key=lambda each: -each[1])[:3])

    @staticmethod
    def _score(predicted: object) -> float:
        """The last number of whatever a model's graph puts out."""
        value = list(predicted.values())[-1] if isinstance(predicted, dict) else predicted
        return float(getattr(value, "to_numpy", lambda: value)().ravel()[-1])
