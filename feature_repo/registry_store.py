"""Feast's registry file, read as data: one that carries code is refused before Feast sees it.

Feast keeps functions as pickles inside its registry and loads them when it lists what is there
(CVE-2026-18948), and imports classes the registry names. Nothing the platform defines has either. The
file is parsed by protobuf alone, and what was checked is what Feast is given.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from feast.infra.registry.file import FileRegistryStore
from feast.protos.feast.core.FeatureView_pb2 import FeatureView
from feast.protos.feast.core.OnDemandFeatureView_pb2 import OnDemandFeatureView
from feast.protos.feast.core.Registry_pb2 import Registry
from feast.protos.feast.core.StreamFeatureView_pb2 import StreamFeatureView
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]  # ships no types

from feature_repo.errors import BankError

MOST_BYTES = 64 * 1024 * 1024
CODE = frozenset(
    {
        "user_defined_function", "substrait_transformation", "ibis_function", "substrait_plan",
        "ge_profiler", "profiler", "body", "body_text",
    }
)  # fmt: skip
"""Fields of Feast's messages that hold something to be run."""
CLASSES = {
    "data_source_class_type": frozenset({"feast.infra.offline_stores.file_source.FileSource"}),
    "infra_object_class_type": frozenset[str](),
}
"""Fields that name a class to be imported, and the names allowed there."""
KEPT_VIEWS = (FeatureView, OnDemandFeatureView, StreamFeatureView)
"""What the bytes of an earlier version of a view may hold."""


class RegistryWithCode(BankError, PermissionError):
    """Feast's registry holds something that would be run, or is none."""

    def __init__(self, path: Path, found: str) -> None:
        self.path, self.found = path, found
        super().__init__(
            f"Feast's registry {path} is refused: {found}. Nothing of it was loaded. "
            f"Delete it and write it again: `bank features apply`."
        )


class InertRegistryStore(FileRegistryStore):  # type: ignore[misc]  # Feast is not typed
    """The registry in a file, without anything that runs; `registry_store_type` names this class."""

    def get_registry_proto(self) -> Any:
        """The registry's message; RegistryWithCode when it holds code, FileNotFoundError without one."""
        return read(self._filepath)


def read(path: Path) -> Any:
    """The registry in that file, read once and checked."""
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise RegistryWithCode(path, f"it is larger than {MOST_BYTES} bytes")
    try:
        registry = Registry.FromString(content)
        found = next(_code(registry, ""), None)
    except (DecodeError, RecursionError) as error:
        raise RegistryWithCode(path, "it is no registry") from error
    if found is not None:
        raise RegistryWithCode(path, found)
    return registry


def _code(message: Message, name: str) -> Iterator[str]:
    """What of a message would be run, as words; `name` is the nearest named thing around it."""
    held = {field.name: (field, value) for field, value in message.ListFields()}
    name = str(held["name"][1]) if "name" in held else name
    for key, (field, value) in held.items():
        if key in CODE:
            yield f"'{name[:60]}' carries code in its '{key}'"
        elif key in CLASSES and value not in CLASSES[key]:
            yield f"'{name[:60]}' names the class '{str(value)[:100]}' in its '{key}'"
        elif key == "feature_view_proto":
            for kind in KEPT_VIEWS:
                yield from _code(_kept(kind, value), name)
        elif field.message_type is not None:
            for each in _messages(field, value):
                yield from _code(each, name)


def _messages(field: Any, value: Any) -> list[Message]:
    if not field.is_repeated:
        return [value]
    if field.message_type.GetOptions().map_entry:
        return [each for each in value.values() if isinstance(each, Message)]
    return list(value)


def _kept(kind: Any, content: bytes) -> Message:
    try:
        found: Message = kind.FromString(content)
    except DecodeError:
        return kind()  # of another kind: Feast reads it as the one it says it is, or not at all
    return found
