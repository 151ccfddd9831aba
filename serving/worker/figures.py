"""What a release says about itself: its models, their figures, who approved them."""

import json
from collections.abc import Mapping
from typing import Any

from crm_rules.governance.people import Trust
from serving.deciding.loaded import MODELS
from training.release.manifest import evidence_name
from training.release.verify import VerifiedRelease


def models_of(release: VerifiedRelease, trust: Trust) -> dict[str, object]:
    """Every part with its digest, gates, run and approvals, and its models' figures."""
    parts = {name: _part(release, name, trust) for name in release.manifest.parts}
    return {
        "release": release.digest,
        "data_window": dict(release.manifest.origin.data_window),
        "source": dict(release.manifest.origin.source),
        "parts": parts,
    }


def _part(release: VerifiedRelease, name: str, trust: Trust) -> dict[str, object]:
    digest = release.manifest.parts[name].digest
    evidence: Mapping[str, Any] = json.loads(release.evidence[evidence_name(name, digest)])
    approvals = [
        {
            "person": each["person"],
            "role": each["role"],
            "at": each["at"],
            "demo": trust.person(each["person"]).demo,
        }
        for each in evidence["approvals"]
    ]
    told: dict[str, object] = {
        "digest": digest,
        "gates": evidence["gates"],
        "run": evidence.get("run"),
        "approvals": approvals,
    }
    return told | ({"figures": _figures(release.part(name)["model.json"])} if name in MODELS else {})


def _figures(content: bytes) -> dict[str, object]:
    model: Mapping[str, Any] = json.loads(content)
    members: Mapping[str, Mapping[str, Any]] = model.get("members", {})
    if members:
        return {
            name: {
                "decides": member.get("decides"),
                "family": member.get("family"),
                "metrics": member.get("metrics", {}),
            }
            for name, member in members.items()
        }
    return {"kind": model.get("kind"), "metrics": model.get("metrics", {})}
