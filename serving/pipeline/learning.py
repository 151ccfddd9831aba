"""The training steps: each of the four models, tracked, with its figures beside a baseline."""

from collections.abc import Mapping

from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from serving.pipeline.bootstrap import now
from serving.pipeline.step import Outcome
from training.dataset import TooLittleData
from training.specs import ModelResult, train_model

Metrics = Mapping[str, object]


def train(settings: Settings, source: Source, name: str, author: str, seed: int) -> Outcome:
    """Train, track and export one model; left out by name when the source has too little for it."""
    try:
        result = train_model(name, settings, source, author, now(), seed)
    except TooLittleData as reason:
        return Outcome(0, (str(reason),), {"left_out": reason.reason})
    run = {"mlflow_run": result.run_id, "version": result.version, "author": author}
    figures: dict[str, object] = {
        "metrics": {**result.metrics, "left_out": dict(result.left_out)},
        "gates": [gate.as_json() for gate in result.gates],
        "run": run,
    }
    return Outcome(_rows(result.metrics), (*_lines(result), _tracked(result, author)), figures)


def _rows(found: Metrics) -> int:
    """The rows a model was trained and tested on, over its members."""
    each = list(_members(found).values()) or [found]
    return sum(int(str(member.get(name, 0))) for member in each for name in ("n_train", "n_test"))


def _members(found: Metrics) -> dict[str, Metrics]:
    members = found.get("members")
    return dict(members) if isinstance(members, dict) else {}


def _lines(result: ModelResult) -> list[str]:
    members = _members(result.metrics)
    lines = [_auc_line(name, member) for name, member in members.items()]
    if not members:
        lines = _LINES[result.name](result.metrics)
    uplift = result.metrics.get("uplift")
    lines += [_uplift_line(uplift)] if isinstance(uplift, dict) else []
    return lines + _left_out(result.left_out)


def _left_out(reasons: Mapping[str, str]) -> list[str]:
    """One line a reason, however many it keeps out."""
    names: dict[str, list[str]] = {}
    for name, why in reasons.items():
        names.setdefault(why, []).append(name)
    return [f"left out: {', '.join(kept_out)} ({why})" for why, kept_out in names.items()]


def _auc_line(name: str, found: Metrics) -> str:
    low, high = _pair(found["auc_interval"])
    decides = f"{found['decides']} decides; " if "decides" in found else ""
    return (
        f"{name:<12} AUC out of time {_number(found, 'auc_out_of_time'):.3f} [{low:.3f}, {high:.3f}], "
        f"plain baseline {_number(found, 'baseline_auc'):.3f}; {_reach(found)}{decides}"
        f"KS {_number(found, 'ks'):.2f}, ECE {_number(found, 'ece'):.3f}"
    )


def _uplift_line(found: Metrics) -> str:
    low, high = _pair(found["qini_interval"])
    return (
        f"{'uplift':<12} Qini {_number(found, 'qini'):.2f} [{low:.2f}, {high:.2f}] purchases by 1,000 "
        f"offers, propensity alone {_number(found, 'qini_of_propensity'):.2f}, random 0; "
        f"an offer adds {_number(found, 'uplift_measured'):.2%}"
    )


def _reach(found: Metrics) -> str:
    """Among those who could have bought at all, where that says less than the whole."""
    if found.get("n_in_reach") in (None, found.get("n_test")):
        return ""
    return f"{_number(found, 'auc_in_reach'):.3f} among those in reach; "


def _segment_lines(found: Metrics) -> list[str]:
    return [
        f"{found['k']} segments, smallest {_number(found, 'smallest'):.1%} (limit 3.0%), "
        f"bootstrap Jaccard {_number(found, 'least_jaccard'):.2f} (limit 0.75), "
        f"silhouette {_number(found, 'silhouette'):.2f}",
        f"a tree of depth 4 gives each a rule: fidelity {_number(found, 'fidelity'):.2f}, "
        f"the largest segment alone {_number(found, 'baseline_fidelity'):.2f}",
    ]


def _ranking_lines(found: Metrics) -> list[str]:
    low, high = _pair(found["map_interval"])
    return [
        f"{found['chosen']}: MAP@5 {_number(found, 'map_at_5'):.3f} [{low:.3f}, {high:.3f}], "
        f"popularity {_number(found, 'baseline_map'):.3f}, n {found['n_test']:,}"
    ]


_LINES = {"segmentation": _segment_lines, "recommendation": _ranking_lines}


def _tracked(result: ModelResult, author: str) -> str:
    passed = sum(gate.passed for gate in result.gates)
    gates = f"{passed} of {len(result.gates)} gates passed"
    return f"MLflow version {result.version}, challenger, by {author}; {gates}"


def _number(found: Metrics, name: str) -> float:
    return float(str(found[name]))


def _pair(value: object) -> tuple[float, float]:
    assert isinstance(value, list)
    return float(value[0]), float(value[1])
