"""A tiny bank: hand-made models for six products, signed by demo people, and four customers' rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import prometheus_client  # noqa: F401  # before BentoML names a folder in which processes count together
import pytest
from onnx import TensorProto, helper

from crm_rules.governance import approvals, demo, keys
from crm_rules.governance.candidates import Tryout
from crm_rules.governance.heads import Heads
from crm_rules.governance.people import Trust
from crm_rules.governance.person import Role
from crm_rules.governance.session import Signer
from crm_rules.policy import STANDARD
from feature_repo.features.services import SERVED
from feature_repo.packed_rows import PackedRows
from feature_repo.zones import CODE
from serving.deciding.asking import Stamp
from serving.deciding.loaded import Loaded
from serving.deciding.online import OnlineRows
from serving.deciding.scoring import Scorer
from training.release.assemble import assemble, part_of, write_evidence
from training.release.candidate_record import candidate_record_of, set_candidate
from training.release.current import record_of, set_current
from training.release.manifest import Origin
from training.release.verify import verify

AT = datetime(2026, 3, 1, tzinfo=UTC)
EVENT_US = int(datetime(2026, 2, 28, tzinfo=UTC).timestamp() * 1e6)
PRODUCTS = (
    ("card-gold", "card", "Gold card", "金卡", 1, 30.0),
    ("fund-growth", "fund", "Growth fund", "成长基金", 4, 120.0),
    ("fund-money", "fund", "Money market fund", "货币基金", 1, 20.0),
    ("loan-cash", "loan", "Cash loan", "现金贷", 1, 200.0),
    ("savings-day", "savings", "Day savings", "活期储蓄", 1, 15.0),
    ("savings-term", "savings", "Term savings", "定期储蓄", 1, 40.0),
)
POPULARITY = (0.02, 0.005, 0.01, 0.015, 0.03, 0.02)
IDS = tuple(product[0] for product in PRODUCTS)
TREE_COLUMNS = ("inflow_90d", "balance_mean_90d", "mobile_share_90d", "tenure_months")
CREDIT_COLUMNS = ("instalment_to_inflow_90d", "payments_late_365d", "balance_min_90d")
CALIBRATION = {"a": 1.1, "b": -0.2}


@dataclass(frozen=True)
class Tiny:
    """Where the tiny bank lies and who may sign for it."""

    home: Path
    parts: Mapping[str, Path]
    origin: Origin
    trust: Trust
    release: str

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def online(self) -> Path:
        return self.home / "online.db"

    def key(self, person: str) -> keys.Ed25519PrivateKey:
        return keys.load(demo.key_path(self.home / "keys", person))

    def signer(self, person: str) -> Signer:
        return Signer(self.trust.person(person), self.key(person))

    def switch(
        self, release: str, number: int, by: str = "otto", role: Role = Role.OPERATOR, key: str = ""
    ) -> None:
        """Make a release current past every rule of promotion: by an operator, or by who says so."""
        signer = Signer(self.trust.person(by), self.key(key or by))
        record = record_of(release, number, signer, role, AT, self.trust)
        set_current(self.releases, record, Heads(self.home / "heads"))

    def try_out(self, release: str, tryout: Tryout, number: int) -> None:
        """Name a candidate, or without a release its end, past every rule of promotion: by an operator."""
        record = candidate_record_of(
            release, tryout, number, self.signer("otto"), Role.OPERATOR, AT, self.trust
        )
        set_candidate(self.releases, record, Heads(self.home / "heads"))

    def sign(self, release: str, names: Sequence[str] | None = None) -> None:
        """Let the demo validator and risk approver sign these parts of a release."""
        manifest = json.loads((self.releases / release / "manifest.json").read_bytes())
        for name in names or manifest["parts"]:
            evidence = evidence_for(name, manifest["parts"][name]["digest"], self)
            write_evidence(self.releases / release, evidence)


def evidence_for(name: str, digest: str, tiny: Tiny) -> dict[str, object]:
    request: dict[str, object] = {
        "part": name, "part_digest": digest, "request": "R1", "requested_by": "dana",
        "gates": [{"name": "tiny", "kind": "content", "value": 1.0, "limit": 0.5, "passed": True}],
        "run": {"mlflow_run": "none", "version": "1", "author": "dana"},
        "tier": "low", "needs": ["validator", "risk_approver"], "soft": [], "waivers": [], "pia": "PIA-1",
        "based_on": "", "validate_by": "2027-03-01", "origin": tiny.origin.as_json(),
    }  # fmt: skip
    signed = [
        approvals.approve(request, person, role, AT, tiny.key(person)).as_json()
        for person, role in (("victor", Role.VALIDATOR), ("rita", Role.RISK_APPROVER))
    ]
    return {**request, "approvals": signed}


def tree_file(seed: int, columns: Sequence[str], targets: int = 1, trees: int = 12) -> bytes:
    """Random trees of depth two over `columns`, as the exporter writes them."""
    rng = np.random.default_rng(seed)
    nodes: dict[str, list[object]] = {name: [] for name in (
        "nodes_treeids", "nodes_nodeids", "nodes_featureids", "nodes_modes", "nodes_values",
        "nodes_truenodeids", "nodes_falsenodeids", "nodes_missing_value_tracks_true",
    )}  # fmt: skip
    leaves: list[tuple[int, int, int, float]] = []
    for tree in range(trees):
        for node in range(7):
            leaf = node >= 3
            row = (
                tree, node, 0 if leaf else int(rng.integers(len(columns))), "LEAF" if leaf else "BRANCH_LT",
                0.0 if leaf else float(np.float32(rng.normal() * 50)), 0 if leaf else 2 * node + 1,
                0 if leaf else 2 * node + 2, 0 if leaf else int(rng.integers(2)),
            )  # fmt: skip
            for name, value in zip(nodes, row, strict=True):
                nodes[name].append(value)
            if leaf:
                leaves.append((tree, node, int(rng.integers(targets)), float(np.float32(rng.normal() / 3))))
    ensemble = helper.make_node(
        "TreeEnsembleRegressor", ["X"], ["Y"], domain="ai.onnx.ml", n_targets=targets,
        aggregate_function="SUM", post_transform="NONE", base_values=[0.0] * targets, **nodes,
        target_treeids=[leaf[0] for leaf in leaves], target_nodeids=[leaf[1] for leaf in leaves],
        target_ids=[leaf[2] for leaf in leaves], target_weights=[leaf[3] for leaf in leaves],
    )  # fmt: skip
    graph = helper.make_graph(
        [ensemble], "trees",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, len(columns)])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [None, targets])],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString(deterministic=True))


def _write(folder: Path, files: Mapping[str, object]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        (folder / name).write_bytes(raw)
    return folder


def _segmentation() -> dict[str, object]:
    segments = [
        {
            "id": "S1",
            "name_en": "Quiet savers",
            "name_zh": "稳健储户",
            "rule": "low inflow",
            "share": 0.6,
            "stability": 0.9,
        },
        {
            "id": "S2",
            "name_en": "Busy earners",
            "name_zh": "活跃客户",
            "rule": "high inflow",
            "share": 0.4,
            "stability": 0.8,
        },
    ]
    return {"model.json": {
        "kind": "sparse_kmeans", "columns": ["inflow_90d", "mobile_share_90d"], "log_columns": ["inflow_90d"],
        "fill": [1000.0, 0.5], "mean": [7.0, 0.5], "scale": [1.5, 0.25],
        "centers": [[-1.0, 0.0], [1.0, 0.5]], "weights": [0.8, 0.6], "limit": 4.0, "segments": segments,
        "last_number": 2, "value": {
            "recency": "days_since_last_booking", "frequency": "bookings_90d", "monetary": "outflow_90d",
            "edges": [[1.0, 5.0, 10.0, 30.0], [5.0, 10.0, 20.0, 40.0], [1e3, 2e3, 4e3, 8e3]],
            "volume": ["balance_mean_90d", "holdings_value"], "tier_edges": [2e3, 2e4, 1e5],
        },
    }, "reference.json": {}}  # fmt: skip


def _propensity() -> dict[str, object]:
    families = {"card": "card", "fund": "fund", "loan": "loan", "savings": "savings", "churn": None}
    files: dict[str, object] = {f"{n}.onnx": tree_file(s, TREE_COLUMNS) for s, n in enumerate(families)}
    files |= {
        f"{n}.reasons.onnx": tree_file(s, TREE_COLUMNS, len(TREE_COLUMNS)) for s, n in enumerate(families)
    }
    members = {
        name: {"family": family, "columns": list(TREE_COLUMNS), "calibration": CALIBRATION,
               "base_rate": 0.1, "metrics": {}}
        for name, family in families.items()
    }  # fmt: skip
    return files | {"model.json": {"members": members}, "reference.json": {}}


def _scorecard() -> dict[str, object]:
    def characteristic(column: str, edges: list[float], points: list[float]) -> dict[str, object]:
        return {"column": column, "edges": edges, "points": points, "missing_points": 20.0,
                "woe": points, "missing_woe": 0.0, "reference_points": max(points)}  # fmt: skip

    return {
        "calibration": {"a": 1.0, "b": 0.0}, "intercept": 0.0, "factor": 28.85, "offset": 487.1,
        "pdo": 20, "base_score": 600, "base_odds": 50,
        "characteristics": [
            characteristic("application_instalment_to_income", [0.1, 0.3, 0.6], [240.0, 210.0, 160.0, 90.0]),
            characteristic("balance_mean_90d", [0.0, 2000.0], [80.0, 130.0, 190.0]),
            characteristic("payments_late_365d", [1.0, 3.0], [180.0, 120.0, 40.0]),
        ],
    }  # fmt: skip


def _credit() -> dict[str, object]:
    grades = [{"grade": g, "pd_max": p} for g, p in (("A", 0.02), ("B", 0.06), ("C", 0.15), ("D", 1.0))]
    boosting = {"columns": list(CREDIT_COLUMNS), "calibration": CALIBRATION, "reference_margin": 0.0}
    reference = {
        "application_instalment_to_income": 0.05, "balance_mean_90d": 3_000.0, "payments_late_365d": 0.0,
        "instalment_to_inflow_90d": 0.1, "balance_min_90d": 200.0,
    }  # fmt: skip
    application = {"decides": "scorecard", "columns": [], "grades": grades, "metrics": {},
                   "boosting": boosting, "scorecard": _scorecard(), "reference": reference}  # fmt: skip
    behaviour = {"decides": "boosting", "columns": list(CREDIT_COLUMNS), "grades": grades, "metrics": {},
                 "boosting": boosting, "scorecard": None, "reference": reference}  # fmt: skip
    files: dict[str, object] = {
        f"{name}{kind}.onnx": tree_file(seed, CREDIT_COLUMNS, len(CREDIT_COLUMNS) if kind else 1)
        for seed, (name, kind) in enumerate(
            [("application", ""), ("application", ".reasons"), ("behaviour", ""), ("behaviour", ".reasons")],
            start=50,
        )
    }
    return files | {
        "model.json": {"members": {"application": application, "behaviour": behaviour}},
        "reference.json": {},
    }


def _recommendation(folder: Path, segmentation: Path) -> Path:
    """Additive effects of an everybody's row, three bands, three segments and six products held."""
    files = {path.name: path.read_bytes() for path in segmentation.iterdir()}
    facts = [
        {"product_id": i, "family": f, "risk_level": float(risk), "rate": 0.02, "minimum_amount": 100.0,
         "tier_required": None}
        for i, f, _, _, risk, _ in PRODUCTS
    ]  # fmt: skip
    families = sorted({f for _, f, *_ in PRODUCTS})
    model = {
        "kind": "hybrid", "products": facts, "popularity": list(POPULARITY),
        "bands": {"columns": ["income_monthly"], "edges": [[1000.0]]},
        "segments": 2, "segmentation": part_of("segmentation", files).digest,
        "encoding": {"families": families, "center": [[1.0, 0.02, 4.6]] * 4, "scale": [1.0, 0.01, 1.0]},
        "calibration": {family: {"a": 1.1, "b": -0.1} for family in families}, "horizon_days": 180,
    }  # fmt: skip
    _write(folder, {"model.json": model, "reference.json": {}})
    rng = np.random.default_rng(7)
    effects = rng.normal(size=(13, len(IDS)))
    effects[0] -= 3.0
    np.savez(folder / "effects.npz", effects=effects, by_attribute=rng.normal(size=(13, 8)))
    return folder


