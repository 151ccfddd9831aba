"""Stop switches: one person stops a model, a product or a campaign at once; taking it off takes two.

The file is JSON: {"models": [...], "products": [...], "campaigns": [...]}. No entry is removed, a release is
written beside it. A missing file stops nothing; a broken one is an error, so nothing starts on it. Limit of
this form: entries carry names, not signatures, so the file must belong to the service's own user.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from crm_rules.errors import InvalidSwitches
from crm_rules.governance import drafts
from crm_rules.governance.chain import canonical
from crm_rules.rules import Mask

KINDS = ("models", "products", "campaigns")


@dataclass(frozen=True)
class Release:
    """Two different people took a stop off."""

    by: tuple[str, str]
    at: str
    reason: str


@dataclass(frozen=True)
class Stop:
    """One stop of one thing, in force until released."""

    id: str
    by: str
    at: str
    reason: str
    released: Release | None = None


@dataclass(frozen=True)
class Switches:
    """All stops ever set, by kind, oldest first."""

    path: Path
    models: tuple[Stop, ...] = ()
    products: tuple[Stop, ...] = ()
    campaigns: tuple[Stop, ...] = ()

    @staticmethod
    def load(path: Path) -> "Switches":
        """Read the file; none means that nothing is stopped, InvalidSwitches that it cannot be read."""
        try:
            content = json.loads(path.read_bytes())
            if set(content) != set(KINDS):
                raise ValueError(f"its keys are {sorted(content)}, not {sorted(KINDS)}")
            return Switches(path, **{kind: tuple(_stop(entry) for entry in content[kind]) for kind in KINDS})
        except FileNotFoundError:
            return Switches(path)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidSwitches(path, f"cannot be read ({error})") from error

    def in_force(self, kind: str) -> frozenset[str]:
        """The ids stopped now: "models", "products" or "campaigns"."""
        return frozenset(stop.id for stop in self._of(kind) if stop.released is None)

    def stopped_products(self, product_ids: Sequence[str]) -> Mask:
        """(P,): which products are stopped now."""
        stopped = self.in_force("products")
        return np.array([product_id in stopped for product_id in product_ids], dtype=np.bool_)

    def stop(self, kind: str, thing: str, by: str, at: datetime, reason: str) -> "Switches":
        """Stop one thing and write the file; stopped again, it stays stopped by the first."""
        self._require(by, reason)
        if thing in self.in_force(kind):
            return self
        return self._write(kind, (*self._of(kind), Stop(thing, by, at.isoformat(), reason)))

    def release(self, kind: str, thing: str, by: tuple[str, str], at: datetime, reason: str) -> "Switches":
        """Take a stop off and write the file; InvalidSwitches unless two different people do it."""
        self._require(*by, reason)
        if by[0] == by[1]:
            raise InvalidSwitches(
                self.path, f"'{by[0]}' alone cannot release '{thing}'; two people are needed"
            )
        if thing not in self.in_force(kind):
            raise InvalidSwitches(self.path, f"'{thing}' of {kind} is not stopped")
        released = Release(by, at.isoformat(), reason)
        stops = (
            replace(s, released=released) if s.id == thing and s.released is None else s
            for s in self._of(kind)
        )
        return self._write(kind, tuple(stops))

    def _of(self, kind: str) -> tuple[Stop, ...]:
        kinds = {"models": self.models, "products": self.products, "campaigns": self.campaigns}
        if kind not in kinds:
            raise InvalidSwitches(self.path, f"there is no kind '{kind}'; known are {KINDS}")
        return kinds[kind]

    def _require(self, *texts: str) -> None:
        if not all(text.strip() for text in texts):
            raise InvalidSwitches(self.path, "a stop or release needs who and why")

    def _write(self, kind: str, stops: tuple[Stop, ...]) -> "Switches":
        changed: Switches = replace(self, **{kind: stops})  # type: ignore[arg-type]
        content = {name: [asdict(stop) for stop in changed._of(name)] for name in KINDS}
        drafts.replace(self.path, canonical(content) + b"\n")
        return changed


def _stop(entry: dict[str, Any]) -> Stop:
    released = entry["released"]
    return Stop(
        id=str(entry["id"]),
        by=str(entry["by"]),
        at=str(entry["at"]),
        reason=str(entry["reason"]),
        released=None
        if released is None
        else Release((released["by"][0], released["by"][1]), released["at"], released["reason"]),
    )
