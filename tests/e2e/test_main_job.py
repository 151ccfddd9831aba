"""The main job end to end on a generated bank, by the command line alone."""

import json

import numpy as np
import pyarrow as pa

from crm_rules.governance.materiality import MATERIALITY, Materiality
from feature_repo.packed_rows import PackedRows
from feature_repo.raw.generate.next_product import foretell
from feature_repo.raw.source import Source
from feature_repo.settings import Settings
from monitoring.batch_log import read
from serving.bootstrap.releases import current_release, open_scorer
from serving.deciding.asking import OfferRequest, Stamp
from serving.deciding.records import Decision
from training.dataset import spine_table
from training.labels import History, active
from training.recommendation.moments import ADDED, HELD, HORIZON, flags, half_years
from training.recommendation.ranking import rank

STEPS = [
    "data", "features", "segmentation", "propensity", "credit_risk", "recommendation",
    "release", "loyalty", "decisions", "drift",
]  # fmt: skip


def test_every_step_ran_and_counted_its_rows(generated):
    steps = generated.printed["steps"]
    assert [step["name"] for step in steps] == STEPS
    assert all(step["rows"] > 0 and not step["again"] for step in steps)


def test_models_stand_beside_their_baselines_with_intervals(generated):
    models = generated.printed["models"]
    for member in (models["propensity"]["churn"], models["credit_risk"]["behaviour"]):
        low, high = member["auc_interval"]
        assert 0.5 < low < member["auc_out_of_time"] < high < 0.95
        assert 0 < member["baseline_auc"] < 0.95
    assert models["recommendation"]["map_at_5"] >= models["recommendation"]["baseline_map"]
    assert models["segmentation"]["k"] >= 3


def test_the_run_prints_a_decision_with_reasons_and_a_verdict(generated):
    decision = generated.printed["decision"]
    assert decision["outcome"] in ("approve", "refer", "decline")
    assert decision["release"]["digest"] == generated.printed["release"]
    assert all(reason["en"] and reason["zh"] for reason in decision["reasons"])
    assert generated.printed["drift"]["level"] in ("stable", "investigate", "act")
    assert generated.printed["drift"]["verdict"]


def test_the_same_command_again_does_no_step_again(generated):
    again = json.loads(
        generated.bank("run", "--no-serve", "--json", "--customers", "4000", "--seed", "7").stdout
    )
    assert [step["name"] for step in again["steps"] if step["again"]] == STEPS
    assert again["release"] == generated.printed["release"]


def test_the_release_verifies_and_each_part_has_every_signature_its_tier_needs(generated):
    shown = generated.bank("release", "show").stdout
    promoted = generated.printed["promotion"]["promoted"]
    assert shown.count("signed victor (validator), rita (risk_approver)") == len(promoted)
    assert "\nNO  " not in shown
    told = json.loads(generated.bank("release", "show", "--json").stdout)
    assert set(told["evidence"]) == set(promoted)
    rules = Materiality.load(MATERIALITY)
    for part, evidence in told["evidence"].items():
        assert evidence["tier"] == rules.tier_of(part, customers=4_000).name
        assert [each["role"] for each in evidence["approvals"]] == evidence["needs"]
        signers = [each["person"] for each in evidence["approvals"]]
        assert len(set(signers)) == len(signers)
        assert not {evidence["requested_by"], evidence["run"]["author"]} & set(signers)
        waived = {waiver["gate"] for waiver in evidence["waivers"]}
        assert {gate["name"] for gate in evidence["gates"] if not gate["passed"]} == waived
    assert generated.bank("release", "verify").returncode == 0


def test_every_record_of_the_run_is_as_it_was_written(generated):
    told = json.loads(generated.bank("audit", "verify", "--json").stdout)
    assert told["intact"]
    checked = {check["name"] for check in told["checks"]}
    assert {"heads", "ledger", "people", "governance", "releases", "mlflow", "batch files"} <= checked


def test_the_history_tells_who_let_each_part_decide(generated):
    told = json.loads(generated.bank("promote", "history", "--at", "2999-01-01", "--json").stdout)
    assert told["release"] == generated.printed["release"]
    assert set(told["parts"]) == set(generated.printed["promotion"]["promoted"])
    assert all(part["request"] and part["evidence"]["approvals"] for part in told["parts"].values())


def test_the_log_verifies_and_decisions_replay_to_the_bit(generated):
    assert "intact" in generated.bank("decisions", "verify").stdout
    settings = Settings(home=generated.path)
    with PackedRows.open(settings.online) as rows:
        scorer = open_scorer(current_release(settings), rows)
        for use_case in ("next_best_action", "credit", "score_credit"):
            payloads = list(read(settings.decisions, use_case))[:50]
            assert payloads
            assert all(scorer.replay(payload).same for payload in payloads), use_case


def test_a_customer_alone_and_among_a_thousand_gets_the_same_bytes(generated):
    settings = Settings(home=generated.path)
    with PackedRows.open(settings.online) as rows:
        scorer = open_scorer(current_release(settings), rows)
        ids = [json.loads(payload)["customer_id"] for payload in read(settings.decisions, "next_best_action")]
        asked = [OfferRequest(name) for name in ids[:1000]]
        stamps = [Stamp(name, "r", "2026-01-01T00:00:00+00:00", "test") for name in ids[:1000]]
        together = scorer.next_best_action(asked, stamps)
        for at in range(0, 1000, 97):
            alone = scorer.next_best_action([asked[at]], [stamps[at]])[0]
            assert isinstance(alone, Decision)
            assert alone.body == together[at].body
            assert alone.record.payload == together[at].record.payload


def test_drift_is_measured_once_and_drawn_by_evidently_without_its_own_psi(generated):
    found = json.loads(generated.bank("monitor", "run", "--json").stdout)
    assert found["release"] == generated.printed["release"]
    assert {shift["part"] for shift in found["shifts"]} >= {"propensity", "credit_risk.behaviour"}
    text = (generated.path.parent / found["report"]).read_text()
    assert "Wasserstein" in text
    assert "PSI" not in text


def test_what_was_promoted_is_champion_in_mlflow(generated):
    listed = generated.bank("models", "list").stdout.splitlines()
    champions = {line.split()[0] for line in listed if "champion" in line}
    assert champions == set(generated.printed["promotion"]["promoted"]) - {"policy", "products", "reasons"}


def test_the_recommender_comes_close_to_what_only_the_bank_s_maker_knows(generated):
    """MAP@5 on the last half-year beside the oracle's on the same customers."""
    raw, truth = generated.path / "raw", generated.path / "truth"
    source = Source.read(raw)
    history = History(raw, source)
    at = half_years(history)[-1]
    known = foretell(truth, raw, at)
    spine = spine_table(known.customer_ids, np.full(len(known.customer_ids), at))
    spine = spine.filter(pa.array(there := active(history, spine)))
    places = pa.table({"product_id": list(known.products), "place": np.arange(len(known.products))})
    history.connection.register("product", places)
    shape = len(spine), len(known.products)
    held = flags(history.ask(HELD, spine), shape)
    added = flags(history.ask(ADDED, spine, horizon=HORIZON), shape) & ~held
    oracle = rank(known.chance[there], held, added).mean["map_at_5"]
    ours = generated.printed["models"]["recommendation"]
    assert ours["n_test"] == added.any(axis=1).sum()
    assert ours["map_at_5"] > 0.75 * oracle
    assert ours["gain_over_popularity"][1] > 0