def _catalogue() -> list[dict[str, object]]:
    return [
        {"product_id": i, "family": f, "title_en": en, "title_zh": zh, "risk_level": risk, "rate": 0.02,
         "minimum_amount": 100.0, "value": value, "tier_required": None}
        for i, f, en, zh, risk, value in PRODUCTS
    ]  # fmt: skip


def make_parts(folder: Path) -> dict[str, Path]:
    policies = STANDARD.parent
    segmentation = _write(folder / "segmentation", _segmentation())
    return {
        "segmentation": segmentation,
        "propensity": _write(folder / "propensity", _propensity()),
        "credit_risk": _write(folder / "credit_risk", _credit()),
        "recommendation": _recommendation(folder / "recommendation", segmentation),
        "policy": _write(
            folder / "policy",
            {
                name: (policies / source).read_bytes()
                for name, source in (("policy.toml", "standard.toml"), ("segments.toml", "segments.toml"))
            },
        ),
        "products": _write(
            folder / "products", {"products.json": _catalogue(), "offers.toml": b'version = "tiny"'}
        ),
        "reasons": _write(folder / "reasons", {"reasons.toml": (policies / "reasons.toml").read_bytes()}),
    }


def feature_row(**known: float) -> dict[str, float]:
    """A customer of average means who agreed to everything; `known` replaces single values."""
    usual = {
        "age_years": 40.0, "is_company": 0.0, "tenure_months": 30.0, "income_monthly": 4000.0,
        "risk_level": 3.0, "risk_assessment_age_days": 60.0, "inflow_90d": 12_000.0,
        "balance_mean_90d": 3_000.0, "balance_min_90d": 200.0, "mobile_share_90d": 0.6,
        "payments_late_365d": 0.0, "days_past_due": 0.0, "complaints_365d": 0.0, "loans_running": 0.0,
        "instalments_monthly": 0.0, "exposure_total": 0.0,
        "instalment_to_inflow_90d": 0.1, "consent_marketing_email": 1.0, "consent_marketing_phone": 0.0,
        "consent_marketing_app": 1.0, "consent_profiling": 1.0,
        "preferred_channel": 3.0, "time_zone": float(CODE["Asia/Shanghai"]),
    }  # fmt: skip
    return usual | known


