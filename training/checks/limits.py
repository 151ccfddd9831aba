"""Every number the gates of a promotion are held to, and which kinds of gate a model has."""

from collections.abc import Mapping
from dataclasses import dataclass

from training.gates import Kind

PARITY = 1e-6  # of a probability, beside the training library's own
PARITY_ROWS = 10_000
LEAST_CASES = 15  # of either outcome; with fewer no figure is worth a verdict
LEAST_AUC: Mapping[str, float] = {"credit_risk": 0.60}
LEAST_AUC_ELSEWHERE = 0.52  # below it a propensity is worth nothing (Pega's health limit)
LEAST_KS: Mapping[str, float] = {"credit_risk": 0.20}
WORSE_AUC, WORSE_MAP = 0.02, 0.01  # what a challenger may lose against the champion
SLACK_ECE: Mapping[str, float] = {"credit_risk": 0.02}
SLACK_ECE_ELSEWHERE, NOISE_TIMES = 0.005, 1.5  # calibration error beyond what chance alone would show
JEFFREYS = 0.05  # shared between the grades (Bonferroni)
INVESTIGATE, ACT = 0.10, 0.25  # PSI
FOUR_FIFTHS, LEAST_GROUP, LEAST_GROUP_SHARE = 0.8, 100, 0.05  # 29 CFR 1607.4(D)
FAITHFUL, FAITHFUL_ROWS = 0.99, 2_000
COLUMN_KNOWS, MODEL_KNOWS = 0.95, 0.99  # AUC above which it is no foresight
ALONE, CALLS = 25, 400  # rows scored alone, and how often in all
PIA = r"D?PIA-\d{4}-\d{1,6}|PIPIA-\d{4}-\d{1,6}"

_ALWAYS: tuple[Kind, ...] = (
    "parity", "latency", "size", "signature", "reproducibility", "card", "pack", "pia",
)  # fmt: skip
_BINARY: tuple[Kind, ...] = ("discrimination", "champion", "calibration", "stability", "leak")
KINDS_OF: Mapping[str, tuple[Kind, ...]] = {
    "credit_risk": (*_BINARY, "fairness", "faithfulness", *_ALWAYS),
    "propensity": (*_BINARY, *_ALWAYS),
    "recommendation": (*_BINARY, *_ALWAYS),
    "segmentation": ("discrimination", "stability", "faithfulness", *_ALWAYS),
}
"""By model. A model that is not here is asked for everything a binary one is."""
ELSEWHERE: tuple[Kind, ...] = (*_BINARY, *_ALWAYS)
MEMBER_KINDS: Mapping[str, tuple[Kind, ...]] = {"propensity/uplift": ("discrimination", "parity", "latency")}
"""Kinds of a member that is no binary model: the uplift is a difference of two chances."""
RECORDED: Mapping[str, tuple[Kind, ...]] = {
    "segmentation": ("discrimination", "stability", "faithfulness"),
    "propensity/uplift": ("discrimination",),
}
"""Kinds whose gates are those that training recorded: resampling and paired offers are not repeated."""


@dataclass(frozen=True)
class Budget:
    """What scoring may cost: CPU microseconds for one row and member, bytes of the whole part."""

    latency_us: float = 5_000.0
    size_bytes: int = 50_000_000
