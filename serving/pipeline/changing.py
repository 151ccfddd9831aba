"""What a request changes beside what was live when it was made, for whoever has to sign it."""

from contextlib import suppress

from crm_rules.governance.promotions import Request
from training.promotion import Office
from training.release.assemble import read_part
from training.release.difference import part_changes
from training.release.errors import BrokenRelease

SAME_VERSION = "version is the same as before: decisions could not tell the two policies apart"


def changes(desk: Office, found: Request) -> dict[str, list[str]]:
    """What each part of a request changes beside what it was compared with, where both are still there."""
    told = dict[str, list[str]]()
    for name, digest in found.parts.items():
        based_on = str(found.evidence[name]["based_on"])
        if based_on and based_on != digest:
            with suppress(BrokenRelease):
                before, after = (read_part(name, desk.parts / each) for each in (based_on, digest))
                told[name] = [change.line for change in part_changes(name, before, after)]
                if name == "policy" and not any(line.startswith("version ") for line in told[name]):
                    told[name].append(SAME_VERSION)
    return told
