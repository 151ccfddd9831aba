"""A registry that carries code is refused before Feast opens it; Feast alone would have run it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dill
import pytest
from feast.infra.registry.registry import Registry as FeastRegistry
from feast.protos.feast.core.FeatureView_pb2 import FeatureView
from feast.protos.feast.core.OnDemandFeatureView_pb2 import OnDemandFeatureView
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.repo_config import RegistryConfig

from feature_repo import store
from feature_repo.registry_store import InertRegistryStore, RegistryWithCode
from feature_repo.settings import Settings

pytestmark = [pytest.mark.filterwarnings("ignore::ResourceWarning")]


class Plant:
    """Loading its pickle makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (str(self.marker), "w")


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    made = Settings(home=tmp_path_factory.mktemp("applied"))
    store.apply(made)
    return (made.feast / "registry.db").read_bytes()


@pytest.fixture
def settings(tmp_path: Path, applied: bytes) -> Settings:
    made = Settings(home=tmp_path / "home")
    made.feast.mkdir(parents=True)
    (made.feast / "registry.db").write_bytes(applied)
    return made


def _on_demand(registry: Any, body: bytes) -> None:
    view = registry.on_demand_feature_views.add().spec
    view.name, view.project, view.mode = "planted", "bank", "python"
    function = view.feature_transformation.user_defined_function
    function.name, function.body, function.body_text, function.mode = "planted", body, "pass", "python"


def _old_on_demand(registry: Any, body: bytes) -> None:
    registry.on_demand_feature_views.add().spec.user_defined_function.body = body


def _stream(registry: Any, body: bytes) -> None:
    registry.stream_feature_views.add().spec.user_defined_function.body = body


def _substrait(registry: Any, body: bytes) -> None:
    view = registry.on_demand_feature_views.add().spec
    view.feature_transformation.substrait_transformation.ibis_function = body


def _in_a_view(registry: Any, body: bytes) -> None:
    registry.feature_views[0].spec.feature_transformation.user_defined_function.body = body


def _profiler(registry: Any, body: bytes) -> None:
    registry.validation_references.add().ge_profiler.profiler.body = body


def _of_a_source(registry: Any, body: bytes) -> None:
    registry.data_sources[0].data_source_class_type = "os.system"


def _in_a_source_of_a_view(registry: Any, body: bytes) -> None:
    registry.feature_views[0].spec.batch_source.data_source_class_type = "here.Evil"


def _infra(registry: Any, body: bytes) -> None:
    registry.infra.infra_objects.add().infra_object_class_type = "here.Evil"


def _earlier_version(registry: Any, body: bytes) -> None:
    view = OnDemandFeatureView()
    view.spec.feature_transformation.user_defined_function.body = body
    record = registry.feature_view_version_history.records.add()
    record.feature_view_proto = view.SerializeToString()


def _earlier_view(registry: Any, body: bytes) -> None:
    view = FeatureView()
    view.spec.feature_transformation.user_defined_function.body = body
    record = registry.feature_view_version_history.records.add()
    record.feature_view_proto = view.SerializeToString()


def _plant(settings: Settings, plant: Callable[[Any, bytes], None], marker: Path) -> Path:
    path = settings.feast / "registry.db"
    registry = Registry.FromString(path.read_bytes())
    plant(registry, dill.dumps(Plant(marker)))
    path.write_bytes(registry.SerializeToString())
    return path


@pytest.mark.parametrize(
    "plant",
    [_on_demand, _old_on_demand, _stream, _substrait, _in_a_view, _profiler, _of_a_source,
     _in_a_source_of_a_view, _infra, _earlier_version, _earlier_view],
)  # fmt: skip
def test_a_registry_with_code_is_refused_and_nothing_runs(
    settings: Settings, tmp_path: Path, plant: Callable[[Any, bytes], None]
) -> None:
    marker = tmp_path / "marker"
    _plant(settings, plant, marker)
    with pytest.raises(RegistryWithCode, match=r"(carries code|names the class).*bank features apply"):
        store.opened(settings).registry.list_all_feature_views("bank")
    assert not marker.exists()


def test_feast_alone_would_have_run_it(settings: Settings, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = _plant(settings, _on_demand, marker)
    with contextlib.suppress(AttributeError):  # what was loaded is no function; it ran when it was loaded
        FeastRegistry("bank", RegistryConfig(path=str(path)), None).list_all_feature_views("bank")
    assert marker.exists()


@pytest.mark.parametrize("content", [b"\xff" * 100, b"\x80\x04K\x01."], ids=["noise", "a-pickle"])
def test_what_is_no_registry_is_refused(settings: Settings, content: bytes) -> None:
    (settings.feast / "registry.db").write_bytes(content)
    with pytest.raises(RegistryWithCode, match="is no registry"):
        store.opened(settings).list_feature_views()


def test_what_the_platform_applies_is_read_back(settings: Settings) -> None:
    assert store.opened(settings).list_feature_services()
    assert isinstance(store.opened(settings).registry._registry_store, InertRegistryStore)
