"""The tiny bank with everything promoted by its people, as a journal knows it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from crm_rules.database import Database, Sqlite
from crm_rules.governance.heads import Heads
from crm_rules.governance.journal import Journal
from crm_rules.governance.materiality import MATERIALITY, Materiality
from crm_rules.governance.person import Role
from crm_rules.governance.promotions import Request, Switch
from serving.deciding.loaded import Loaded
from tests.conftest import AT, Tiny, make_tiny
from training.candidate import Candidate
from training.gates import Gate
from training.promotion import Office
from training.release.manifest import REQUIRED

GOOD = Gate("discrimination", "KS", 0.4, 0.2, True)
SIGNERS = {Role.VALIDATOR: "victor", Role.RISK_APPROVER: "rita", Role.COMPLIANCE: "carla"}


def promoted_tiny(home: Path) -> Tiny:
    """A bank of 10,000 customers where every part was put forward and signed at AT."""
    tiny = make_tiny(home)
    shutil.rmtree(tiny.home / "heads")
    (tiny.releases / "current.json").unlink()
    with opened(tiny) as desk:
        asked = [candidate(tiny, name) for name in tiny.parts]
        sign(desk, tiny, desk.ask(asked, tiny.origin, tiny.signer("dana"), AT), AT)
    return tiny


@contextmanager
def opened(tiny: Tiny, database: Database | None = None, heads_in: str = "heads") -> Iterator[Office]:
    """The office of the bank; its journal in a file of its home, or in another database."""
    heads = Heads(tiny.home / heads_in)
    with Journal(database or Sqlite(tiny.home / "governance.db"), heads) as journal:
        rules = Materiality.load(MATERIALITY)
        yield Office(
            tiny.releases, tiny.home / "approved", journal, tiny.trust, rules, heads, 10_000, Loaded.of
        )


def candidate(tiny: Tiny, part: str, *gates: Gate, author: str = "dana", version: str = "1") -> Candidate:
    run = {"author": author} if part in REQUIRED else {"version": version, "author": author}
    return Candidate(part, tiny.parts[part], gates or (GOOD,), run, "PIA-7")


def sign(desk: Office, tiny: Tiny, request: Request, at: datetime) -> Switch | None:
    """Everybody who has to signs; the switch of the last signature."""
    switch = None
    for role in request.needs:
        _, switch = desk.approve(request.id, tiny.signer(SIGNERS[role]), at, role)
    return switch


def changed_policy(tiny: Tiny, cut_off: float = 0.05) -> Candidate:
    """The policy with another cut-off, ready to be put forward."""
    path = tiny.parts["policy"] / "policy.toml"
    text = path.read_text()
    before = next(line for line in text.splitlines() if line.startswith("approve_below_pd"))
    path.write_text(text.replace(before, f"approve_below_pd = {cut_off}", 1))
    return candidate(tiny, "policy")