CUSTOMERS: dict[str, tuple[dict[str, float], tuple[str, ...]]] = {
    "ann": (feature_row(), ("savings-day",)),
    "ben": (feature_row(inflow_90d=900.0, mobile_share_90d=np.nan, loans_running=1.0), ()),
    "cat": (feature_row(consent_profiling=0.0, risk_level=np.nan), ("card-gold", "fund-money")),
    "dan": (feature_row(payments_late_365d=5.0, days_past_due=40.0, income_monthly=500.0), ("loan-cash",)),
}


def write_rows(online: Path) -> None:
    with PackedRows.open(online, read_only=False) as rows:
        for view, columns in SERVED.items():
            matrix = [[row.get(column, np.nan) for column in columns] for row, _ in CUSTOMERS.values()]
            rows.write(view, columns, list(CUSTOMERS), [EVENT_US] * len(CUSTOMERS), np.array(matrix))
        owned = [[float(product in held) for product in IDS] for _, held in CUSTOMERS.values()]
        rows.write("owned", IDS, list(CUSTOMERS), [EVENT_US] * len(CUSTOMERS), np.array(owned))


def make_tiny(home: Path) -> Tiny:
    trust = demo.make_demo(home / "trust.json", home / "keys", AT)
    parts = make_parts(home / "parts")
    origin = Origin({**SERVED, "owned": IDS}, {"from": "2025-01-01", "to": "2026-03-01"}, {"name": "tiny"})
    tiny = Tiny(home, parts, origin, trust, assemble(home / "releases", parts, origin))
    tiny.sign(tiny.release)
    tiny.switch(tiny.release, 1)
    write_rows(tiny.online)
    return tiny


@pytest.fixture
def tiny(tmp_path: Path) -> Tiny:
    """A tiny bank of one's own, to be broken."""
    return make_tiny(tmp_path)


@pytest.fixture(scope="session")
def whole_tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """A tiny bank for tests that only look."""
    return make_tiny(tmp_path_factory.mktemp("tiny"))


Features = npt.NDArray[np.float32]


def random_features(rows: int, columns: int, seed: int = 3) -> Features:
    """Features of many sizes, a tenth of them missing."""
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(rows, columns)) * 10 ** rng.integers(0, 4, size=columns)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def make_scorer(tiny: Tiny) -> Scorer:
    release = verify(tiny.releases, tiny.release, tiny.trust)
    loaded = Loaded.of(release)
    return Scorer(loaded, OnlineRows(PackedRows.open(tiny.online), release.manifest.origin, release.digest))


def stamp(number: int = 1) -> Stamp:
    return Stamp(f"d-{number}", f"r-{number}", AT.isoformat(), "test")


@pytest.fixture(scope="session")
def scorer(whole_tiny: Tiny) -> Scorer:
    """The scorer of the tiny bank."""
    return make_scorer(whole_tiny)
