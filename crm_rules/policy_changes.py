"""What differs between two policy files, key by key, and which rules read it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crm_rules import strict_toml
from crm_rules.policy_book import PolicyBook
from crm_rules.readers import keys, readers

PLANNED = re.compile(r"(changes\.\d+|trial)\.set\.")
NOT_THERE = "-"


@dataclass(frozen=True)
class Difference:
    """One key that differs; a value that is not there is told as `-`."""

    key: str
    before: str
    after: str

    @property
    def read_by(self) -> tuple[str, ...]:
        """The rules, or what else reads the key, also where a change or a trial sets it."""
        return readers(PLANNED.sub("", self.key))

    def as_row(self) -> dict[str, str]:
        """As `bank rules diff` prints it."""
        told = {"key": self.key, "before": self.before, "": "->", "after": self.after}
        return told | {"read by": ", ".join(self.read_by)}


def differences(before: Path, after: Path) -> list[Difference]:
    """Every key that differs; InvalidPolicy when one of the two is not well formed."""
    old, new = (strict_toml.load(path, _keys) for path in (before, after))
    names = dict.fromkeys((*old, *new))
    return [
        Difference(name, old.get(name, NOT_THERE), new.get(name, NOT_THERE))
        for name in names
        if old.get(name, NOT_THERE) != new.get(name, NOT_THERE)
    ]


def _keys(content: bytes) -> dict[str, str]:
    PolicyBook.parse(content)
    table = strict_toml.table_of(content)
    for number, change in enumerate(table.pop("changes", []), start=1):
        table[f"changes.{number}"] = change
    return {
        key: repr(value) if isinstance(value, str | list) else str(value)
        for key, value in keys(table)
        if not isinstance(value, Mapping)  # an empty table says nothing
    }
