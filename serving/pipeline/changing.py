"""What a request changes beside what was live when it was made, for whoever has to sign it."""

from contextlib import suppress

from crm_rules.governance.promotions import Request
from training.promotion import Office
from training.release.assemble import read_part
from training.release.difference import part_changes
from training.release.errors import BrokenRelease

SAME_VERSION = "version is the same as before: decisions could not tell the two policies apart"

PLANNED = ("changes.", "trial.")  # what holds later, or is tried, has a version of its own


def changes(desk: Office, found: Request) -> dict[str, list[str]]:
    """What each part of a request changes beside what it was compared with, where both are still there."""
    told = dict[str, list[str]]()
    for name, digest in found.parts.items():
        based_on = str(found.evidence[name]["based_on"])
        if based_on and based_on != digest:
            with suppress(BrokenRelease):
                before, after = (read_part(name, desk.parts / each) for each in (based_on, digest))
                told[name] = [change.line for change in part_changes(name, before, after)]
                now = [line for line in told[name] if not line.startswith(PLANNED)]
                if name == "policy" and now and not any(line.startswith("version ") for line in now):
                    told[name].append(SAME_VERSION)
    return told
